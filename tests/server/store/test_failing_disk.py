"""R07: a disk that fails at the n-th write, truncation or sync, for every n: what was
acknowledged holds, what was not is refused as unavailable, and the store goes on by itself once the
disk does."""

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import apsw
import pytest
from tests.server.store.power import Disk, ForgetfulVFS
from tests.server.store.steps import kept

from valetkey.server.model import ids
from valetkey.server.model.change import Create, Stale
from valetkey.server.model.environment import Env
from valetkey.server.model.grant import Grant
from valetkey.server.store.port import Unavailable
from valetkey.server.store.sqlite import files
from valetkey.server.store.sqlite.store import SQLiteStore
from valetkey.server.store.sqlite.transactions import Writer
from valetkey.server.store.sqlite.writer import WriteJob

COMMITS: Final = 5
TRIES: Final = 40

TROUBLES: Final[dict[str, tuple[type[apsw.Error], int]]] = {
    "an error, once": (apsw.IOError, 1),
    "an error, seven times": (apsw.IOError, 7),
    "full, once": (apsw.FullError, 1),
    "full, seven times": (apsw.FullError, 7),
}
"""What SQLite hears, and how many times on end."""


class Fault:
    """Fails from the n-th operation on, as often as told."""

    def __init__(self, start: int, kind: type[apsw.Error], times: int) -> None:
        self.seen = 0
        self._failing = range(start, start + times)
        self._kind = kind
        self.failed: list[str] = []

    def __call__(self, operation: str) -> None:
        self.seen += 1
        if self.seen in self._failing:
            self.failed.append(operation)
            raise self._kind(f"the disk fails at {operation}")


def _grants() -> list[Grant]:
    env = Env(int(time.time()), os.urandom)
    user = ids.user_id(env)
    return [
        Grant(
            id=ids.owned_id(env, owner=user),
            user=user,
            client=f"client {number}",
            permissions=("x" * (number * 700),),
            created=env.now,
            changed=env.now,
        )
        for number in range(COMMITS)
    ]


async def _persist(store: SQLiteStore, grant: Grant) -> int:
    """Asks until it is done, as a client does; how often the answer was that it cannot be."""
    for refused in range(TRIES):
        try:
            await store.commit((Create(grant),))
        except Unavailable:
            continue
        except Stale:
            assert refused, "nobody else has made it"
        return refused
    pytest.fail("the store does not come back")


async def _run(folder: Path, disk: Disk, fault: Fault) -> int:
    """The workload while the disk fails, and what it leaves. How often a commit was refused."""
    path = folder / "valetkey.db"
    store = SQLiteStore(path)
    grants = _grants()
    disk.before = fault
    try:
        refused = sum([await _persist(store, grant) for grant in grants])
        for grant in grants:
            assert await kept(store, grant) is not None, "acknowledged, and not there"
    finally:
        disk.before = lambda _: None
        disk.cut(folder / "cut", dice=None)
        await store.close()
    await _sound(path, grants)
    await _sound(folder / "cut" / "valetkey.db", grants)
    return refused


async def _sound(path: Path, grants: list[Grant]) -> None:
    """Whole, and with all that was acknowledged."""
    with contextlib.closing(apsw.Connection(str(path))) as check:
        assert list(check.execute("PRAGMA integrity_check")) == [("ok",)]
    store = SQLiteStore(path)
    try:
        for grant in grants:
            assert await kept(store, grant) is not None, f"gone from {path}"
    finally:
        await store.close()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Checkpoints run all the time, so that what fails is theirs too."""
    monkeypatch.setattr(files, "CHECKPOINT_PAGES", 8)
    monkeypatch.setattr(files, "LOG_PAGES", 8)
    disk = Disk()
    vfs = ForgetfulVFS(disk)
    yield disk
    vfs.unregister()


def _everywhere(disk: Disk, folder: Path, kind: type[apsw.Error], times: int) -> tuple[int, int]:
    """Places where it can fail, and how often a commit was refused, with a failure at each."""
    quiet = Fault(0, kind, 0)
    _afresh(disk, folder / "quiet", quiet)
    starts = range(1, quiet.seen + 1)
    refused = [_afresh(disk, folder / str(one), Fault(one, kind, times)) for one in starts]
    return quiet.seen, sum(refused)


def _afresh(disk: Disk, folder: Path, fault: Fault) -> int:
    folder.mkdir()
    disk.images.clear()
    try:
        return asyncio.run(_run(folder, disk, fault))
    except (AssertionError, apsw.Error) as error:
        error.add_note(f"the disk failed at: {', '.join(fault.failed)}")
        raise


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_failing_disk_loses_nothing(disk: Disk, tmp_path: Path, trouble: str) -> None:
    places, refused = _everywhere(disk, tmp_path, *TROUBLES[trouble])
    assert places > 8 * COMMITS
    assert refused > places / 4


def test_the_check_notices_a_store_that_hides_the_failure(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hushed(writer: Writer, batch: Sequence[WriteJob], why: str) -> None:
        failed(writer, batch, why)
        for job in batch:
            job.outcome = 0

    failed = Writer._fail
    monkeypatch.setattr(Writer, "_fail", hushed)
    with pytest.raises(AssertionError, match="acknowledged, and not there"):
        _everywhere(disk, tmp_path, *TROUBLES["full, once"])
