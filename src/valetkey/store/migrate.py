"""Migrations: plain numbered `.sql` files, each run once, in order, and never changed after."""

import hashlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Final, Literal

import apsw
import msgspec

_NAME: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql", re.ASCII)

_CREATE: Final = (
    "CREATE TABLE IF NOT EXISTS migrations "
    "(number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, at INTEGER NOT NULL)"
)


class Migration(msgspec.Struct, frozen=True):
    """One step of the schema."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


class MigrationError(Exception):
    """The database and this version do not go together; says why and what to do."""


def migrations(database: Literal["sqlite", "postgres"]) -> tuple[Migration, ...]:
    """The steps that this version brings, in order."""
    return tuple(sorted(_found(database), key=lambda one: one.number))


def _found(database: str) -> Iterator[Migration]:
    for entry in (files("valetkey.store") / "migrations" / database).iterdir():
        match = _NAME.fullmatch(entry.name)
        if match is not None:
            yield Migration(int(match.group(1)), match.group(2), entry.read_text("utf-8"))


def migrate(connection: apsw.Connection) -> tuple[Migration, ...]:
    """Brings the schema up to this version, all or nothing; what was run. Raises MigrationError.

    The write lock serialises processes that start together.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_CREATE)
        steps = pending(_run(connection), migrations("sqlite"))
        for one in steps:
            connection.execute(one.sql)
            connection.execute(
                "INSERT INTO migrations VALUES (?, ?, ?, ?)",
                (one.number, one.name, one.checksum, int(time.time())),
            )
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return steps


def pending(
    run: Mapping[int, tuple[str, str]], brought: Sequence[Migration]
) -> tuple[Migration, ...]:
    """The steps that are still to run, where `run` has the name and checksum of those that were.
    Raises MigrationError where the database is newer, or a step was changed after it was run."""
    known = {one.number: one for one in brought}
    for number, (name, checksum) in run.items():
        if number not in known:
            raise MigrationError(f"the database has step {number} ({name}) of a newer valetkey")
        if known[number].checksum != checksum:
            raise MigrationError(f"step {number} ({name}) was changed after it was run")
    return tuple(one for number, one in sorted(known.items()) if number not in run)


def _run(connection: apsw.Connection) -> dict[int, tuple[str, str]]:
    rows = connection.execute("SELECT number, name, checksum FROM migrations")
    return {int(number): (str(name), str(checksum)) for number, name, checksum in rows}
