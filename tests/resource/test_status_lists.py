"""An API that looks tokens up in their status lists: against the running server, and against one
that publishes bad lists."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from tests.attacks.play import change, claims, find
from tests.browser import Asking, authorize
from tests.installation import CHIRP_CATALOG, SECRETS
from tests.live import Live, caught_up, live
from tests.resource.issuing import CATALOG, Issuing
from tests.rows import row

from valetkey.jose import jwt
from valetkey.jose.jwk import generate
from valetkey.resource import Refused, ResourceServer, Unreachable
from valetkey.server.model.grant import Grant
from valetkey.server.model.resource import ResourceServer as Registered
from valetkey.wire.status_list import (
    INVALID,
    MEDIA,
    SUSPENDED,
    TYPE,
    ListToken,
    Reference,
    Status,
    pack,
)

pytestmark = pytest.mark.anyio

PLAIN = replace(
    CHIRP_CATALOG,
    permissions=tuple(replace(one, counted=False) for one in CHIRP_CATALOG.permissions),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("lists")) as running:
        change(running, replace(find(running, Registered, "chirp"), status_list=True))
        caught_up()
        yield running


def key(server: Live) -> str:
    asking = Asking(scope="chirps")
    code = authorize(server.browser(), asking)
    answer = server.http.post("/token", data=asking.redemption(code)).json()
    token: str = answer["access_token"]
    return token


def kit(server: Live) -> ResourceServer:
    return ResourceServer(issuer=server.issuer, catalog=PLAIN, live="list")


async def opens(api: ResourceServer, token: str) -> str:
    """ "yes", or the reason that it does not."""
    try:
        await api.verify(f"Bearer {token}", needs=("chirps.read",))
    except Refused as refused:
        return refused.challenge.reason
    return "yes"


async def test_a_key_that_is_paused_and_stopped(server: Live) -> None:
    """Each time as an API that has just come: none remembers a list from before."""
    token = key(server)
    grant = claims(token)["grant_id"]
    observed = []
    for status in ("active", "paused", "active", "stopped"):
        change(server, replace(find(server, Grant, grant), status=status))
        await asyncio.sleep(1.1)  # A signed list goes out again for a second.
        api = kit(server)
        observed.append(await opens(api, token))
        await api.close()
    assert observed == ["yes", "paused", "yes", "stopped"]


async def test_a_list_is_kept_for_as_long_as_it_says(server: Live) -> None:
    token, api = key(server), kit(server)
    assert await opens(api, token) == "yes"
    change(server, replace(find(server, Grant, claims(token)["grant_id"]), status="stopped"))
    assert await opens(api, token) == "yes"
    lists = api._connection.status_source._lists
    for stored in lists._cached.values():
        stored.again = 0.0
    await asyncio.sleep(1.1)
    assert await opens(api, token) == "stopped"
    await api.close()


def test_the_answer_can_be_kept_by_anybody_for_a_moment(server: Live) -> None:
    uri = claims(key(server))["status"]["status_list"]["uri"]
    answer = server.http.get(uri)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == MEDIA
    assert answer.headers["cache-control"] == "public, max-age=5"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert server.http.head(uri).status_code == 200
    assert server.http.post(uri).status_code == 405
    assert server.http.get(f"{uri}x").status_code == 404
    assert server.http.get(uri, params={"time": "1686925000"}).status_code == 501


def test_where_the_lists_are_is_for_apis(server: Live) -> None:
    about = server.http.get("/.well-known/oauth-authorization-server").json()
    address = about["status_list_aggregation_endpoint"]
    answer = server.http.get(address, auth=("chirp", SECRETS["chirp"]))
    uri = claims(key(server))["status"]["status_list"]["uri"]
    assert uri in answer.json()["status_lists"]
    assert server.http.get(address).status_code == 401
    assert server.http.get(address, auth=("web", SECRETS["web"])).status_code == 401


# --- bad lists ---------------------------------------------------------------------------------


@pytest.fixture
def issuing() -> Iterator[Issuing]:
    server = Issuing()
    yield server
    server.stop()


def token(issuing: Issuing, *, idx: int = 3, uri: str = "/status/0.0.c3RlZg") -> str:
    address = uri if "://" in uri else issuing.issuer + uri
    return issuing.token(status=Status(status_list=Reference(idx=idx, uri=address)))


def listed(issuing: Issuing, statuses: dict[int, int], *, by: Any = None, **more: Any) -> None:
    now = int(time.time())
    usual: dict[str, Any] = {
        "iss": issuing.issuer,
        "sub": f"{issuing.issuer}/status/0.0.c3RlZg",
        "iat": now,
        "exp": now + 60,
        "ttl": 5,
        "status_list": pack(statuses, size=64),
    }
    text = jwt.sign(ListToken(**(usual | more)), key=by or issuing.key, typ=TYPE)
    issuing.replies["/status/0.0.c3RlZg"] = (200, text.encode())


def api(issuing: Issuing) -> ResourceServer:
    return ResourceServer(issuer=issuing.issuer, catalog=CATALOG, live="list")


SAYS = [
    row("7.1", "valid", {}, "yes"),
    row("7.1", "another's place", {2: INVALID, 4: SUSPENDED}, "yes"),
    row("7.1", "invalid", {3: INVALID}, "stopped"),
    row("7.1", "suspended", {3: SUSPENDED}, "paused"),
    row("7.1", "a word that nobody agreed on", {3: 3}, ""),
]


@pytest.mark.parametrize("statuses,says", SAYS)
async def test_what_a_list_says_counts(issuing: Issuing, statuses: Any, says: str) -> None:
    listed(issuing, statuses)
    assert await opens(api(issuing), token(issuing)) == says


BAD: list[Any] = [
    row("8.3", "another's key", lambda at: listed(at, {}, by=generate("ES256"))),
    row("8.3", "another list", lambda at: listed(at, {}, sub=f"{at.issuer}/status/0.1.c3RlZg")),
    row("8.3", "another issuer", lambda at: listed(at, {}, iss="https://evil.example")),
    row("8.3", "over", lambda at: listed(at, {}, iat=1, exp=2)),
    row("8.3", "no such place", lambda at: listed(at, {}, status_list=pack({}, size=0))),
    row("8.2", "not there", lambda at: at.replies.update({"/status/0.0.c3RlZg": (404, b"")})),
    row("8.2", "leads elsewhere", lambda at: at.replies.update({"/status/0.0.c3RlZg": (302, b"")})),
    row("8.2", "no list", lambda at: at.replies.update({"/status/0.0.c3RlZg": (200, b"\xff{}")})),
]


@pytest.mark.parametrize("publish", BAD)
async def test_nobody_is_let_in_on_a_bad_list(issuing: Issuing, publish: Any) -> None:
    publish(issuing)
    with pytest.raises(Unreachable):
        await opens(api(issuing), token(issuing))


async def test_a_list_elsewhere_is_not_asked_for(issuing: Issuing) -> None:
    """ATTACKS A51: an API knocks at its issuer, and nowhere else."""
    with pytest.raises(Unreachable):
        await opens(api(issuing), token(issuing, uri="http://127.0.0.1:1/status"))
    with pytest.raises(Unreachable):
        await opens(api(issuing), token(issuing, uri=f"{issuing.issuer}.evil.example/status"))


async def test_a_token_that_names_no_list_opens_nothing(issuing: Issuing) -> None:
    with pytest.raises(Unreachable):
        await opens(api(issuing), issuing.token())


async def test_whoever_can_ask_does_so_instead(issuing: Issuing) -> None:
    kit = ResourceServer(
        issuer=issuing.issuer, catalog=CATALOG, live="list", credentials=("chirp", "s")
    )
    assert await opens(kit, issuing.token()) == "yes"
    assert issuing.asked["/introspect"] == 1


async def test_while_the_server_is_silent_the_last_list_counts_until_its_end(
    issuing: Issuing,
) -> None:
    listed(issuing, {})
    kit = api(issuing)
    assert await opens(kit, token(issuing)) == "yes"
    (stored,) = kit._connection.status_source._lists._cached.values()
    issuing.replies["/status/0.0.c3RlZg"] = (503, b"")
    stored.again = 0.0
    assert await opens(kit, token(issuing)) == "yes"
    (stored,) = kit._connection.status_source._lists._cached.values()
    assert stored.status_list is not None
    stored.status_list = replace(stored.status_list, until=0)
    with pytest.raises(Unreachable):
        await opens(kit, token(issuing))


async def test_one_fetch_for_many_calls(issuing: Issuing) -> None:
    listed(issuing, {})
    kit = api(issuing)
    for _ in range(5):
        assert await opens(kit, token(issuing)) == "yes"
    assert issuing.asked["/status/0.0.c3RlZg"] == 1
    issuing.replies["/status/0.0.c3RlZg"] = (503, b"")
    (stored,) = kit._connection.status_source._lists._cached.values()
    stored.again = 0.0
    for _ in range(5):
        await opens(kit, token(issuing))
    assert issuing.asked["/status/0.0.c3RlZg"] == 2
