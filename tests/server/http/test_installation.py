"""The slow facts: at most a second old for what decides, the last known for what is published."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from tests.installation import furnish

from valetkey.server.http import installation
from valetkey.server.http.installation import GLANCE, Installations
from valetkey.server.model.change import Create
from valetkey.server.model.policy import Lifetimes, Policy
from valetkey.server.model.query import Query, Results
from valetkey.server.oauth.features import FEATURES
from valetkey.server.store.keyring import WrongMasterKey, ensure_keys, make
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.port import Store, Unavailable
from valetkey.server.store.sqlite.store import SQLiteStore

pytestmark = pytest.mark.anyio

MASTER = os.urandom(32)


class Slow(MemoryStore):
    """Answers what was so when it was asked, once its gate is open; counts the askings."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def read(self, *wants: Query) -> Results:
        self.asked += 1
        gate, found = self.gate, await super().read(*wants)
        await gate.wait()
        return found


def over(store: Store) -> Installations:
    return Installations(
        store,
        issuer="http://id.test",
        lifetimes=Lifetimes(),
        features=FEATURES,
        master_key=MASTER,
    )


async def full(store: Store) -> Installations:
    await furnish(store)
    await ensure_keys(store, MASTER)
    return over(store)


@pytest.fixture
def always_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second is over."""
    monkeypatch.setattr(installation, "FRESH", 0.0)


async def test_it_is_read_once_a_second() -> None:
    store = Slow()
    at = await full(store)
    first = await at.current()
    asked = store.asked
    assert await at.current() is first
    assert await at.last_known() is first
    assert store.asked == asked


async def test_what_has_not_changed_is_the_same_object(always_old: None) -> None:
    at = await full(MemoryStore())
    assert await at.current() is await at.current()


async def test_a_change_is_seen(always_old: None) -> None:
    store = MemoryStore()
    at = await full(store)
    assert "new" not in (await at.current()).policies
    await store.commit([Create(Policy(name="new"))])
    assert "new" in (await at.current()).policies
    assert "new" in (await at.last_known()).policies


async def test_many_who_ask_at_once_are_one_reading() -> None:
    store = Slow()
    at = await full(store)
    store.asked = 0
    store.gate.clear()
    asking = [asyncio.create_task(at.current()) for _ in range(50)]
    await asyncio.sleep(0.01)
    store.gate.set()
    assert len({id(one) for one in await asyncio.gather(*asking)}) == 1
    assert store.asked == 1


async def test_who_gives_up_takes_nobody_along() -> None:
    store = Slow()
    at = await full(store)
    store.gate.clear()
    first, second = (asyncio.create_task(at.current()) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    store.gate.set()
    assert (await second).keyring.signing


async def test_out_of_reach_nothing_decides_and_what_is_published_goes_on(
    always_old: None, tmp_path: Path
) -> None:
    store = SQLiteStore(tmp_path / "valetkey.db")
    at = await full(store)
    last = await at.current()
    await store.close()
    for _ in range(3):
        with pytest.raises(Unavailable):
            await at.current()
        assert await at.last_known() is last


async def test_where_nothing_was_ever_known_nothing_is_published(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "valetkey.db")
    await store.close()
    with pytest.raises(Unavailable):
        await over(store).last_known()


async def test_what_is_published_does_not_wait_for_a_store_that_hangs(always_old: None) -> None:
    store = Slow()
    at = await full(store)
    last = await at.current()
    store.gate.clear()
    began = time.monotonic()
    assert await at.last_known() is last
    assert time.monotonic() - began >= GLANCE
    store.gate.set()
    assert await at.current() is last


async def test_a_reading_that_hung_does_not_undo_a_later_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The older answer comes last, and is of no use any more."""
    store = Slow()
    at = await full(store)
    await at.current()
    monkeypatch.setattr(installation, "FRESH", 0.0)
    gates = [asyncio.Event(), asyncio.Event()]
    store.gate = gates[0]
    older = asyncio.create_task(at.current())
    await asyncio.sleep(0.01)
    await store.commit([Create(Policy(name="new"))])
    store.gate = gates[1]
    newer = asyncio.create_task(at.current())
    await asyncio.sleep(0.01)
    for gate, reading in zip(reversed(gates), (newer, older), strict=True):
        gate.set()
        assert "new" in (await reading).policies
    monkeypatch.setattr(installation, "FRESH", 60.0)
    assert "new" in (await at.current()).policies


async def test_keys_that_do_not_open_are_told_each_time(always_old: None) -> None:
    """And the last known state is not what decides instead."""
    store = MemoryStore()
    at = await full(store)
    await at.current()
    await store.commit([Create(make("seal", os.urandom(32)))])
    for _ in range(2):
        with pytest.raises(WrongMasterKey):
            await at.current()
