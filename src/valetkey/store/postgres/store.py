"""The store itself: one round trip for `read`, one for `commit`."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import asyncpg

from valetkey.model.change import Change
from valetkey.model.event import Event
from valetkey.model.record import Record
from valetkey.model.want import Found, Page, Query, Want
from valetkey.store.port import RECORDS, Unavailable
from valetkey.store.postgres import statements
from valetkey.store.postgres.committer import TIMEOUT, Committer, statement_args
from valetkey.store.postgres.migrate import migrate

R = TypeVar("R", bound=Record)

READERS: Final = 8
"""Connections of one node."""

SWEEP_ROWS: Final = 200

_TROUBLE: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class UnsafeDatabase(Exception):
    """The database is set up to forget what it has acknowledged; says which settings to mend."""


class PostgresStore:
    """A database that several nodes share. Make one with `open`."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool
        self._committer = Committer(pool)

    @classmethod
    async def open(cls, url: str) -> "PostgresStore":
        """Connects, checks that the database keeps its word, and brings its schema up to date.

        The URL may name several hosts, of which the one that takes writes is used. Raises
        UnsafeDatabase, MigrationError, Unavailable.
        """
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=2,
                max_size=READERS,
                timeout=TIMEOUT,
                command_timeout=TIMEOUT,
                target_session_attrs="read-write",
            )
            async with pool.acquire() as connection:
                await _check(connection)
                await migrate(connection)
        except _TROUBLE as error:
            raise Unavailable(f"the database cannot be reached: {error}") from error
        return cls(pool)

    async def read(self, *wants: Want) -> Found:
        if not wants:
            await self._fetch(statements.Statement("SELECT 1", ()))
            return Found({})
        rows = await self._fetch(statements.read(wants))
        found: dict[Want, list[Record]] = {want: [] for want in wants}
        for row in rows:
            want = wants[row["n"]]
            found[want].append(statements.decoder(want.record).decode(row["body"]))
        return Found({want: tuple(records) for want, records in found.items()})

    async def commit(self, changes: Sequence[Change], events: Sequence[Event] = ()) -> None:
        if changes or events:
            await self._committer.submit(changes, events)

    async def page(self, query: Query[R]) -> Page[R]:
        rows = await self._fetch(statements.page(query))
        decoded = [statements.decoder(query.record).decode(row["body"]) for row in rows]
        chosen = tuple(one for one in decoded[: query.limit] if isinstance(one, query.record))
        return Page(chosen, chosen[-1].key if len(rows) > query.limit else "")

    async def sweep(self, now: int) -> int:
        gone = 0
        for kind in RECORDS:
            statement = statements.Statement(statements.sweep(kind), (now, SWEEP_ROWS))
            gone += len(await self._fetch(statement))
        return gone

    async def close(self) -> None:
        await self._committer.stop()
        await self._pool.close()

    async def _fetch(self, statement: statements.Statement) -> list[Any]:
        try:
            async with self._pool.acquire(timeout=TIMEOUT) as connection:
                rows: list[Any] = await connection.fetch(
                    *statement_args(statement), timeout=TIMEOUT
                )
                return rows
        except _TROUBLE as error:
            raise Unavailable(str(error) or type(error).__name__) from error


_MUST_BE_ON: Final = ("fsync", "full_page_writes", "synchronous_commit")


async def _check(connection: Any) -> None:
    """Refuses a database that would forget at a power cut what it acknowledged."""
    off = []
    for name in _MUST_BE_ON:
        value = await connection.fetchval("SELECT current_setting($1)", name)
        if value == "off":
            off.append(name)
    if off:
        settings = ", ".join(f"{name} = off" for name in off)
        raise UnsafeDatabase(
            f"the database has {settings}: it would lose what it has acknowledged. Set them to on"
        )
