"""No record is lost and none sealed twice, whatever fails and however many nodes seal."""

import asyncio
import hashlib
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.server.audit.log import ISSUER, Log, now_env, sqlite_editor

from valetkey.server.audit import flood
from valetkey.server.audit.flood import BURST
from valetkey.server.audit.recorder import AuditRecorder, recorded
from valetkey.server.audit.sealer import LEASE
from valetkey.server.audit.segments import merkle_root, unpack_entries
from valetkey.server.audit.service import AuditService
from valetkey.server.audit.shipping import HeadConflict, last_shipped, ship, shipped_heads
from valetkey.server.audit.streams import AuditStream, FileSink
from valetkey.server.model import ids
from valetkey.server.model.audit import AuditRecord, AuditSegment, UnsealedRecord
from valetkey.server.model.event import event
from valetkey.server.model.query import Many, PageQuery
from valetkey.server.store.sqlite.store import SQLiteStore

pytestmark = pytest.mark.anyio


async def sealed_ids(log: Log) -> Counter[str]:
    rows = (await log.inner.read(Many(AuditSegment))).many(Many(AuditSegment))
    return Counter(one.id for row in rows for one in unpack_entries(row.entries))


async def test_many_nodes_at_once(log: Log) -> None:
    """The lease is taken from each of them again and again, as if all clocks were wrong."""
    nodes = [log.new_sealer() for _ in range(4)]
    user = ids.user_id(now_env())

    async def seal(number: int) -> None:
        for _ in range(12):
            nodes[number]._until = now_env().now * 1000 + LEASE * 2  # believes that it has it
            await nodes[number].step()

    await asyncio.gather(log.happen(20, user=user), *(seal(number) for number in range(4)))
    log.sealer._until = 0
    await log.edit("DELETE FROM audit_state WHERE key = 'sealer'")
    await log.seal()
    found = await sealed_ids(log)
    assert set(found) == {one.id for one in await log.records()}
    assert set(found.values()) == {1}
    assert (await log.verdict(heads=False)).problems == ()
    waiting = await log.inner.page(PageQuery(record=UnsealedRecord, limit=1, walk=True))
    assert waiting.records == ()


async def test_one_node_works_and_another_takes_over(log: Log) -> None:
    other = log.new_sealer()
    await log.happen()
    assert await log.sealer.step() is False
    await log.happen()
    await other.step()
    assert (await log.segment(1)).number == 1
    assert len(await sealed_ids(log)) == 1  # the other one has no lease
    await log.sealer.release()
    await other.step()
    assert len(await sealed_ids(log)) == 2


def test_the_root_is_that_of_the_standard() -> None:
    """RFC 9162 2.1.1, by its recursive definition."""

    def root(leaves: list[bytes]) -> bytes:
        if not leaves:
            return hashlib.sha256(b"").digest()
        if len(leaves) == 1:
            return leaves[0]
        half = 1 << (len(leaves) - 1).bit_length() - 1
        return hashlib.sha256(b"\1" + root(leaves[:half]) + root(leaves[half:])).digest()

    leaves = [bytes([number]) * 32 for number in range(40)]
    for count in range(len(leaves)):
        assert merkle_root(leaves[:count]) == root(leaves[:count])


WRITER = """
import asyncio, sys
from pathlib import Path
from tests.server.audit.log import Log
from valetkey.server.model.query import PageQuery
from valetkey.server.model.audit import AuditRecord
from valetkey.server.store.sqlite.store import SQLiteStore

async def main():
    log = Log(SQLiteStore(Path(sys.argv[1])), None, is_postgres=False)
    while True:
        users = await asyncio.gather(*(log.happen() for _ in range(5)))
        for user in users:
            print(user, flush=True)
        log.sealer._until = 2**62
        await log.sealer.step()

asyncio.run(main())
"""


def _write_and_die(file: Path) -> list[str]:
    """A program that records and seals, and is killed in the middle; what it acknowledged."""
    command = [sys.executable, "-c", WRITER, str(file)]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as program:
        assert program.stdout is not None
        first = program.stdout.readline().strip()
        time.sleep(0.2)
        program.send_signal(signal.SIGKILL)
        return [first, *program.stdout.read().split()]


async def test_killed_again_and_again(tmp_path: Path) -> None:
    """What was acknowledged is recorded, and sealed once."""
    file = tmp_path / "killed.db"
    acknowledged: list[str] = []
    for _ in range(4):
        acknowledged += _write_and_die(file)
    store = SQLiteStore(file)
    log = Log(store, sqlite_editor(file), is_postgres=False)
    log.sealer._until = 0
    await log.edit("DELETE FROM audit_state WHERE key = 'sealer'")
    await log.seal()
    rows = (await store.read(Many(AuditRecord))).many(Many(AuditRecord))
    # A line that was cut is none.
    users = {one for one in acknowledged if len(one) == ids.LETTERS}
    assert len(users) > 20
    assert users <= {one.facts.target.user for one in rows}
    assert await sealed_ids(log) == Counter({one.id: 1 for one in rows})
    assert (await log.verdict(heads=False)).problems == ()
    await store.close()


async def test_a_flood_is_counted(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = log.store.recorder
    assert isinstance(recorder, AuditRecorder)
    # All in one moment: else a slow database lets more of them through.
    monkeypatch.setattr(flood, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    recorder.flood._tokens["sign-in-refused"] = 3.0, 1000.0
    for _ in range(9):
        one = event(now_env(), "sign-in-refused", by="user")
        await log.store.commit([], [one])
    service = AuditService(recorder, b"m" * 32, log.terms)
    await service.step()
    records = [one.facts for one in await log.records() if one.operation == "sign-in-refused"]
    assert sorted(one.count for one in records) == [1, 1, 1, 6]
    assert BURST >= 100


async def test_a_stream_goes_on_where_it_was(log: Log, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    delivered: list[str] = []
    fails = True

    async def deliver(events: Any, name: str) -> str:
        if fails and name.startswith("audit.0.2"):
            return "it answers with status 500"
        delivered.extend(one["metadata"]["uid"] for one in events)
        return ""

    await log.segments(2, 2, 2)
    stream = AuditStream("webhook", log.inner, deliver, issuer=ISSUER)
    await stream.step()
    await stream.step()  # it waits a while
    records = [one.id for one in await log.records()]
    assert delivered == [*records[:2], "head-0.1"]
    fails = False
    again = AuditStream("webhook", log.inner, deliver, issuer=ISSUER)
    await again.step()
    heads = ["head-0.1", "head-0.2", "head-0.3"]
    assert delivered == [*records[:2], heads[0], *records[2:4], heads[1], *records[4:], heads[2]]
    other = AuditStream("file", log.inner, FileSink(file), issuer=ISSUER)
    await other.step()
    lines = [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]
    assert [one["metadata"]["uid"] for one in lines] == delivered
    assert file.stat().st_mode & 0o77 == 0


async def test_heads_are_shipped_once(log: Log, tmp_path: Path) -> None:
    await log.segments(1, 1)
    for note in log.shipped:
        ship(tmp_path, note)
        ship(tmp_path, note)
    newest = last_shipped(tmp_path)
    assert newest is not None
    assert newest.number == 2
    other = log.shipped[1].replace("records 1", "records 2")
    with pytest.raises(HeadConflict):
        ship(tmp_path, other)
    assert len(shipped_heads(tmp_path)) == 3
    with pytest.raises(FileNotFoundError):
        ship(tmp_path / "not mounted", log.shipped[0])


async def test_a_change_of_the_settings_is_a_record(log: Log) -> None:
    recorder = recorded(log.inner).recorder
    assert isinstance(recorder, AuditRecorder)
    document = {"sign_in_days": "180"}

    def terms() -> Any:
        return msgspec.structs.replace(log.terms(), document=dict(document))

    service = AuditService(recorder, b"m" * 32, terms)
    await service.step()
    await service.step()
    document["sign_in_days"] = "1"
    await service.step()
    changes = [one.facts.changes for one in await log.records()]
    assert changes == [{"sign_in_days": (None, "180")}, {"sign_in_days": ("180", "1")}]
