"""An audit log on each database."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.postgres import MISSING, Cluster, cluster
from tests.server.audit.log import Log, postgres_editor, sqlite_editor

from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.sqlite.store import SQLiteStore


@pytest.fixture(scope="session")
def audit_cluster() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgres"])
async def log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Log]:
    if request.param == "sqlite":
        file = tmp_path / "audit.db"
        store = SQLiteStore(file)
        yield Log(store, sqlite_editor(file), is_postgres=False)
        await store.close()
        return
    pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")
    if MISSING:
        pytest.skip(MISSING)
    from valetkey.server.store.postgres import PostgresStore

    url = request.getfixturevalue("audit_cluster").fresh()
    opened = await PostgresStore.open(PostgresURL(url))
    yield Log(opened, postgres_editor(url), is_postgres=True)
    await opened.close()
