"""`valetkey resource sync`, `diff` and `history`: a catalog follows its API."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.cli.line import Line
from tests.installation import CHIRP_CATALOG
from tests.rows import row

from valetkey.server.model import ids
from valetkey.server.model.change import Create, Update
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant, GrantStatus
from valetkey.server.model.resource import CatalogRevision, ResourceServer
from valetkey.server.store.port import Store
from valetkey.wire.catalog import Catalog, Permission, Words

ISSUER = "http://127.0.0.1:8000"
PIN = Permission(id="chirps.pin", can="pin a chirp", words={"de": Words(can="anheften")})
WIDER = replace(CHIRP_CATALOG, permissions=(*CHIRP_CATALOG.permissions, PIN))
NARROWER = replace(
    CHIRP_CATALOG,
    permissions=tuple(one for one in CHIRP_CATALOG.permissions if one.id != "account.delete"),
)
OTHER_WORDS = replace(
    CHIRP_CATALOG,
    permissions=(
        replace(CHIRP_CATALOG.permissions[0], can="read what others chirp", risk="medium"),
        *CHIRP_CATALOG.permissions[1:],
    ),
    scopes={"chirps": ("chirps.read", "chirps.write"), "reading": ("chirps.read",)},
)


def published(line: Line, catalog: Catalog) -> str:
    """The catalog in a file."""
    (line.folder / "catalog.json").write_bytes(msgspec.json.encode(catalog))
    return "catalog.json"


HELD: tuple[tuple[str, tuple[str, ...], tuple[str, ...], GrantStatus], ...] = (
    ("miko", ("chirps.read", "account.delete"), (), "active"),
    ("noor", ("chirps.read",), ("account.delete",), "paused"),
    ("noor", ("account.delete",), (), "stopped"),
)
"""Who, what they hold, what they refused, and how it stands."""


@pytest.fixture
def granted(line: Line) -> list[Grant]:
    """Two live grants and one that is over; one of each holds what will be dropped."""
    line.furnish()
    env = Env(int(time.time()), os.urandom)
    made = [
        Grant(
            id=ids.owned_id(env, owner=line.users[user].id),
            user=line.users[user].id,
            client="stefapp",
            permissions=permissions,
            refused=refused,
            status=status,
            created=env.now,
            changed=env.now,
        )
        for user, permissions, refused, status in HELD
    ]

    async def write(store: Store) -> None:
        await store.commit([Create(grant) for grant in made])

    line.store(write)
    return made


def test_what_is_the_same_is_no_difference(line: Line) -> None:
    line.furnish()
    file = published(line, CHIRP_CATALOG)
    for verb in ("diff", "sync"):
        said = line.ok("resource", verb, "chirp", "--catalog-file", file)
        assert said == "no difference\n"
    assert line.ok("resource", "diff", "chirp", "--catalog-file", file, "--exit-code")
    assert line.every(CatalogRevision) == ()


def test_a_difference_is_said_in_words(line: Line) -> None:
    line.furnish()
    file = published(line, OTHER_WORDS)
    said = line.ok("resource", "diff", "chirp", "--catalog-file", file)
    assert said.splitlines() == [
        '~ chirps.read: can: "read your timeline" -> "read what others chirp"',
        '~ chirps.read: risk: "low" -> "medium"',
        "+ reading: a scope: chirps.read",
    ]
    result = line.run("resource", "diff", "chirp", "--catalog-file", file, "--exit-code")
    assert result.exit_code == 1
    (chirp,) = [one for one in line.every(ResourceServer) if one.id == "chirp"]
    assert chirp.catalog == CHIRP_CATALOG


def test_sync_registers_the_next_edition_and_says_who_did(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "olu")
    line.furnish()
    said = line.ok("resource", "sync", "chirp", "--catalog-file", published(line, WIDER))
    assert said == "+ chirps.pin: pin a chirp (low risk, act)\n"
    (chirp,) = [one for one in line.every(ResourceServer) if one.id == "chirp"]
    assert (chirp.catalog, chirp.revision) == (WIDER, 1)
    (edition,) = line.every(CatalogRevision)
    assert (edition.server, edition.number, edition.by) == ("chirp", 1, "olu")
    assert edition.catalog == WIDER
    listed = line.json("resource", "history", "chirp")
    assert [(one["edition"], one["by"]) for one in listed] == [(1, "olu")]
    assert "olu" in line.ok("resource", "history", "chirp")


def test_a_permission_that_is_new_joins_no_grant(line: Line, granted: list[Grant]) -> None:
    line.ok("resource", "sync", "chirp", "--catalog-file", published(line, WIDER))
    now = {one.id: one.permissions for one in line.every(Grant)}
    assert now == {one.id: one.permissions for one in granted}


def test_what_is_dropped_says_which_grants_it_touches(line: Line, granted: list[Grant]) -> None:
    file = published(line, NARROWER)
    shown = line.json("resource", "diff", "chirp", "--catalog-file", file)
    assert shown["grants"] == {"account.delete": 1}
    text = line.ok("resource", "diff", "chirp", "--catalog-file", file)
    assert text == "- account.delete: delete your account  [1 grants have it]\n"
    told = line.fails("resource", "sync", "chirp", "--catalog-file", file, status=2)
    assert "account.delete: 1 grants" in told
    assert "confirm with --yes" in told
    assert line.every(CatalogRevision) == ()
    assert {one.permissions for one in line.every(Grant)} == {one.permissions for one in granted}


def test_what_is_dropped_is_taken_away_and_does_not_come_back(
    line: Line, granted: list[Grant]
) -> None:
    """A permission that gets the same name later joins no grant by that."""
    file = published(line, NARROWER)
    line.ok("resource", "sync", "chirp", "--catalog-file", file, "--yes")
    by_id = {one.id: one for one in line.every(Grant)}
    assert by_id[granted[0].id].permissions == ("chirps.read",)
    assert by_id[granted[1].id].refused == ()
    told = [one for one in line.every(Event) if one.kind == "downgraded"]
    assert {(one.by, one.reason) for one in told} == {("administrator", "the API has dropped it")}
    line.ok("resource", "sync", "chirp", "--catalog-file", published(line, CHIRP_CATALOG))
    assert {one.number for one in line.every(CatalogRevision)} == {1, 2}
    assert not any(
        "account.delete" in one.permissions for one in line.every(Grant) if one.status == "active"
    )


def test_what_an_app_is_registered_for_is_not_dropped(line: Line) -> None:
    line.furnish()
    without = replace(
        CHIRP_CATALOG,
        permissions=tuple(one for one in CHIRP_CATALOG.permissions if one.id != "dms.send"),
    )
    file = published(line, without)
    told = line.fails("resource", "sync", "chirp", "--catalog-file", file, "--yes", status=2)
    assert "client 'stefapp'" in told
    assert "dms.send" in told


def test_apply_asks_too(line: Line, granted: list[Grant]) -> None:
    published(line, NARROWER)
    (line.folder / "state.toml").write_text(
        '[[resource_server]]\nid = "chirp"\ncatalog_file = "catalog.json"\n'
    )
    told = line.run("apply", "-f", "state.toml", "--dry-run")
    assert "account.delete: 1 grants" in told.stderr
    assert "confirm with --yes" in line.fails("apply", "-f", "state.toml", status=2)
    assert line.every(CatalogRevision) == ()
    line.ok("apply", "-f", "state.toml", "--yes")
    assert len(line.every(CatalogRevision)) == 1
    by_id = {one.id: one for one in line.every(Grant)}
    assert by_id[granted[0].id].permissions == ("chirps.read",)


class Site(dict[str, tuple[int, bytes]]):
    """What an API answers, by path."""

    address = ""

    def put(self, path: str, document: Any, status: int = 200) -> None:
        self[path] = (status, msgspec.json.encode(document))


METADATA, CATALOG = "/.well-known/oauth-protected-resource", "/.well-known/permission-catalog"


@contextmanager
def site() -> Iterator[Site]:
    """An API on a loopback port."""
    pages = Site()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = pages.get(self.path, (404, b"{}"))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", body.decode())
                body = b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        pages.address = f"http://127.0.0.1:{server.server_port}"
        try:
            yield pages
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def api(line: Line) -> Iterator[Site]:
    """Chirp, registered and publishing; its catalog has a permission more than is registered."""
    line.furnish()
    with site() as pages:
        here = replace(CHIRP_CATALOG, resource=pages.address)

        (chirp,) = [one for one in line.every(ResourceServer) if one.id == "chirp"]

        async def moved(store: Store) -> None:
            await store.commit([Update(replace(chirp, catalog=here))])

        line.store(moved)
        about = {
            "resource": pages.address,
            "authorization_servers": [ISSUER],
            "permission_catalog": pages.address + CATALOG,
        }
        pages.put(METADATA, about)
        pages.put(CATALOG, replace(WIDER, resource=pages.address))
        yield pages


def test_sync_fetches_what_the_api_publishes(line: Line, api: Site) -> None:
    assert "+ chirps.pin" in line.ok("resource", "diff", "chirp")
    line.ok("resource", "sync", "chirp")
    (edition,) = line.every(CatalogRevision)
    assert edition.catalog.permission("chirps.pin") == PIN


def _about(**changed: Any) -> Any:
    def edit(api: Site) -> None:
        about = msgspec.json.decode(api[METADATA][1]) | changed
        api.put(METADATA, about)

    return edit


def _elsewhere(api: Site) -> None:
    _about(permission_catalog="http://127.0.0.1:1/catalog")(api)


BAD = [
    row("9728", "no metadata", lambda api: api.pop(METADATA), "answers 404"),
    row("9728 3.3", "of another", _about(resource="https://other.example"), "is for"),
    row("9728", "another server's", _about(authorization_servers=["https://x.example"]), "name"),
    row("9728", "names no catalog", _about(permission_catalog=""), "names no permission_catalog"),
    row("9728", "a catalog elsewhere", _elsewhere, "on another host"),
    row("9728", "no catalog there", lambda api: api.pop(CATALOG), "answers 404"),
    row("bad", "no JSON", lambda api: api.update({CATALOG: (200, b"{")}), "catalog"),
    row("bad", "no catalog", lambda api: api.put(CATALOG, {"a": 1}), "catalog"),
    row("bad", "another's", lambda api: api.put(CATALOG, CHIRP_CATALOG), "is the catalog of"),
    row("bad", "twice the same", lambda api: api.update({CATALOG: (200, b'{"a":1,"a":2}')}), "a"),
    row("A51", "a redirect", lambda api: api.update({CATALOG: (302, b"/x")}), "answers 302"),
    row("A51", "without end", lambda api: api.put(CATALOG, "x" * 600_000), "too large"),
]


@pytest.mark.parametrize("edit,said", BAD)
def test_what_an_api_may_not_answer(line: Line, api: Site, edit: Any, said: str) -> None:
    edit(api)
    assert said in line.fails("resource", "sync", "chirp", "--yes", status=1)
    assert line.every(CatalogRevision) == ()


def test_a_catalog_with_mistakes_is_refused_whole(line: Line, api: Site) -> None:
    wrong = replace(WIDER, resource=api.address, permissions=(PIN, PIN, replace(PIN, id="B")))
    api.put(CATALOG, wrong)
    told = line.fails("resource", "sync", "chirp", "--yes", status=2)
    assert "'chirps.pin' names two permissions or scopes" in told
    assert "'B' is not a lower-case name" in told


def test_an_api_that_is_not_registered(line: Line) -> None:
    line.furnish()
    for verb in ("sync", "diff"):
        assert "there is no resource server 'x'" in line.fails("resource", verb, "x", status=1)
    assert line.ok("resource", "history", "x") == ""
