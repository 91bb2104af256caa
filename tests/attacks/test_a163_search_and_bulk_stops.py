"""A163: search and bulk acts of administrators as a way to more (CWE-639, CWE-89, CWE-799).

Attack: An administrator searches with a language of the database, goes on with a cursor of another
list, looks at grants with a key that may only read users, orders a bulk stop with the preview of
somebody else, with an old one, or twice, or resumes what a user has paused.
Defense: A search compares bytes, and a cursor leads to nothing outside of its own list. Each noun
has its permission. The token of a preview is authenticated, and binds the filter, the number, the
person and ten minutes. A pause of the user's own is only the user's to end.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.attacks.play import introspected, tokens
from tests.live import Live, caught_up, live
from tests.server.admin.play import ALL, Administrator, list_app, machine

from valetkey.jose import base64url, seal
from valetkey.server.model.bulk_stop import BulkStop
from valetkey.server.model.query import Many

READS = (
    "/grants",
    "/grants/none",
    "/bulk-stops",
    "/bulk-stops/none",
    "/statistics",
    "/keys",
    "/jobs",
    "/jobs/none",
    "/streams",
    "/streams/client/web",
    "/policies",
    "/policies/default",
    "/settings",
    "/resources",
    "/resources/chirp",
    "/resources/chirp/revisions",
)
WRITES: dict[str, dict[str, Any]] = {
    "/grants/none/pause": {},
    "/grants/none/resume": {},
    "/bulk-stops/preview": {"all": True},
    "/bulk-stops": {"token": "x"},
    "/bulk-stops/none/cancel": {},
    "/keys/rotate": {},
    "/keys/none/revoke": {},
    "/jobs/none/retry": {},
    "/resources/chirp/secrets": {},
    "/resources/chirp/preview": {"catalog": {}},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("search"), enable=("administration",)) as running:
        for client in ("machine", "agent"):
            list_app(running, client, *ALL)
        caught_up()
        yield running


@pytest.fixture(scope="module")
def admin(server: Live) -> Administrator:
    return machine(server)


@pytest.mark.parametrize("path", READS)
def test_a_key_for_users_reads_nothing_else(server: Live, path: str) -> None:
    assert machine(server, "users.read").call("GET", path).status_code == 403


@pytest.mark.parametrize("path", WRITES)
def test_a_key_that_reads_changes_nothing(server: Live, path: str) -> None:
    reads = [one for one in ALL if one.endswith(".read") and one != "catalog.read"]
    assert machine(server, *reads).call("POST", path, WRITES[path]).status_code == 403


def test_a_preview_of_somebody_else_orders_nothing(server: Live, admin: Administrator) -> None:
    tokens(server)
    token = admin.post("/bulk-stops/preview", {"app": "stefapp"})["token"]
    other = machine(server, client="agent")
    assert other.call("POST", "/bulk-stops", {"token": token}).status_code == 403
    assert admin.get("/grants", app="stefapp")["items"]


def test_a_preview_is_not_made_up(server: Live, admin: Administrator) -> None:
    """Neither with another filter, nor without a proof, nor out of nothing."""
    tokens(server)
    token = admin.post("/bulk-stops/preview", {"app": "nobody"})["token"]
    raw = base64url.decode(token)
    other = raw.replace(b"nobody", b"stefap")
    assert other != raw
    for made in (other, bytes(seal.MAC) + other[seal.MAC :], raw[seal.MAC :], b"", b"x" * 100):
        order = {"token": base64url.encode(made)}
        assert admin.call("POST", "/bulk-stops", order).status_code == 400, made
    assert admin.call("POST", "/bulk-stops", {"token": "~"}).status_code == 400


def test_a_preview_grows_old(
    server: Live, admin: Administrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens(server)
    name = "valetkey.server.admin.operations.bulk_stops.TOKEN_SECONDS"
    monkeypatch.setattr(name, 0)
    token = admin.post("/bulk-stops/preview", {"app": "stefapp"})["token"]
    answer = admin.call("POST", "/bulk-stops", {"token": token})
    assert (answer.status_code, "too old" in answer.json()["detail"]) == (409, True)


def test_a_preview_is_good_for_what_it_showed(server: Live, admin: Administrator) -> None:
    """Ordered twice, the second order finds that the number is another one."""
    held = tokens(server)
    token = admin.post("/bulk-stops/preview", {"app": "stefapp"})["token"]
    order = {"token": token, "reason": "a test"}
    first = admin.call("POST", "/bulk-stops", order)
    assert first.status_code == 202
    until = time.monotonic() + 30
    while admin.get(f"/bulk-stops/{first.json()['id']}")["status"] == "running":
        assert time.monotonic() < until
        time.sleep(0.1)
    assert not introspected(server, held["access_token"])["active"]
    assert admin.call("POST", "/bulk-stops", order).status_code == 409
    again = tokens(server)
    assert introspected(server, again["access_token"])["active"]


def test_a_repeated_order_is_one_bulk_stop(server: Live, admin: Administrator) -> None:
    token = admin.post("/bulk-stops/preview", {"app": "nobody"})["token"]
    answers = [
        admin.call("POST", "/bulk-stops", {"token": token}, idempotency_key="once").json()
        for _ in range(3)
    ]
    assert answers[0] == answers[1] == answers[2]
    query = Many(BulkStop)
    rows = server.run(server.store.read(query)).many(query)
    assert [one.id for one in rows].count(answers[0]["id"]) == 1


def test_a_cursor_of_one_list_opens_no_other(server: Live, admin: Administrator) -> None:
    tokens(server)
    page = admin.get("/users", limit="1")
    for path in ("/grants", "/grants?app=stefapp", "/users?limit=1&email=m", "/apps", "/jobs"):
        mark = "&" if "?" in path else "?"
        answer = admin.call("GET", f"{path}{mark}cursor={page['next']}")
        assert answer.status_code == 400, path
