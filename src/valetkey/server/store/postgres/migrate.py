"""Runs the migrations on PostgreSQL, one process at a time."""

from typing import Any, Final

from valetkey.server.store.migrate import Migration, Ran, migrations, pending, row

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
