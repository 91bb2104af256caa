"""A follower of the change log never skips a change that was in flight: numbers become visible in
their order, however many nodes commit, and whoever is slow."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from tests.postgres import MISSING, Cluster, cluster
from tests.server.store.samples import ENV, grant, once, sample
from tests.server.store.steps import put

from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Stale, Update
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.query import One
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.port import Store
from valetkey.wire.change_log import Entry

asyncpg = pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")

from valetkey.server.store.postgres import PostgresStore, commits  # noqa: E402

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(bool(MISSING), reason=MISSING)]


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
async def address(server: Cluster) -> str:
    address = server.fresh()
    await (await PostgresStore.open(PostgresURL(address))).close()
    return address


@pytest.fixture
async def store(address: str) -> AsyncIterator[Store]:
    opened = await PostgresStore.open(PostgresURL(address))
    yield opened
    await opened.close()


@pytest.fixture
async def twin(address: str) -> AsyncIterator[Store]:
    opened = await PostgresStore.open(PostgresURL(address))
    yield opened
    await opened.close()


@pytest.fixture
async def connection(address: str) -> AsyncIterator[Any]:
    opened = await asyncpg.connect(address)
    yield opened
    await opened.close()


async def say(connection: Any, *changes: Change) -> None:
    """What a node's committer says, without its commit."""
    statement = commits.commit(changes)
    await connection.fetch(statement.sql, *statement.parameters)


@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_who_comes_later_is_not_seen_before(store: Store, connection: Any, end: str) -> None:
    slow, quick = grant("slow"), grant("quick")
    transaction = connection.transaction()
    await transaction.start()
    await say(connection, Create(slow))
    coming = asyncio.create_task(put(store, quick))
    await asyncio.sleep(0.3)
    assert not coming.done()
    log = await store.log(0)
    assert (log.head, log.entries) == (0, ())
    await getattr(transaction, end)()
    await coming
    log = await store.log(0)
    expected = [slow.id, quick.id] if end == "commit" else [quick.id]
    assert [entry.subject for entry in log.entries] == expected
    assert [entry.seq for entry in log.entries] == list(range(1, len(expected) + 1))


async def test_what_no_key_hangs_on_waits_for_no_number(store: Store, connection: Any) -> None:
    """A refresh goes on while somebody else's change is in flight."""
    family = replace(sample(TokenFamily), status="open")
    await put(store, family)
    transaction = connection.transaction()
    await transaction.start()
    await say(connection, Create(grant("slow")))
    async with asyncio.timeout(1):
        await store.commit([Update(replace(family, version=1, generation=8))])
        await put(store, once("x"))
    await transaction.rollback()


async def test_a_follower_misses_nothing_of_what_two_nodes_write(
    store: Store, twin: Store, connection: Any
) -> None:
    """Lost races and slow transactions among them."""
    await put(store, once("there"))
    seen: list[Entry] = []
    over = asyncio.Event()

    async def follow() -> None:
        while True:
            ending = over.is_set()
            log = await store.log(len(seen))
            assert log.link == (seen[-1].mark if seen else "")
            seen.extend(log.entries)
            if ending and len(seen) == log.head:
                return
            await asyncio.sleep(0.002)

    async def write(node: Store, name: str) -> list[str]:
        made = []
        for number in range(40):
            one = grant(f"{name} {number}")
            await node.commit([Create(one), Create(once(one.id))])
            made.append(one.id)
        return made

    async def dawdle() -> list[str]:
        made = []
        for number in range(8):
            one = grant(f"slow {number}")
            async with connection.transaction():
                await say(connection, Create(one))
                await asyncio.sleep(0.03)
            made.append(one.id)
        return made

    following = asyncio.create_task(follow())
    written = await asyncio.gather(write(store, "a"), write(twin, "b"), dawdle())
    over.set()
    await following
    names = [entry.subject for entry in seen]
    assert [entry.seq for entry in seen] == list(range(1, len(names) + 1))
    for made in written:
        assert [name for name in names if name in set(made)] == made
    assert len(names) == sum(map(len, written))


async def test_two_nodes_that_change_the_same_rows_never_lock_each_other_out(
    store: Store, twin: Store
) -> None:
    """Who has the number waits for nobody: no deadlock, which would take a second to be found."""
    mine = grant()
    await put(store, mine)

    async def change(node: Store) -> int:
        won = 0
        for _ in range(40):
            wanted = One(Grant, mine.id)
            now = (await node.read(wanted)).one(wanted)
            assert now is not None
            try:
                await node.commit([Update(now), Create(grant(ids.free_id(ENV)))])
                won += 1
            except Stale:
                continue
        return won

    async with asyncio.timeout(20):
        won = await asyncio.gather(change(store), change(twin))
    assert (await store.log(0)).head == 1 + 2 * sum(won)
