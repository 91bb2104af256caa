"""No search reads more than a short range of the index: its plans, on both databases."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.postgres import MISSING, Cluster, cluster

from valetkey.server.model import search
from valetkey.server.model.grant import Grant
from valetkey.server.model.search import SearchQuery, beginning, exactly
from valetkey.server.model.user import User
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.migrate import migrate
from valetkey.server.store.sqlite.search import COUNT, NEWEST, OLDEST
from valetkey.server.store.sqlite.store import connect

OLDEST_FIRST = beginning(User, search.text(search.EMAIL, "miko"), count=True)
NEWEST_FIRST = exactly(Grant, search.of_app(search.LIVE, "stef"), newest=True, count=True)

STATEMENTS = {"oldest": (OLDEST, 4), "newest": (NEWEST, 4), "count": (COUNT, 2)}


@pytest.mark.parametrize("name", STATEMENTS)
def test_sqlite_reads_a_range_of_the_index(tmp_path: Path, name: str) -> None:
    statement, count = STATEMENTS[name]
    with closing(connect(tmp_path / "valetkey.db")) as connection:
        migrate(connection)
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", (b"",) * (count - 1) + (1,))
        plan = [str(row[3]) for row in rows]
    searched = [one for one in plan if "search" in one]
    assert searched, plan
    assert all(one.startswith("SEARCH search USING PRIMARY KEY (") for one in searched), plan
    assert not any("B-TREE" in one for one in plan), plan


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


FILL = """
INSERT INTO search (place, key, term)
SELECT n, decode(md5(n::text), 'hex'), convert_to(chr(97 + n % 26) || md5((n * 7)::text), 'UTF8')
FROM generate_series(1, 20000) n
"""


@pytest.mark.anyio
@pytest.mark.skipif(bool(MISSING), reason=MISSING)
@pytest.mark.parametrize("query", [OLDEST_FIRST, NEWEST_FIRST], ids=["oldest", "newest"])
async def test_postgresql_reads_a_range_of_the_index(
    server: Cluster, query: SearchQuery[User] | SearchQuery[Grant]
) -> None:
    asyncpg = pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")
    from valetkey.server.store.postgres import PostgresStore
    from valetkey.server.store.postgres.search import find

    url = server.fresh()
    store = await PostgresStore.open(PostgresURL(url))
    await store.close()
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(FILL)
        await connection.execute("VACUUM ANALYZE search")
        sql, parameters = find(query)
        rows = await connection.fetch(f"EXPLAIN {sql}", *parameters)
    finally:
        await connection.close()
    plan = "\n".join(row[0] for row in rows)
    assert len(re.findall(r"Index Only Scan (?:Backward )?using search_term", plan)) == 2, plan
    assert "Seq Scan" not in plan, plan
