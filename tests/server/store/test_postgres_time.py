"""A PostgreSQL that hangs, fails over or is not durable: calls return in time with an error."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import closing
from typing import Any

import pytest
from tests.postgres import MISSING, Cluster, cluster
from tests.promises.trouble import frozen
from tests.server.store.samples import once, session, user
from tests.server.store.steps import kept, put

from valetkey.server.model.change import Create, Remove, Update
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.port import CALL_TIMEOUT, Unavailable

asyncpg = pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")

from valetkey.server.store.postgres import PostgresStore  # noqa: E402
from valetkey.server.store.postgres.committer import CommitRequest, Committer  # noqa: E402

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(bool(MISSING), reason=MISSING)]

IN_TIME = CALL_TIMEOUT + 10
"""With what a busy machine may add: nothing that is waited for here ever comes."""


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
async def store(server: Cluster) -> AsyncIterator[PostgresStore]:
    opened = await PostgresStore.open(PostgresURL(server.url))
    yield opened
    await opened.close()


@pytest.fixture
async def other(server: Cluster) -> AsyncIterator[Any]:
    """A connection of somebody else's."""
    connection = await asyncpg.connect(server.url)
    yield connection
    await connection.close()


async def refused(call: Awaitable[object]) -> float:
    """Awaits a call that cannot be answered; the seconds until it said so."""
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await call
    return time.monotonic() - began


async def test_a_database_that_stands_still_is_given_up_in_time(server: Cluster) -> None:
    store = await PostgresStore.open(PostgresURL(server.url))
    with frozen(server):
        calls = [store.read(), *(store.commit([Create(once(f"still {n}"))]) for n in range(40))]
        assert max(await asyncio.gather(*map(refused, calls))) < IN_TIME
        assert await refused(store.read()) < IN_TIME
        assert await refused(store.sweep(1)) < IN_TIME
        began = time.monotonic()
        await store.close()
        assert time.monotonic() - began < CALL_TIMEOUT + IN_TIME


async def test_it_goes_on_by_itself_afterwards(server: Cluster, store: PostgresStore) -> None:
    with frozen(server):
        await refused(store.read())
        await refused(store.commit([Create(once("frozen"))]))
    await store.read()
    await put(store, once("thawed"))
    assert await kept(store, once("thawed")) is not None


async def test_what_nobody_waits_for_any_more_is_not_sent(
    server: Cluster, store: PostgresStore
) -> None:
    """One statement hangs, the next is still in the queue when its caller gives up."""
    with frozen(server):
        first = asyncio.create_task(refused(store.commit([Create(once("sent"))])))
        await asyncio.sleep(0.1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await store.commit([Create(once("queued"))])
        await first
    await put(store, once("next"))
    assert await kept(store, once("queued")) is None


async def test_a_row_that_somebody_holds(store: PostgresStore, other: Any) -> None:
    """The caller is told in time, and the statement does not go on waiting in the database."""
    mine = user("held")
    await put(store, mine)
    read = await kept(store, mine)
    assert read is not None
    async with other.transaction():
        await other.execute("SELECT 1 FROM users FOR UPDATE")
        assert await refused(store.commit([Update(read)])) < IN_TIME
        waiting = -1
        for _ in range(20):
            waiting = await other.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            )
            if not waiting:
                break
            await asyncio.sleep(0.1)
        assert waiting == 0
    await store.commit([Update(read)])


async def test_a_commit_that_was_not_replicated_is_none(store: PostgresStore, other: Any) -> None:
    """No standby confirms: it may be on one machine's disk, and nobody is told that it is safe."""
    await other.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    await other.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(0.2)
    try:
        assert await refused(store.commit([Create(once("alone"))])) < IN_TIME
        await store.read()
    finally:
        await other.execute("ALTER SYSTEM RESET synchronous_standby_names")
        await other.execute("SELECT pg_reload_conf()")
    await put(store, once("together"))


async def test_a_primary_that_is_one_no_longer_is_left(store: PostgresStore) -> None:
    """The sessions became read-only under us: the first commit says so, the next finds another."""
    pool = store._connections._pool
    async with pool.acquire() as connection:
        await connection.execute("SET default_transaction_read_only = on")
    with pytest.raises(Unavailable, match="read-only"):
        await store.commit([Create(once("standby"))])
    await put(store, once("primary"))


async def test_a_host_that_hangs_delays_nobody(server: Cluster) -> None:
    """The URL names several: one takes connections and says nothing, one is not there."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        hosts = f"127.0.0.1:{silent.getsockname()[1]},127.0.0.1:1,127.0.0.1:{server.port}"
        took = []
        for number in range(3):  # One of them may be late by itself, on a busy machine.
            began = time.monotonic()
            store = await PostgresStore.open(PostgresURL(f"postgresql://valetkey@{hosts}/postgres"))
            await put(store, once(f"third {number}"))
            took.append(time.monotonic() - began)
            await store.close()
        assert min(took) < CALL_TIMEOUT


async def test_a_host_that_takes_no_writes_is_passed_over(server: Cluster) -> None:
    with cluster(default_transaction_read_only="on") as standby:
        with pytest.raises(Unavailable, match="no host takes writes"):
            await PostgresStore.open(PostgresURL(standby.url))
        hosts = f"127.0.0.1:{standby.port},127.0.0.1:{server.port}"
        store = await PostgresStore.open(PostgresURL(f"postgresql://valetkey@{hosts}/postgres"))
        await put(store, once("writes"))
        await store.close()


async def test_a_closed_store_is_unavailable(server: Cluster) -> None:
    store = await PostgresStore.open(PostgresURL(server.url))
    await store.close()
    await store.close()
    with pytest.raises(Unavailable):
        await put(store, once("late"))
    with pytest.raises(Unavailable):
        await store.read()


async def test_a_batch_does_one_thing_to_each_table(store: PostgresStore) -> None:
    """CockroachDB refuses a statement that does two; who does not fit comes with the next."""
    mine, yours = user("mine"), user("yours")
    jobs = [
        CommitRequest([Create(once("1"))], ()),
        CommitRequest([Create(mine), Create(session(mine.id))], ()),
        CommitRequest([Remove(once("2"))], ()),
        CommitRequest([Create(once("3"))], ()),
        CommitRequest([Update(mine)], ()),
        CommitRequest([Create(yours), Update(mine)], ()),
        CommitRequest([Remove(once("1"))], ()),
    ]
    committer = Committer(store._connections)
    await committer.stop()
    committer._gathered.extend(jobs)
    batches = []
    while committer._gathered:
        batches.append([jobs.index(job) for job in committer._batch()])
    assert batches == [[0, 1, 3], [2, 4, 6], [5]]


async def test_mixed_commits_of_many_all_come_through(store: PostgresStore) -> None:
    records = [once(f"mixed {n}") for n in range(100)]
    await put(store, *records[:50])
    old = [await kept(store, one) for one in records[:50]]
    removing = [store.commit([Remove(one)]) for one in old if one is not None]
    creating = [store.commit([Create(one)]) for one in records[50:]]
    both = [call for pair in zip(removing, creating, strict=True) for call in pair]
    await asyncio.gather(*both)
    there = [await kept(store, one) is not None for one in records]
    assert there == [False] * 50 + [True] * 50
