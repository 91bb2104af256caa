"""Migrations: numbered `.sql` files. Each runs once, in order, and never changes after that.

A line `-- oldest: N` in each file says which step a server has to know, at least, to work with the
schema afterwards. A step that only adds leaves older servers running. A step that removes something
waits until no older server is left.
"""

import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Final, Literal, TypeAlias

import apsw
import msgspec

from valetkey.server.store.port import Unusable

Kind: TypeAlias = Literal["sqlite", "postgres"]

_NAME: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql", re.ASCII)
_OLDEST: Final = re.compile(r"^-- oldest: (\d+)$", re.ASCII | re.MULTILINE)

_CREATE: Final = (
    "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, "
    "checksum TEXT NOT NULL, oldest INTEGER NOT NULL, at INTEGER NOT NULL)"
)
REFUSE_OLDER: Final = (
    "UPDATE migrations SET oldest = number WHERE number = (SELECT max(number) FROM migrations)"
)
"""From its next start on, a server that does not know the last step refuses to start."""

_THERE: Final = "SELECT 1 FROM sqlite_schema WHERE name = 'migrations'"


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the schema. Servers that know the steps up to `oldest` work with the result."""

    number: int
    name: str
    sql: str
    oldest: int

    @property
    def checksum(self) -> str:
        """SHA-256 of the SQL text, in hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """A step that has run; `at` in seconds since 1970."""

    number: int
    name: str
    checksum: str
    oldest: int
    at: int


class MigrationError(Unusable):
    """The database's schema does not fit this version; the error says why and what to do."""


def migrations(kind: Kind) -> tuple[Migration, ...]:
    """The steps that this version contains, in order."""
    return tuple(sorted(_read_migrations(kind), key=lambda one: one.number))


def _read_migrations(kind: Kind) -> Iterator[Migration]:
    for entry in (files("valetkey.server.store") / "migrations" / kind).iterdir():
        match = _NAME.fullmatch(entry.name)
        if match is None:
            continue
        sql = entry.read_text("utf-8")
        oldest = _OLDEST.search(sql)
        if oldest is None:
            raise ValueError(f"{entry.name} does not say `-- oldest: N`")
        yield Migration(number=int(match[1]), name=match[2], sql=sql, oldest=int(oldest[1]))


def migrate(connection: apsw.Connection) -> tuple[Migration, ...]:
    """Migrate the schema to this version, all steps or none. Returns the steps that ran. Raises
    MigrationError.

    The write lock serializes processes that start together. If there is nothing to run, the lock is
    not taken: a process that starts while others write would have to wait for them.
    """
    shipped = migrations("sqlite")
    if not pending(ran(connection), shipped):
        return ()
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_CREATE)
        steps = pending(ran(connection), shipped)
        for one in steps:
            connection.execute(one.sql)
            connection.execute("INSERT INTO migrations VALUES (?, ?, ?, ?, ?)", row(one))
    except BaseException:
        if connection.in_transaction:  # SQLite may have rolled back already.
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return steps


def row(one: Migration) -> tuple[int, str, str, int, int]:
    """The row that records that a step has just run."""
    return one.number, one.name, one.checksum, one.oldest, int(time.time())


def pending(run: Sequence[Ran], shipped: Sequence[Migration]) -> tuple[Migration, ...]:
    """The steps that still have to run. Raises MigrationError if a step was changed after it ran,
    or if a newer version has removed what this version needs."""
    steps = {one.number: one for one in shipped}
    for one in run:
        if one.number in steps:
            if steps[one.number].checksum != one.checksum:
                raise MigrationError(f"step {one.number} ({one.name}) was changed after it was run")
        elif one.oldest > max(steps, default=0):
            raise MigrationError(
                f"the database has step {one.number} ({one.name}) of a newer valetkey, with which "
                "this one does not work: install the newer one"
            )
    numbers = {one.number for one in run}
    return tuple(one for number, one in sorted(steps.items()) if number not in numbers)


def ran(connection: apsw.Connection) -> tuple[Ran, ...]:
    """The steps that have run, in order."""
    if not connection.execute(_THERE).fetchall():
        return ()
    rows = connection.execute(
        "SELECT number, name, checksum, oldest, at FROM migrations ORDER BY number"
    )
    return tuple(
        Ran(number=number, name=name, checksum=checksum, oldest=oldest, at=at)
        for number, name, checksum, oldest, at in rows
    )
