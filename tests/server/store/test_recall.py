"""The cache of records: at most a second old, and never older than this process's own writes."""

import asyncio

import msgspec
import pytest
from tests.installation import CLIENTS

from valetkey.server.model.change import Create, Remove, Stale, Update
from valetkey.server.model.client import Client
from valetkey.server.model.query import One, Query, RecentOne, Results
from valetkey.server.store import read_cache
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.read_cache import CachedStore

pytestmark = pytest.mark.anyio

WEB = CLIENTS[0]
LATELY, NOW = RecentOne(Client, WEB.id), One(Client, WEB.id)


class Counted(MemoryStore):
    """Counts what it is asked, and answers once its gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def read(self, *wants: Query) -> Results:
        self.asked += len(wants)
        found = await super().read(*wants)
        await self.gate.wait()
        return found


async def named(store: CachedStore, want: One[Client] = LATELY) -> str | None:
    client = (await store.read(want)).one(want)
    return None if client is None else client.name


async def full() -> tuple[CachedStore, Counted]:
    inner = Counted()
    await inner.commit([Create(WEB)])
    return CachedStore(inner), inner


async def rename(store: CachedStore | MemoryStore, name: str) -> None:
    client = (await store.read(NOW)).one(NOW)
    assert client is not None
    await store.commit([Update(msgspec.structs.replace(client, name=name))])


async def test_it_is_read_once() -> None:
    store, inner = await full()
    assert [await named(store) for _ in range(3)] == [WEB.name] * 3
    assert inner.asked == 1


async def test_what_is_wanted_now_is_read_each_time() -> None:
    store, inner = await full()
    await named(store)
    await named(store, NOW)
    await named(store, NOW)
    assert inner.asked == 3


async def test_one_of_two_is_read() -> None:
    store, inner = await full()
    await named(store)
    other = One(Client, "nobody")
    found = await store.read(LATELY, other)
    client = found.one(LATELY)
    assert client is not None
    assert (client.name, found.one(other)) == (WEB.name, None)
    assert inner.asked == 2


async def test_what_is_not_there_is_looked_for_again() -> None:
    store, inner = await full()
    want = RecentOne(Client, "nobody")
    assert await named(store, want) is None
    await inner.commit([Create(msgspec.structs.replace(WEB, id="nobody", name="Somebody"))])
    assert await named(store, want) == "Somebody"


async def test_a_change_made_here_is_seen_at_once() -> None:
    store, _ = await full()
    await named(store)
    await rename(store, "Another")
    assert await named(store) == "Another"
    client = (await store.read(NOW)).one(NOW)
    assert client is not None
    await store.commit([Remove(client)])
    assert await named(store) is None


async def test_a_change_made_elsewhere_is_seen_within_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, inner = await full()
    await named(store)
    await rename(inner, "Another")
    assert await named(store) == WEB.name
    monkeypatch.setattr(read_cache, "FRESH", 0.0)
    assert await named(store) == "Another"


async def test_a_lost_race_forgets_all() -> None:
    store, inner = await full()
    await named(store)
    await rename(inner, "Another")
    with pytest.raises(Stale):
        await store.commit([Create(WEB)])
    assert await named(store) == "Another"


async def test_what_was_read_before_a_change_is_not_kept_after_it() -> None:
    store, inner = await full()
    inner.gate.clear()
    reading = asyncio.create_task(named(store))
    await asyncio.sleep(0)
    client = WEB
    inner.gate.set()
    await store.commit([Update(msgspec.structs.replace(client, name="Another", version=1))])
    await reading
    assert await named(store) == "Another"


async def test_strangers_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_cache, "MOST", 2)
    store, inner = await full()
    for number in range(5):
        await inner.commit([Create(msgspec.structs.replace(WEB, id=f"app{number}"))])
        assert await named(store, RecentOne(Client, f"app{number}")) == WEB.name
    assert len(store._kept) <= 2
