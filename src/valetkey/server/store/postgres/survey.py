"""What a PostgreSQL database says about itself: schema, settings, clock."""

import time
from typing import Any, Final

import msgspec

from valetkey.server.model.keys import Epoch
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.migrate import REFUSE_OLDER, Migration, Ran, migrations, pending, row
from valetkey.server.store.port import CALL_TIMEOUT, UNREADABLE, Unavailable, Unusable, damaged
from valetkey.server.store.postgres.connections import TROUBLE, connect, why
from valetkey.server.store.survey import EPOCH, Survey

# Runs the migrations on PostgreSQL, one process at a time.

_CREATE: Final = (
    "CREATE TABLE IF NOT EXISTS migrations (number integer PRIMARY KEY, name text NOT NULL, "
    "checksum text NOT NULL, oldest integer NOT NULL, at bigint NOT NULL)"
)

_LOCK: Final = 0x76616C65746B6579
"""The number of the advisory lock ("valetkey"). The process that holds it migrates; others wait."""


async def migrate(connection: Any) -> tuple[Migration, ...]:
    """Migrate the schema to this version, all steps or none. Returns the steps that ran. Raises
    MigrationError."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(_CREATE)
        steps = pending(await ran(connection), migrations("postgres"))
        for one in steps:
            await connection.execute(one.sql)
            await connection.execute(
                "INSERT INTO migrations VALUES ($1, $2, $3, $4, $5)", *row(one)
            )
    return steps


async def ran(connection: Any) -> tuple[Ran, ...]:
    """The steps that have run, in order."""
    rows = await connection.fetch(
        "SELECT number, name, checksum, oldest, at FROM migrations ORDER BY number"
    )
    return tuple(Ran(**dict(one)) for one in rows)


_MUST_BE_ON: Final = ("fsync", "full_page_writes", "synchronous_commit")


class UnsafeDatabase(Unusable):
    """The database may lose commits that it has acknowledged. The error names the settings to
    fix."""


async def refuse_older(url: PostgresURL) -> None:
    """Make servers of older versions refuse to start on this database. Raises Unavailable."""
    try:
        connection = await connect(url, timeout=CALL_TIMEOUT, command_timeout=CALL_TIMEOUT)
        try:
            await connection.execute(REFUSE_OLDER)
        finally:
            await connection.close(timeout=CALL_TIMEOUT)
    except TROUBLE as error:
        raise unreachable(error) from error


async def look(url: PostgresURL, shipped: tuple[Migration, ...]) -> Survey:
    """Survey the host that takes writes. Raises Unavailable."""
    try:
        connection = await connect(url, timeout=CALL_TIMEOUT, command_timeout=CALL_TIMEOUT)
        try:
            return await _looked(connection, shipped)
        finally:
            await connection.close(timeout=CALL_TIMEOUT)
    except TROUBLE as error:
        raise unreachable(error) from error


def unreachable(error: Exception) -> Unavailable:
    """The error to raise if there is no connection."""
    return Unavailable(f"the database cannot be reached: {why(error)}")


async def _looked(connection: Any, shipped: tuple[Migration, ...]) -> Survey:
    before = time.time()
    clock = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
    result = Survey(
        shipped=shipped, off=await off(connection), ahead=_ahead(clock, before, time.time())
    )
    if not await _has(connection, "migrations"):
        return result
    body = await connection.fetchval(EPOCH) if await _has(connection, Epoch.table) else None
    try:
        epoch = msgspec.json.decode(body, type=Epoch) if body else None
    except UNREADABLE as error:
        raise damaged(Epoch.table, error) from error
    return msgspec.structs.replace(result, ran=await ran(connection), epoch=epoch)


def _ahead(clock: float, before: float, after: float) -> float:
    """Seconds by which `clock` is certainly ahead of this machine's clock; negative if it is
    behind. This machine's clock showed `before` before the question and `after` after the
    answer."""
    return max(0.0, clock - after) + min(0.0, clock - before)


async def _has(connection: Any, table: str) -> bool:
    return await connection.fetchval("SELECT to_regclass($1)", table) is not None


async def off(connection: Any) -> tuple[str, ...]:
    """The settings that are off and may lose acknowledged commits at a power cut."""
    sql = "SELECT name FROM pg_settings WHERE name = ANY($1) AND setting = 'off' ORDER BY name"
    rows = await connection.fetch(sql, _MUST_BE_ON, timeout=CALL_TIMEOUT)
    return tuple(one["name"] for one in rows)


def unsafe(names: tuple[str, ...]) -> UnsafeDatabase:
    """The error to raise for these settings."""
    settings = ", ".join(f"{name} = off" for name in names)
    return UnsafeDatabase(
        f"the database has {settings}: it would lose what it has acknowledged. Set them to on"
    )
