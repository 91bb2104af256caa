"""What a database says about itself, and which versions it takes. A survey changes nothing."""

import contextlib
import time
from pathlib import Path
from typing import Final

import apsw
import msgspec

from valetkey.server.model.keys import CURRENT, Epoch
from valetkey.server.store.migrate import REFUSE_OLDER, Migration, Ran, ran
from valetkey.server.store.port import UNREADABLE, Unavailable, damaged

EPOCH: Final = f"SELECT body FROM {Epoch.table} WHERE key = '{CURRENT}'"  # noqa: S608


MALFORMED: Final = (apsw.CorruptError, apsw.NotADBError)
"""The errors that SQLite raises for a file that is not, or no longer, a database."""


def is_malformed(error: Exception) -> bool:
    """Whether the file is not, or no longer, a database, or is shorter than its first page says."""
    cut = getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_SHORT_READ
    return isinstance(error, MALFORMED) or cut


LOOKED: Final = 5.0
"""Seconds for which a file is checked. In that time, only a part of a large file is checked."""

STEPS: Final = 10_000
"""SQLite instructions between two checks of the clock: less than a millisecond."""


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a survey.

    `shipped` are the migration steps of this version. `ran` are those that have run; empty for a
    new database. `off` names the settings that may lose acknowledged commits. `ahead` is the number
    of seconds by which the database's clock is ahead of this machine's.
    """

    shipped: tuple[Migration, ...]
    ran: tuple[Ran, ...] = ()
    epoch: Epoch | None = None
    off: tuple[str, ...] = ()
    ahead: float = 0.0


def look(file: Path, shipped: tuple[Migration, ...]) -> Survey:
    """Survey an SQLite file, which need not exist. Raises Unavailable."""
    if not file.exists():
        return Survey(shipped=shipped)
    try:
        connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
        with contextlib.closing(connection):
            return _looked(connection, shipped)
    except apsw.Error as error:
        raise Unavailable(f"{file}: {error}") from error


def _looked(connection: apsw.Connection, shipped: tuple[Migration, ...]) -> Survey:
    if not _has(connection, "migrations"):
        return Survey(shipped=shipped)
    rows = connection.execute(EPOCH) if _has(connection, Epoch.table) else ()
    try:
        epoch = next((msgspec.json.decode(body, type=Epoch) for (body,) in rows), None)
    except UNREADABLE as error:
        raise damaged(Epoch.table, error) from error
    return Survey(shipped=shipped, ran=ran(connection), epoch=epoch)


def refuse_older(file: Path) -> None:
    """Make servers of older versions refuse to start on this file. Raises Unavailable."""
    try:
        with contextlib.closing(apsw.Connection(str(file))) as connection:
            connection.set_busy_timeout(round(LOOKED * 1000))
            connection.execute(REFUSE_OLDER)
    except apsw.Error as error:
        raise Unavailable(f"{file}: {error}") from error


def damage(file: Path) -> str:
    """Check a file for at most LOOKED seconds. Returns what is wrong with it, "" if nothing is
    wrong or there is no file. Raises Unavailable."""
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
