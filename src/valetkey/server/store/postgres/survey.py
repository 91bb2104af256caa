"""What a PostgreSQL database says about itself: schema, settings, clock."""

import time
from typing import Any, Final

import msgspec

from valetkey.server.model.epoch import Epoch
from valetkey.server.store.database import PostgresURL
from valetkey.server.store.migrate import Migration
from valetkey.server.store.port import CALL_TIMEOUT, Unavailable, Unusable
from valetkey.server.store.postgres.connections import TROUBLE, connect, why
from valetkey.server.store.postgres.migrate import ran
from valetkey.server.store.storable import UNREADABLE, damaged
from valetkey.server.store.survey import EPOCH, Survey

_MUST_BE_ON: Final = ("fsync", "full_page_writes", "synchronous_commit")


class UnsafeDatabase(Unusable):
    """The database may lose commits that it has acknowledged. The error names the settings to
    fix."""


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
