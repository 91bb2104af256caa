"""Opens whichever database was named."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from valetkey.server.store.database import Database, PostgresURL
from valetkey.server.store.migrate import migrations
from valetkey.server.store.port import Store, Unusable
from valetkey.server.store.read_cache import Recall
from valetkey.server.store.sqlite.store import SQLiteStore
from valetkey.server.store.survey import Survey, look


class DriverMissing(Unusable):
    """PostgreSQL needs the extra `postgres`."""


async def open_store(database: Database) -> Store:
    """The store, its schema brought up to date; a file is made where there is none. Raises
    Unusable, Unavailable."""
    match database.at:
        case Path() as file:
            return Recall(SQLiteStore(file))
        case PostgresURL() as url:
            with _driver():
                # Here, so that whoever keeps to SQLite needs no driver.
                from valetkey.server.store.postgres import PostgresStore  # noqa: PLC0415
            return Recall(await PostgresStore.open(url))


async def survey(database: Database) -> Survey:
    """What the database says of itself. Raises DriverMissing, Unavailable."""
    match database.at:
        case Path() as file:
            return look(file, migrations("sqlite"))
        case PostgresURL() as url:
            with _driver():
                from valetkey.server.store import postgres  # noqa: PLC0415
            return await postgres.look(url, migrations("postgres"))


@contextlib.contextmanager
def _driver() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "valetkey":
            raise
        raise DriverMissing(f"{error.name} is missing: install valetkey[postgres]") from None
