"""Opens, surveys and closes to older versions the database that the settings name."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from valetkey.server.store.database_url import Database, PostgresURL
from valetkey.server.store.migrate import migrations
from valetkey.server.store.port import Store, Unusable
from valetkey.server.store.read_cache import CachedStore
from valetkey.server.store.sqlite.store import SQLiteStore
from valetkey.server.store.survey import Survey, look, refuse_older


class DriverMissing(Unusable):
    """The PostgreSQL driver is missing; it comes with the extra `postgres`."""


async def open_store(database: Database) -> Store:
    """Open the store and migrate its schema. Creates an SQLite file that does not exist. Raises
    Unusable, Unavailable."""
    match database.at:
        case Path() as file:
            return CachedStore(SQLiteStore(file))
        case PostgresURL() as url:
            with _driver():
                # Imported here, so that an installation on SQLite needs no driver.
                from valetkey.server.store.postgres import PostgresStore  # noqa: PLC0415
            return CachedStore(await PostgresStore.open(url))


async def survey(database: Database) -> Survey:
    """Survey the database without changing it. Raises DriverMissing, Unavailable."""
    match database.at:
        case Path() as file:
            return look(file, migrations("sqlite"))
        case PostgresURL() as url:
            with _driver():
                from valetkey.server.store import postgres  # noqa: PLC0415
            return await postgres.look(url, migrations("postgres"))


async def refuse_older_versions(database: Database) -> None:
    """Make servers of older versions refuse to start on this database. Raises DriverMissing,
    Unavailable."""
    match database.at:
        case Path() as file:
            refuse_older(file)
        case PostgresURL() as url:
            with _driver():
                from valetkey.server.store import postgres  # noqa: PLC0415
            await postgres.refuse_older(url)


@contextlib.contextmanager
def _driver() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "valetkey":
            raise
        raise DriverMissing(f"{error.name} is missing: install valetkey[postgres]") from None
