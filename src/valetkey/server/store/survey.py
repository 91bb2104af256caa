"""What a database says of itself. Looking changes nothing."""

import contextlib
import time
from pathlib import Path
from typing import Final

import apsw
import msgspec

from valetkey.server.model.epoch import CURRENT, Epoch
from valetkey.server.store.migrate import Migration, Ran, ran
from valetkey.server.store.port import Unavailable
from valetkey.server.store.storable import UNREADABLE, damaged

EPOCH: Final = f"SELECT body FROM {Epoch.table} WHERE key = '{CURRENT}'"  # noqa: S608


MALFORMED: Final = (apsw.CorruptError, apsw.NotADBError)
"""What SQLite says of a file that is none of its own, or no longer."""

LOOKED: Final = 5.0
"""Seconds for which a file is looked through. Of a large one that is a part."""

STEPS: Final = 10_000
"""Of SQLite, from one look at the clock to the next: less than a millisecond."""


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. `brought` are the steps of this version, `ran` those that were run, none
    where nothing was made yet. `off` names the settings that would make it forget what it
    acknowledged; `ahead` says by how many seconds its clock is ahead of this machine's."""

    brought: tuple[Migration, ...]
    ran: tuple[Ran, ...] = ()
    epoch: Epoch | None = None
    off: tuple[str, ...] = ()
    ahead: float = 0.0


def look(file: Path, brought: tuple[Migration, ...]) -> Survey:
    """The survey of an SQLite file, which need not be there. Raises Unavailable."""
    if not file.exists():
        return Survey(brought=brought)
    try:
        connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
        with contextlib.closing(connection):
            return _looked(connection, brought)
    except apsw.Error as error:
        raise Unavailable(f"{file}: {error}") from error


def _looked(connection: apsw.Connection, brought: tuple[Migration, ...]) -> Survey:
    if not _has(connection, "migrations"):
        return Survey(brought=brought)
    rows = connection.execute(EPOCH) if _has(connection, Epoch.table) else ()
    try:
        epoch = next((msgspec.json.decode(body, type=Epoch) for (body,) in rows), None)
    except UNREADABLE as error:
        raise damaged(Epoch.table, error) from error
    return Survey(brought=brought, ran=ran(connection), epoch=epoch)


def damage(file: Path) -> str:
    """What SQLite finds to be wrong with a file within LOOKED seconds; "" where it finds nothing,
    and where there is no file. Raises Unavailable."""
    if not file.exists():
        return ""
    try:
        connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
        with contextlib.closing(connection):
            until = time.monotonic() + LOOKED
            connection.set_progress_handler(lambda: time.monotonic() > until, STEPS)
            ((found,),) = connection.execute("PRAGMA quick_check(1)")
            return "" if found == "ok" else str(found)
    except apsw.InterruptError:
        return ""
    except MALFORMED as error:
        return str(error)
    except apsw.Error as error:
        raise Unavailable(f"{file}: {error}") from error


def _has(connection: apsw.Connection, table: str) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (table,))
    return bool(found.fetchall())
