"""Backups, and how a restore avoids bringing back what was revoked since.

A backup does not know what was revoked, removed or stopped after it was made. So a restore ends the
epoch: it replaces every key, which invalidates every code and token, and earlier grants and
sessions give no access until their users consent again.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import apsw
import msgspec

from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.event import Event
from valetkey.server.model.keys import CURRENT, Epoch
from valetkey.server.model.query import One, PageQuery
from valetkey.server.oauth.admin.keys import TURNED, USES
from valetkey.server.store.keyring import make, read_keys
from valetkey.server.store.master_key import MasterKey
from valetkey.server.store.migrate import migrations, pending
from valetkey.server.store.port import Store, Unavailable, Unusable
from valetkey.server.store.survey import look

_PAGES: Final = 1000
"""Pages copied in one step of a backup; the server runs on in between."""

_FIRST_LOCK: Final = 0x40000000
_LOCKS: Final = 512
"""The byte range that every process with an open database holds a lock in (SQLite's file format,
"The Lock-Byte Page")."""


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a restore. `epoch` is the new epoch. What happened between `known_until` (0 for
    an empty database) and `at`, both in seconds since 1970, is lost."""

    epoch: int
    known_until: int
    at: int


async def finalize(store: Store, master: MasterKey) -> Restored:
    """End the epoch of a restored database. Raises Stale if another process is doing so now."""
    now = int(time.time())
    wanted = One(Epoch, CURRENT)
    before = (await store.read(wanted)).one(wanted)
    newest = (await store.page(PageQuery(record=Event, limit=1))).records
    # The salt stays: apps know users by names that it makes.
    keys = await read_keys(store)
    changes: list[Change] = [Remove(key) for key in keys if key.use != "salt"]
    has_salt = any(key.use == "salt" for key in keys)
    for use in TURNED if has_salt else USES:
        changes += [Create(make(use, master, status=status)) for status in ("current", "coming")]
    if before is None:
        epoch = Epoch(number=1, since=now)
        changes.append(Create(epoch))
    else:
        epoch = msgspec.structs.replace(before, number=before.number + 1, since=now)
        changes.append(Update(epoch))
    await store.commit(changes)
    return Restored(epoch=epoch.number, known_until=newest[0].at if newest else 0, at=now)


class InUse(Exception):
    """Another process has the database open."""


class NoBackup(Unusable):
    """The file is not a complete valetkey database; the error says why."""


def backup(database: Path, target: Path) -> int:
    """Copy a database file while servers use it. Returns the number of pages. The copy shows one
    moment, and only its owner may read it. Raises FileExistsError, Unavailable."""
    if target.exists():
        raise FileExistsError(target)
    if not database.exists():
        raise Unavailable(f"there is no database {database}")
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with _opened(database, apsw.SQLITE_OPEN_READONLY) as source, _opened(target) as copy:
            pages = _copied(source, copy)
            # Leave WAL mode, so that reading the copy creates no files beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
            return pages
    except apsw.Error as error:
        target.unlink(missing_ok=True)
        raise Unavailable(f"{database}: {error}") from error


def restore(copy: Path, database: Path) -> int:
    """Replace a database that no process has open by a copy. Returns the number of pages.

    The replacement is atomic: an interrupted restore changes nothing. Raises InUse, NoBackup,
    Unavailable, MigrationError."""
    _check(copy)
    database.touch(mode=0o600)
    try:
        try:
            return _replaced(database, copy)
        except (apsw.NotADBError, apsw.CorruptError):
            _clear(database)
            return _replaced(database, copy)
    except apsw.Error as error:
        raise Unavailable(f"{database}: {error}") from error


def _replaced(database: Path, copy: Path) -> int:
    with _opened(copy, apsw.SQLITE_OPEN_READONLY) as source, _opened(database) as target:
        _claim(target, database)
        return _copied(source, target)


def _check(copy: Path) -> None:
    """Check the copy before anything is changed."""
    if not copy.exists():
        raise NoBackup(f"there is no file {copy}")
    survey = look(copy, migrations("sqlite"))
    if not survey.ran:
        raise NoBackup(f"{copy} is no database of valetkey")
    pending(survey.ran, survey.shipped)
    try:
        with _opened(copy, apsw.SQLITE_OPEN_READONLY) as connection:
            report = [str(line) for (line,) in connection.execute("PRAGMA integrity_check(3)")]
    except apsw.Error as error:
        raise NoBackup(f"{copy}: {error}") from error
    if report != ["ok"]:
        raise NoBackup(f"{copy} is damaged: {'; '.join(report)}")


def _clear(database: Path) -> None:
    """Delete a database that is too damaged for SQLite to open. Raises InUse."""
    with database.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCKS, _FIRST_LOCK)
        except OSError:
            raise _in_use(database) from None
        for suffix in ("", "-wal", "-shm", "-journal"):
            database.with_name(database.name + suffix).unlink(missing_ok=True)
    database.touch(mode=0o600)


def _in_use(database: Path) -> InUse:
    return InUse(f"{database} is open elsewhere: stop the server first")


def _claim(connection: apsw.Connection, database: Path) -> None:
    """Check that no other process has the database open: only then can it leave WAL mode."""
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        (mode,) = next(iter(connection.execute("PRAGMA journal_mode = DELETE")))
    except apsw.BusyError:
        mode = "wal"
    if mode != "delete":
        raise _in_use(database)
    connection.execute("BEGIN EXCLUSIVE; COMMIT")


def _copied(source: apsw.Connection, target: apsw.Connection) -> int:
    with target.backup("main", source, "main") as step:
        while not step.done:
            step.step(_PAGES)
        pages: int = step.page_count
    return pages


@contextlib.contextmanager
def _opened(
    file: Path, flags: int = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
) -> Iterator[apsw.Connection]:
    connection = apsw.Connection(str(file), flags=flags)
    with contextlib.closing(connection):
        yield connection
