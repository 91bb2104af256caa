"""What a PostgreSQL says of itself."""

import time
from typing import Any, Final

import msgspec

from valetkey.server.model.epoch import Epoch
from valetkey.server.store.database import PostgresURL
from valetkey.server.store.migrate import Migration
from valetkey.server.store.port import PATIENCE, Unavailable, Unusable
from valetkey.server.store.postgres.connections import TROUBLE, connect, why
from valetkey.server.store.postgres.migrate import ran
from valetkey.server.store.storable import UNREADABLE, damaged
from valetkey.server.store.survey import EPOCH, Survey

_MUST_BE_ON: Final = ("fsync", "full_page_writes", "synchronous_commit")


class UnsafeDatabase(Unusable):
    """The database is set up to forget what it has acknowledged; says which settings to mend."""


async def look(url: PostgresURL, brought: tuple[Migration, ...]) -> Survey:
    """The survey of the host that takes writes. Raises Unavailable."""
    try:
        connection = await connect(url, timeout=PATIENCE, command_timeout=PATIENCE)
        try:
            return await _looked(connection, brought)
        finally:
            await connection.close(timeout=PATIENCE)
    except TROUBLE as error:
        raise unreachable(error) from error


def unreachable(error: Exception) -> Unavailable:
    """What to raise where there is no connection."""
    return Unavailable(f"the database cannot be reached: {why(error)}")


async def _looked(connection: Any, brought: tuple[Migration, ...]) -> Survey:
    before = time.time()
    clock = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
    found = Survey(
        brought=brought, off=await off(connection), ahead=_ahead(clock, before, time.time())
    )
    if not await _has(connection, "migrations"):
        return found
    body = await connection.fetchval(EPOCH) if await _has(connection, Epoch.table) else None
    try:
        epoch = msgspec.json.decode(body, type=Epoch) if body else None
    except UNREADABLE as error:
        raise damaged(Epoch.table, error) from error
    return msgspec.structs.replace(found, ran=await ran(connection), epoch=epoch)


def _ahead(clock: float, before: float, after: float) -> float:
    """Seconds by which `clock` is surely ahead (behind, where negative) of this machine's, which
    showed `before` when it was asked and `after` when it had answered."""
    return max(0.0, clock - after) + min(0.0, clock - before)


async def _has(connection: Any, table: str) -> bool:
    return await connection.fetchval("SELECT to_regclass($1)", table) is not None


async def off(connection: Any) -> tuple[str, ...]:
    """The settings by which it would lose at a power cut what it has acknowledged."""
    sql = "SELECT name FROM pg_settings WHERE name = ANY($1) AND setting = 'off' ORDER BY name"
    rows = await connection.fetch(sql, _MUST_BE_ON, timeout=PATIENCE)
    return tuple(one["name"] for one in rows)


def unsafe(names: tuple[str, ...]) -> UnsafeDatabase:
    """What to raise for them."""
    settings = ", ".join(f"{name} = off" for name in names)
    return UnsafeDatabase(
        f"the database has {settings}: it would lose what it has acknowledged. Set them to on"
    )
