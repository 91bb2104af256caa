"""A refresh writes one row and no index: PostgreSQL keeps the new version of the row on the page of
the old one (a heap-only update), because no indexed column moves and the page has room.

It does so in SQLite's sense too: the row stays where it is in the index by which a sweep finds it.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest
from msgspec.structs import replace
from tests.postgres import MISSING, cluster
from tests.server.oauth.grant_types.story import leaf
from tests.server.oauth.world import World
from tests.server.store.steps import put

from valetkey.server.model.change import Update
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.record import Record
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.migrate import Kind, migrations
from valetkey.server.store.port import RECORDS

asyncpg = pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")

from valetkey.server.store.postgres import PostgresStore  # noqa: E402

DEVICES: Final = 40
HOURS: Final = 24


def refreshed() -> Iterator[list[TokenFamily]]:
    """The families of an app on many devices as they are born, and after each refresh: one an hour.
    A version is left to the store."""
    world = World()
    tokens = [world.connect() for _ in range(DEVICES)]
    yield list(world.all(TokenFamily))
    for _ in range(HOURS):
        world.later(3600)
        tokens = [world.refresh("kite", leaf(one)) for one in tokens]
        yield list(world.all(TokenFamily))


def test_a_refresh_leaves_the_row_where_the_sweep_finds_it() -> None:
    at = [tuple(one.forget_at for one in turn) for turn in refreshed()]
    moved = sum(before != after for before, after in itertools.pairwise(at))
    assert moved <= 1
    until = [tuple(one.expires for one in turn) for turn in refreshed()]
    assert len(set(until)) == HOURS + 1


@pytest.mark.anyio
@pytest.mark.skipif(bool(MISSING), reason=MISSING or "PostgreSQL is there")
async def test_refreshes_are_heap_only() -> None:
    first, *turns = refreshed()
    with cluster() as server:
        store = await PostgresStore.open(PostgresURL(server.url))
        await put(store, *first)
        for version, turn in enumerate(turns, 1):
            for one in turn:
                await store.commit([Update(replace(one, version=version))])
        await store.close()  # The session tells its counts at its end.
        connection = await asyncpg.connect(server.url)
        sql = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = $1"
        told = await connection.fetchrow(sql, TokenFamily.table)
        await connection.close()
    assert told["n_tup_upd"] == DEVICES * HOURS
    # All but those that left a page which was full before the first of its rows died.
    assert told["n_tup_hot_upd"] >= 0.95 * DEVICES * HOURS


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_names_are_indexed_where_there_are_names(kind: Kind) -> None:
    """An index of nothing but nulls would be written for each event and each family."""
    marks = {
        "sqlite": r"CREATE TABLE (\w+) \((?:(?!CREATE TABLE)[^;])*alias TEXT UNIQUE",
        "postgres": r"CREATE UNIQUE INDEX \w+_alias ON (\w+)",
    }
    found = Counter(one for step in migrations(kind) for one in re.findall(marks[kind], step.sql))
    # In SQLite's tree, a name that tells its place is looked for there; users have the one index.
    apart = [one for one in RECORDS if kind == "postgres" or not one.rank]
    named = {one.table for one in apart if one.alias is not Record.alias}
    indexed = {table for table, count in found.items() if count}
    assert indexed >= named
    assert not indexed & {"events", "families"}
