"""R03: what was acknowledged survives a power cut, at every sync and after every reply."""

import asyncio
import contextlib
import os
import random
import time
from pathlib import Path

import apsw
import msgspec
import pytest
from tests.server.store.power import Disk, ForgetfulVFS

from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.environment import Env
from valetkey.server.model.event import event
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import One
from valetkey.server.store.port import Unavailable
from valetkey.server.store.sqlite import files, store
from valetkey.server.store.sqlite.store import SQLiteStore

COMMITS = 90
"""Commits of the workload: each is cut before its sync and after its reply, in three ways."""


class Ledger:
    """What the client was told, and what it is waiting to hear."""

    def __init__(self) -> None:
        self.known: dict[str, Grant | None] = {}
        self.asked: tuple[str, Grant | None, str] | None = None
        """The grant that the commit under way writes (None: removes), and the marker with it."""
        self.markers: set[str] = set()


async def _workload(store: SQLiteStore, ledger: Ledger, after_reply: object) -> None:
    """Creates, changes and removes grants, each with a marker and an event in the same commit."""
    dice = random.Random(7)
    env = Env(int(time.time()), os.urandom)
    user = ids.user_id(env)
    for number in range(COMMITS):
        marker = SingleUse(purpose="workload", value=str(number), expires=env.now + 3600)
        alive = [grant for grant in ledger.known.values() if grant is not None]
        change, after = _next_change(dice, env, user, alive)
        key = change.record.key
        ledger.asked = (key, after, marker.key)
        told = event(env, "granted", by="user", user=user, grant=key)
        await store.commit((change, Create(marker)), (told,))
        ledger.known[key] = after
        ledger.markers.add(marker.key)
        ledger.asked = None
        assert callable(after_reply)
        after_reply()


def _next_change(
    dice: random.Random, env: Env, user: str, alive: list[Grant]
) -> tuple[Change, Grant | None]:
    if not alive or dice.random() < 0.4:
        fresh = Grant(
            id=ids.owned_id(env, owner=user),
            user=user,
            client=str(dice.random()),
            permissions=("x" * dice.randrange(1, 6000),),
            created=env.now,
            changed=env.now,
        )
        return Create(fresh), msgspec.structs.replace(fresh, version=1)
    grant = dice.choice(alive)
    if dice.random() < 0.2:
        return Remove(grant), None
    changed = msgspec.structs.replace(grant, changed=grant.changed + 1)
    return Update(changed), msgspec.structs.replace(changed, version=grant.version + 1)


async def _violations(folder: Path, ledger: Ledger) -> list[str]:
    """What is wrong with the files after a cut, against what the client had been told."""
    path = folder / "valetkey.db"
    try:
        with contextlib.closing(apsw.Connection(str(path))) as check:
            sound = list(check.execute("PRAGMA integrity_check"))
        store = SQLiteStore(path)
    except (apsw.Error, Unavailable) as error:
        return [f"the file is damaged: {error}"]
    if sound != [("ok",)]:
        await store.close()
        return [f"the file is damaged: {sound}"]
    try:
        wrong = []
        asked_key, asked_after, asked_marker = ledger.asked or ("", None, "")
        marker = One(SingleUse, asked_marker)
        done = (await store.read(marker)).one(marker) is not None
        for key, after in {**ledger.known, asked_key: ledger.known.get(asked_key)}.items():
            wanted = One(Grant, key)
            expected = asked_after if key == asked_key and done else after
            if (await store.read(wanted)).one(wanted) != expected:
                wrong.append(f"grant {key} is not as it was acknowledged")
        for known in ledger.markers:
            want = One(SingleUse, known)
            if (await store.read(want)).one(want) is None:
                wrong.append(f"marker {known} is gone")
        return wrong
    finally:
        await store.close()


class Bench:
    """Runs the workload on a forgetful disk, and keeps the files of every cut."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.disk = Disk()
        self.ledger = Ledger()
        self.cuts: list[tuple[Path, Ledger]] = []

    def cut(self) -> None:
        """A cut at this moment, in three ways."""
        told = Ledger()
        told.known, told.markers = dict(self.ledger.known), set(self.ledger.markers)
        told.asked = self.ledger.asked
        with self.disk.lock:
            self._cut(told)

    def _cut(self, told: Ledger) -> None:
        ways = (None, 512), (random.Random(len(self.cuts)), 512), (random.Random(1), 4096)
        for dice, sector in ways:
            folder = self.folder / f"cut-{len(self.cuts)}"
            self.disk.cut(folder, dice=dice, sector=sector)
            self.cuts.append((folder, told))

    def run(self) -> None:
        """The workload, cut before each sync and after each reply."""
        vfs = ForgetfulVFS(self.disk)
        try:
            asyncio.run(self._run())
        finally:
            vfs.unregister()

    async def _run(self) -> None:
        (self.folder / "live").mkdir()
        store = SQLiteStore(self.folder / "live" / "valetkey.db")
        self.disk.watch = self.cut
        await _workload(store, self.ledger, self.cut)
        self.disk.watch = lambda: None
        await store.close()

    def violations(self) -> list[str]:
        """Everything that any of the cuts broke."""
        return [
            f"{folder.name}: {wrong}"
            for folder, told in self.cuts
            for wrong in asyncio.run(_violations(folder, told))
        ]


@pytest.fixture(autouse=True)
def _busy_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints run all the time, so that cuts fall into them too."""
    monkeypatch.setattr(files, "CHECKPOINT_PAGES", 8)


def test_what_was_acknowledged_survives_every_cut(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run()
    assert len(bench.cuts) >= 500
    assert bench.violations() == []


def test_the_check_notices_a_store_that_does_not_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(path: Path) -> apsw.Connection:
        connection = sound(path)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    sound = store.connect
    monkeypatch.setattr(store, "connect", careless)
    bench = Bench(tmp_path)
    bench.run()
    wrong = bench.violations()
    assert any("as it was acknowledged" in one or "is gone" in one for one in wrong)
