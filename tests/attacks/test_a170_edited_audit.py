"""A170: an administrator who edits the audit log, floods it, or drains it

Attack: An administrator with the database edits, removes or adds a record of what they did, or
cuts the end off. A stranger floods the log with refused sign-ins, until nobody finds anything, or
the disk is full. Somebody who may read it exports it so often, or searches it so widely, that the
server stands still.
Defense: Segments are sealed and signed, and heads leave the server within a minute: `valetkey
events verify` names each change and its place, offline. Refused sign-ins above 20 a second are one
record with their number. Pages have at most 200 records, a search looks at 4,000 at a time, and
each page of an export is a record.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.play import signed_in
from tests.live import Live, live
from tests.server.admin.play import ALL, list_app, machine
from tests.server.audit.log import Log, sqlite_editor

from valetkey.server.audit.flood import BURST, LIMITED, RATE, Flood
from valetkey.server.audit.reading import SCANNED, search
from valetkey.server.model.audit import AuditRecord, UnsealedRecord
from valetkey.server.model.query import Page, PageQuery


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with live(tmp_path) as running:
        list_app(running, "machine", *ALL)
        yield running


def test_an_act_that_its_author_edits_out(server: Live) -> None:
    """The server runs on, and the next look shows it."""
    signed_in(server)
    admin = machine(server)
    noor = server.users["noor"].id
    act = admin.call("POST", f"/users/{noor}/disable", {})
    assert act.status_code == 200
    request = act.headers["request-id"]
    (one,) = admin.get("/events", request=request, operation="users.disable")["items"]
    raw = getattr(server.store, "store", server.store)

    async def sealed() -> bool:
        waiting = await raw.page(PageQuery(record=UnsealedRecord, limit=1, walk=True))
        return not waiting.records

    until = time.monotonic() + 20
    while not server.run(sealed()):
        assert time.monotonic() < until, "nothing seals"
        time.sleep(0.05)
    log = Log(raw, sqlite_editor(server.database), is_postgres=False)
    assert server.run(log.verdict(heads=False)).problems == ()

    async def tamper() -> None:
        body = await log.body("audit_records", one["id"])
        body["public"] = body["public"].replace('"machine"', '"another"')
        await log.set_body("audit_records", one["id"], body)

    server.run(tamper())
    (finding,) = server.run(log.verdict(heads=False)).problems
    assert (finding.kind, finding.record) == ("edited", one["id"])


def test_a_flood_becomes_a_number() -> None:
    """Of 100,000 refused sign-ins in a moment, a process writes some hundreds."""
    flood = Flood()
    for kind in LIMITED:
        begin = time.monotonic()
        admitted = sum(flood.admits(kind) for _ in range(100_000))
        seconds = time.monotonic() - begin
        assert BURST <= admitted <= BURST + RATE * seconds + 1
    assert sum(flood.take().values()) > 190_000
    # What users and administrators do is always recorded.
    assert all(flood.admits("granted") for _ in range(10_000))


class _Counting:
    """A store whose every page is full of records that don't match."""

    def __init__(self, record: AuditRecord) -> None:
        self.rows = 0
        self._record = record

    async def page(self, query: PageQuery[AuditRecord]) -> Page[AuditRecord]:
        self.rows += query.limit
        return Page((self._record,) * query.limit, self._record.id)


@pytest.mark.anyio
async def test_a_search_that_finds_nothing_ends() -> None:
    record = AuditRecord(
        id="0" * 26,
        public='{"id":"","at":0,"category":"access","operation":"granted","actor":{"kind":"user"}}',
    )
    store: Any = _Counting(record)
    found, following = await search(store, {"operation": "stopped", "client": "none"})
    assert (found, following) == ([], record.id)
    assert store.rows <= SCANNED


def test_an_export_leaves_a_record_for_each_page(server: Live) -> None:
    admin = machine(server)
    assert admin.call("GET", "/events/export?limit=201").status_code == 400
    for _ in range(3):
        admin.get("/events/export", limit="1")
    assert len(admin.get("/events", operation="events.export")["items"]) == 3
