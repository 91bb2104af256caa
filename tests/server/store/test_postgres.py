"""The PostgreSQL store keeps the promises, and refuses a database that may lose commits."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
from msgspec.structs import replace
from tests.postgres import MISSING, Cluster, cluster
from tests.server.store.contract import StoreContract
from tests.server.store.growth import grows_with_users
from tests.server.store.samples import MIKO, grant, once, sample, user
from tests.server.store.steps import put

from valetkey.server.model.change import Create, Update
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.query import One
from valetkey.server.model.user import User
from valetkey.server.oauth.admin.keys import TURNED
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.keyring import ensure_keys, read_keys
from valetkey.server.store.port import RECORDS, Store, Unavailable

asyncpg = pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")

from valetkey.server.store.postgres import PostgresStore, UnsafeDatabase  # noqa: E402

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(bool(MISSING), reason=MISSING)]


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
async def url(server: Cluster) -> PostgresURL:
    """The address of a database with nothing in it but the schema."""
    url = PostgresURL(server.url)
    store = await PostgresStore.open(url)
    await store.close()
    connection = await asyncpg.connect(server.url)
    await connection.execute("; ".join(f"DELETE FROM {kind.table}" for kind in RECORDS))
    await connection.execute("DELETE FROM search")
    await connection.execute("DELETE FROM log; UPDATE log_head SET seq = 0")
    await connection.close()
    return url


@pytest.fixture
async def store(url: PostgresURL) -> AsyncIterator[Store]:
    opened = await PostgresStore.open(url)
    yield opened
    await opened.close()


@pytest.fixture
async def twin(store: Store, url: PostgresURL) -> AsyncIterator[Store]:
    """Another node on the same database."""
    opened = await PostgresStore.open(url)
    yield opened
    await opened.close()


class TestPostgresStore(StoreContract):
    """See the contract."""


async def test_a_row_that_is_as_it_was_is_the_record_that_it_was(
    store: Store, twin: Store, server: Cluster
) -> None:
    miko = user("miko")
    await put(store, miko)
    wanted = One(User, miko.id)
    await store.read(wanted)  # only what is read again is kept
    first = (await store.read(wanted)).one(wanted)
    assert first is not None
    assert (await store.read(wanted)).one(wanted) is first
    await twin.commit([Update(replace(first, email="miko@example.org"))])
    second = (await store.read(wanted)).one(wanted)
    assert second == replace(first, email="miko@example.org", version=2)
    # A database that was restored may have other words under the same version.
    connection = await asyncpg.connect(server.url)
    body = msgspec.msgpack.encode(replace(first, id="", version=0, email="other@example.org"))
    await connection.execute("UPDATE users SET body = $1", body)
    await connection.close()
    third = (await store.read(wanted)).one(wanted)
    assert third == replace(first, email="other@example.org", version=2)


async def test_a_family_brings_its_grant_along(store: Store) -> None:
    mine = grant()
    family = replace(sample(TokenFamily), grant=mine.id, user=MIKO, version=0)
    await put(store, mine, family)
    found = await store.read(One(TokenFamily, family.id))
    wanted = One(Grant, mine.id)
    along = found.along((wanted,))
    assert along is not None
    assert along.one(wanted) == replace(mine, version=1)


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit"])
async def test_a_database_that_would_forget_is_refused(setting: str) -> None:
    with (
        cluster(**{setting: "off"}) as one,
        pytest.raises(UnsafeDatabase, match=f"{setting} = off"),
    ):
        await PostgresStore.open(PostgresURL(one.url))


async def test_nodes_that_start_together_make_one_schema_and_one_set_of_keys(
    server: Cluster,
) -> None:
    address, master = PostgresURL(server.fresh()), bytes(range(32))

    async def start() -> PostgresStore:
        while True:  # On a busy machine one may give up, as it should, and is started once more.
            with contextlib.suppress(Unavailable):
                opened = await PostgresStore.open(address)
                try:
                    await ensure_keys(opened, master)
                except Unavailable:
                    await opened.close()
                    raise
                return opened

    nodes = await asyncio.gather(*(start() for _ in range(4)))
    made = [(key.use, key.status) for key in await read_keys(nodes[0])]
    every = [(use, status) for use in TURNED for status in ("current", "coming")]
    assert sorted(made) == sorted([*every, ("salt", "current")])
    for node in nodes:
        await node.close()


async def test_no_database_is_said_plainly_and_soon() -> None:
    with pytest.raises(Unavailable):
        await PostgresStore.open(PostgresURL("postgresql://nobody@127.0.0.1:1/nowhere"))


async def test_a_database_that_goes_away_is_told_and_comes_back() -> None:
    with cluster() as one:
        store = await PostgresStore.open(PostgresURL(one.url))
        try:
            await store.commit((Create(once("before")),))
            one.stop()
            with pytest.raises(Unavailable):
                await store.commit((Create(once("during")),))
            with pytest.raises(Unavailable):
                await store.read()
            one.start()
            await store.read()
            await store.commit((Create(once("after")),))
        finally:
            await store.close()


async def test_it_grows_with_users_not_with_sign_ins(store: Store) -> None:
    await grows_with_users(store)
