"""A77, A51, A81: other parties' records, with streams of security events.

Attack: A receiver reads or changes another's stream, or points it to an internal address.
Defense: The server checks the owner at each request, and connects only to public addresses.
"""

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.attacks.play import change, claims, every, find, signed_in, tokens
from tests.installation import SECRETS
from tests.live import Live
from tests.outside import Host, outside
from tests.rows import row

from valetkey.server.model.client import Client
from valetkey.server.model.stream import Signal, Stream

CHIRP = ("chirp", SECRETS["chirp"])
OTHERS = [
    row("A77", "another API", ("photos", SECRETS["photos"])),
    row("A77", "an app that has opted in", ("web", SECRETS["web"])),
]


@pytest.fixture(scope="module", autouse=True)
def _opted_in(server: Live) -> None:
    change(server, find(server, Client, "web"), understands=("shared_signals",))


@pytest.fixture(autouse=True)
def _no_streams(server: Live) -> Iterator[None]:
    yield
    for one in every(server, Stream):
        kind, _, name = one.receiver.partition(" ")
        ask(server, (name, SECRETS[name]), "DELETE", "stream", query={"stream_id": one.id})
        assert kind in {"client", "resource"}


def ask(
    server: Live,
    by: tuple[str, str],
    method: str,
    path: str,
    *,
    query: dict[str, str] | None = None,
    **said: Any,
) -> httpx2.Response:
    body = None if method in {"GET", "DELETE"} else said
    return server.http.request(method, f"/signals/{path}", params=query, auth=by, json=body)


def stream(server: Live, by: tuple[str, str] = CHIRP, **said: Any) -> str:
    answer = ask(server, by, "POST", "stream", **said)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["stream_id"])


@pytest.fixture(scope="module")
def grant(server: Live) -> str:
    """A key of Miko's to stefApp."""
    return str(claims(tokens(server)["access_token"])["grant_id"])


def happens(server: Live, grant: str) -> None:
    """Miko pauses the key, or lets it go on."""
    browser = signed_in(server, "miko")
    browser.open(f"/apps/{grant}")
    browser.press("pause" if 'id="pause"' in browser.page.text else "resume")


CALLS: list[Any] = [
    ("GET", "stream", True),
    ("PATCH", "stream", False),
    ("PUT", "stream", False),
    ("DELETE", "stream", True),
    ("GET", "status", True),
    ("POST", "status", False),
    ("POST", "subjects/add", False),
    ("POST", "subjects/remove", False),
    ("POST", "verify", False),
]


@pytest.mark.parametrize("by", OTHERS)
@pytest.mark.parametrize("method,path,in_query", CALLS)
def test_a_stream_is_there_for_its_receiver_alone(
    server: Live, by: tuple[str, str], method: str, path: str, in_query: bool
) -> None:
    """By any verb; and it looks like one that was never there."""
    mine = stream(server)
    before = find(server, Stream, "resource chirp")
    subject = {"format": "iss_sub", "iss": server.issuer, "sub": "x"}
    for named in (mine, "0" * 26):
        query = {"stream_id": named} if in_query else None
        said: dict[str, Any] = {"stream_id": named, "status": "disabled", "subject": subject}
        answer = ask(server, by, method, path, query=query, **said)
        assert (answer.status_code, answer.json()["error"]) == (404, "invalid_request")
    assert find(server, Stream, "resource chirp") == before


@pytest.mark.parametrize("by", OTHERS)
def test_what_waits_for_one_is_neither_read_nor_acknowledged_by_another(
    server: Live, grant: str, by: tuple[str, str]
) -> None:
    stream(server)
    stream(server, by)
    happens(server, grant)
    (jti,) = ask(server, CHIRP, "POST", "poll", returnImmediately=True).json()["sets"]
    forged = ask(server, by, "POST", "poll", returnImmediately=True, ack=[jti], setErrs={jti: {}})
    assert jti not in forged.json()["sets"]
    assert [*ask(server, CHIRP, "POST", "poll", returnImmediately=True).json()["sets"]] == [jti]


def test_an_acknowledgement_that_comes_twice_takes_nothing_else(server: Live, grant: str) -> None:
    stream(server)
    happens(server, grant)
    (first,) = ask(server, CHIRP, "POST", "poll", returnImmediately=True).json()["sets"]
    ask(server, CHIRP, "POST", "poll", ack=[first], maxEvents=0)
    happens(server, grant)
    for _ in range(2):
        told = ask(server, CHIRP, "POST", "poll", returnImmediately=True, ack=[first, "x", ""])
        assert len(told.json()["sets"]) == 1


def test_an_api_hears_nothing_of_keys_that_do_not_concern_it(server: Live, grant: str) -> None:
    """Photos has no part in stefApp's key."""
    stream(server, ("photos", SECRETS["photos"]))
    happens(server, grant)
    assert every(server, Signal) == ()


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """What lies inside, and would answer: it must never be asked."""
    with outside(tmp_path_factory.mktemp("inside")) as host:
        yield host


INSIDE = ["https://localhost:{}/", "https://127.0.0.1:{}/", "https://[::1]:{}/"]


@pytest.mark.parametrize("url", INSIDE)
def test_a_stream_that_leads_inside(server: Live, inside: Host, url: str) -> None:
    """A51: the one way out refuses to connect; the receiver learns nothing by it."""
    push = {"method": "urn:ietf:rfc:8935", "endpoint_url": url.format(inside.port)}
    name = stream(server, delivery=push)
    assert ask(server, CHIRP, "POST", "verify", stream_id=name).status_code == 204
    until = time.monotonic() + 10
    while time.monotonic() < until and not any(one.tried for one in every(server, Signal)):
        time.sleep(0.05)
    assert [one.tried for one in every(server, Signal)] == [1]
    assert not inside.posted
    assert not inside.asked
    status = ask(server, CHIRP, "GET", "status", query={"stream_id": name})
    assert status.json() == {"stream_id": name, "status": "enabled"}


def test_secrets_of_receivers_are_nowhere_in_the_database(server: Live) -> None:
    """A82: what is shown to a receiver lies sealed."""
    push = {
        "method": "urn:ietf:rfc:8935",
        "endpoint_url": "https://chirp.example/signals",
        "authorization_header": "Bearer open-sesame-42",
    }
    answer = ask(server, CHIRP, "POST", "stream", delivery=push)
    assert "sesame" not in answer.text
    files = [server.database, server.database.with_name(f"{server.database.name}-wal")]
    assert not any(b"open-sesame-42" in one.read_bytes() for one in files if one.exists())
