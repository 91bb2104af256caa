"""What a database says of itself. Looking changes nothing."""

import contextlib
from pathlib import Path
from typing import Final

import apsw
import msgspec

from valetkey.model.epoch import CURRENT, Epoch
from valetkey.store.migrate import Migration, Ran, ran
from valetkey.store.port import Unavailable

EPOCH: Final = f"SELECT body FROM {Epoch.table} WHERE key = '{CURRENT}'"  # noqa: S608


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
    epoch = next((msgspec.json.decode(body, type=Epoch) for (body,) in rows), None)
    return Survey(brought=brought, ran=ran(connection), epoch=epoch)


def _has(connection: apsw.Connection, table: str) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (table,))
    return bool(found.fetchall())
