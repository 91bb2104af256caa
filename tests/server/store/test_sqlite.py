"""The SQLite store keeps the promises, and its own: durable, and shared by processes."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from msgspec.structs import replace
from tests.server.store.contract import StoreContract
from tests.server.store.growth import grows_with_users
from tests.server.store.samples import FULL, NOW, grant, once, told
from tests.server.store.steps import kept, put, won

from valetkey.server.model.change import Create
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.query import Many
from valetkey.server.store.migrate import migrate
from valetkey.server.store.port import Store, Unavailable
from valetkey.server.store.sqlite import files
from valetkey.server.store.sqlite.files import LOG_PAGES
from valetkey.server.store.sqlite.owned_rows import _statement
from valetkey.server.store.sqlite.store import SQLiteStore, connect
from valetkey.server.store.sqlite.writer import SWEEP_ROWS

PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "valetkey.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    opened = SQLiteStore(path)
    yield opened
    await opened.close()


@pytest.fixture
async def twin(store: Store, path: Path) -> AsyncIterator[Store]:
    """Another store on the same file, as another process would have it."""
    opened = SQLiteStore(path)
    yield opened
    await opened.close()


class TestSQLiteStore(StoreContract):
    """See the contract."""


pytestmark = pytest.mark.anyio


async def test_what_was_committed_is_there_after_a_restart(path: Path) -> None:
    first = SQLiteStore(path)
    await put(first, *FULL)
    await first.close()
    second = SQLiteStore(path)
    assert [await kept(second, one) for one in FULL] == [replace(one, version=1) for one in FULL]
    await second.close()


async def test_two_stores_on_one_file_see_each_other(store: Store, twin: Store) -> None:
    await put(store, once("x"))
    assert await kept(twin, once("x")) == replace(once("x"), version=1)
    await put(twin, once("y"))
    assert await kept(store, once("y")) is not None
    assert not await won(store, [Create(once("y"))])


async def test_two_stores_on_one_file_share_one_log(store: Store, twin: Store) -> None:
    made = [grant(str(n)) for n in range(20)]
    await asyncio.gather(
        *(put(each, one) for each, one in zip((store, twin) * 10, made, strict=True))
    )
    logs = [await each.log(0) for each in (store, twin)]
    assert logs[0] == logs[1]
    assert [entry.seq for entry in logs[0].entries] == list(range(1, 21))
    assert {entry.subject for entry in logs[0].entries} == {one.id for one in made}


async def test_two_stores_never_both_win(store: Store, twin: Store) -> None:
    keys = [str(n) for n in range(40)]
    attempts = [won(each, [Create(once(key))]) for key in keys for each in (store, twin)]
    results = await asyncio.gather(*attempts)
    assert [sum(pair) for pair in zip(results[::2], results[1::2], strict=True)] == [1] * 40


async def test_the_file_is_safe_and_private(store: Store, path: Path) -> None:
    with closing(connect(path)) as connection:
        pragmas = {
            name: next(iter(connection.execute(f"PRAGMA {name}")))[0]
            for name in ("journal_mode", "synchronous")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}
    for each in path.parent.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600, each.name


async def test_a_record_that_cannot_be_kept_harms_nobody_else(store: Store) -> None:
    """A lone surrogate is no text: whoever brings it hears so, and the writer goes on."""
    good = [store.commit([Create(once(str(n)))], [told()]) for n in range(10)]
    results = await asyncio.gather(
        store.commit([Create(once("\ud800"))]), *good, return_exceptions=True
    )
    assert isinstance(results[0], Exception)
    assert results[1:] == [()] * 10
    await put(store, once("after"))
    assert await kept(store, once("after")) is not None


async def test_closing_answers_everybody(path: Path) -> None:
    """Whatever was under way is written or refused; what was acknowledged is there."""
    first = SQLiteStore(path)
    writing = [asyncio.create_task(put(first, once(str(n)))) for n in range(300)]
    closing = asyncio.create_task(first.close())
    late = [asyncio.create_task(put(first, once(f"late {n}"))) for n in range(50)]
    await asyncio.sleep(0)
    later = [asyncio.create_task(put(first, once(f"later {n}"))) for n in range(50)]
    async with asyncio.timeout(10):
        results = await asyncio.gather(*writing, *late, *later, return_exceptions=True)
        await closing
    assert {type(one) for one in results} <= {type(None), Unavailable}
    second = SQLiteStore(path)
    wanted = Many(SingleUse)
    there = {one.value for one in (await second.read(wanted)).many(wanted)}
    await second.close()
    names = [str(n) for n in range(300)]
    names += [f"{word} {n}" for word in ("late", "later") for n in range(50)]
    acknowledged = {name for name, result in zip(names, results, strict=True) if result is None}
    assert acknowledged == there


async def test_a_closed_store_is_unavailable(path: Path) -> None:
    closed = SQLiteStore(path)
    await closed.close()
    with pytest.raises(Unavailable, match="is closed"):
        await put(closed, once("x"))
    with pytest.raises(Unavailable):
        await closed.read(Many(SingleUse))


async def test_a_lock_held_elsewhere_is_waited_for_then_said(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BUSY", 0.05)
    mine = SQLiteStore(path)
    other = connect(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        await put(mine, once("x"))
    assert await kept(mine, once("x")) is None  # Reads go on meanwhile.
    other.execute("ROLLBACK")
    other.close()
    await put(mine, once("x"))
    await mine.close()


async def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="nowhere"):
        SQLiteStore(tmp_path / "nowhere" / "valetkey.db")


async def test_a_sweep_is_a_small_step(store: Store) -> None:
    await put(store, *(once(str(n), expires=NOW - 1) for n in range(SWEEP_ROWS + 1)))
    assert await store.sweep(NOW) == SWEEP_ROWS
    assert await store.sweep(NOW) == 1


async def test_the_log_does_not_grow_without_end(store: Store, path: Path) -> None:
    """Under a load without a pause, too, the write-ahead log is begun anew."""
    block = "x" * 65536
    written = 0
    while written < 3 * LOG_PAGES * PAGE:
        await put(store, once(f"{written} {block}"))
        written += 2 * len(block)  # As the key, and in the body.
    log = path.with_name(path.name + "-wal")
    assert log.stat().st_size < 1.2 * LOG_PAGES * PAGE


COMMITS = """
import asyncio, sys
from pathlib import Path
from tests.server.store.samples import once, told
from valetkey.server.model.change import Create
from valetkey.server.store.sqlite.store import SQLiteStore

async def client(store, name):
    for n in range(100_000):
        await store.commit([Create(once(f"{name} {n}"))], [told(f"{name} {n}")])
        sys.stdout.write(f"{name} {n}\\n")
        sys.stdout.flush()

async def main():
    store = SQLiteStore(Path(sys.argv[1]))
    await asyncio.gather(*(client(store, name) for name in "abcdefgh"))

asyncio.run(main())
"""


@pytest.mark.parametrize("acknowledged", [1, 50, 400])
async def test_a_killed_process_loses_nothing_acknowledged(path: Path, acknowledged: int) -> None:
    """PROMISES R01: what was on the pipe before kill -9 is in the file after it, and its event."""
    command = [sys.executable, "-c", COMMITS, str(path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(  # noqa: ASYNC220
        command, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(acknowledged)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    names = {line.rstrip("\n") for line in lines if line.endswith("\n")}
    assert len(names) >= acknowledged
    survivor = SQLiteStore(path)
    once_, events = Many(SingleUse), Many(type(told()))
    found = await survivor.read(once_, events)
    there = {one.value for one in found.many(once_)}
    told_of = {event.note for event in found.many(events)}
    await survivor.close()
    assert names - there == set()
    assert there == told_of
    with closing(apsw.Connection(str(path))) as connection:
        assert next(iter(connection.execute("PRAGMA integrity_check"))) == ("ok",)


OPENS = """
import asyncio, sys
from pathlib import Path
from valetkey.server.store.sqlite.store import SQLiteStore
print("ready", flush=True)
sys.stdin.readline()
store = SQLiteStore(Path(sys.argv[1]))
asyncio.run(store.close())
"""


async def test_processes_that_start_together_make_one_database(path: Path) -> None:
    command = [sys.executable, "-c", OPENS, str(path)]
    processes = [
        subprocess.Popen(  # noqa: ASYNC220
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=30)[1] for process in processes]
    assert errors == [""] * 4
    assert [process.returncode for process in processes] == [0] * 4


async def test_it_grows_with_users_not_with_sign_ins(store: Store) -> None:
    await grows_with_users(store)


@pytest.mark.parametrize("count", [1, 25, 200, 1000])
def test_names_are_found_in_their_place_however_many(path: Path, count: int) -> None:
    with closing(connect(path)) as connection:
        migrate(connection)
        statement = f"EXPLAIN QUERY PLAN {_statement(count)}"
        plan = [str(row[3]) for row in connection.execute(statement, (0, b"") * count)]
    assert plan[-1] == "SEARCH t USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)", plan
