"""The store on PostgreSQL: one round trip for `read`, one for `commit`."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from valetkey.server.model import ids
from valetkey.server.model.change import Change
from valetkey.server.model.change_log import Log, piece
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.query import One, Page, PageQuery, Query, Results
from valetkey.server.model.record import Record
from valetkey.server.model.search import SearchQuery, cursor, is_hit, written_key
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.port import CALL_TIMEOUT, RECORDS, Unavailable, read_entry
from valetkey.server.store.postgres import search, statements
from valetkey.server.store.postgres.committer import Committer
from valetkey.server.store.postgres.connections import (
    TROUBLE,
    Connections,
    as_unavailable,
    connect,
    may_be_ours,
    why,
)
from valetkey.server.store.postgres.reader import Reader
from valetkey.server.store.postgres.rows import columns, record_of
from valetkey.server.store.postgres.survey import migrate, off, unreachable, unsafe

R = TypeVar("R", bound=Record)

SWEEP_ROWS: Final = 200

_SWEEPS: Final = (
    *(statements.sweep(kind) for kind in RECORDS if "forget_at" in columns(kind)),
    statements.SWEEP_LOG,
)


class PostgresStore:
    """A database that several nodes share. Create it with `open`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._committer = Committer(connections)
        self._reader = Reader(self._fetched)

    @classmethod
    async def open(cls, url: PostgresURL) -> "PostgresStore":
        """Connect, check that the database does not lose acknowledged commits, and migrate its
        schema.

        If the URL names several hosts, the store uses the one that takes writes. Raises
        UnsafeDatabase, MigrationError, Unavailable.
        """
        try:
            # Use a separate connection: a migration may take longer than a request may.
            connection = await connect(url, timeout=CALL_TIMEOUT)
            try:
                if names := await off(connection):
                    raise unsafe(names)
                await migrate(connection)
            finally:
                await connection.close(timeout=CALL_TIMEOUT)
            return cls(await Connections.open(url))
        except TROUBLE as error:
            raise unreachable(error) from error

    async def read(self, *wants: Query) -> Results:
        if not wants:
            await self._fetch(statements.Statement("SELECT 1", ()))
            return Results({})
        named = tuple(want for want in wants if isinstance(want, One))
        if len(named) == len(wants):
            return await self._reader.read(named)
        rows = await self._fetch(statements.read(wants))
        records_of: list[list[Record]] = [[] for _ in wants]
        for row in rows:
            number = row[0]
            records_of[number].append(record_of(wants[number].record, row))
        for records in records_of:
            if len(records) > 1:
                records.sort(key=_key)
        return Results({want: tuple(some) for want, some in zip(wants, records_of, strict=True)})

    async def commit(
        self, changes: Sequence[Change], events: Sequence[Event] = ()
    ) -> tuple[Throttle, ...]:
        if not changes and not events:
            return ()
        return await self._committer.submit(changes, events)

    async def page(self, query: PageQuery[R]) -> Page[R]:
        if isinstance(query, SearchQuery):
            return await self._search(query)
        rows = await self._fetch(statements.page(query))
        decoded = [record_of(query.record, row) for row in rows]
        chosen = tuple(one for one in decoded[: query.limit] if isinstance(one, query.record))
        return Page(chosen, chosen[-1].key if len(rows) > query.limit else "")

    async def _search(self, query: SearchQuery[R]) -> Page[R]:
        rows = await self._fetch(statements.Statement(*search.find(query)))
        if not rows:
            return Page((), "", 0 if query.count else None)
        places = [(row["term"], row["key"]) for row in rows if row["term"] is not None]
        chosen = places[: query.limit]
        keys = dict.fromkeys(written_key(query.record, key) for _, key in chosen)
        wants = tuple(One(query.record, key) for key in keys)
        results = await self._reader.read(wants) if wants else Results({})
        records = (results.one(want) for want in wants)
        hits = tuple(one for one in records if one is not None and is_hit(one, query))
        more = cursor(chosen[-1]) if len(places) > query.limit else ""
        return Page(hits, more, rows[0]["total"] if query.count else None)

    async def log(self, after: int, *, limit: int = 100) -> Log:
        rows = await self._fetch(statements.Statement(statements.LOG, (after, limit + 1)))
        entries = [read_entry(row["seq"], row["body"]) for row in rows if row["seq"] is not None]
        return piece(entries, after=after, head=rows[0]["head"], first=rows[0]["first"])

    async def sweep(self, now: int, *, events_before: int = 0) -> int:
        steps: list[tuple[str, int | bytes]] = [(sql, now) for sql in _SWEEPS]
        if events_before:
            steps.append((statements.SWEEP_EVENTS, ids.time_prefix(events_before)))
        forgotten = 0
        for sql, until in steps:
            forgotten += len(await self._fetch(statements.Statement(sql, (until, SWEEP_ROWS))))
        return forgotten

    async def close(self) -> None:
        await self._committer.stop()
        await self._connections.close()

    async def _fetch(self, statement: statements.Statement) -> list[Any]:
        # asyncpg needs a current task, and the caller may have none.
        try:
            return await asyncio.create_task(self._fetched(statement))
        except TROUBLE as error:
            raise as_unavailable(error) from error

    async def _fetched(self, statement: statements.Statement) -> list[Any]:
        """Fetch the rows. Raises Unavailable; passes through any error that the statement itself
        may have caused."""
        try:
            return await self._connections.read(statement.sql, *statement.parameters)
        except TROUBLE as error:
            if may_be_ours(error):
                raise
            raise Unavailable(why(error)) from error


def _key(record: Record) -> str:
    return record.key
