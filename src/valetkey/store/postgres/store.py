"""The store itself: one round trip for `read`, one for `commit`."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from valetkey.model.change import Change
from valetkey.model.event import Event
from valetkey.model.log import Log, piece
from valetkey.model.record import Record
from valetkey.model.want import Found, Page, Query, Want
from valetkey.store.database import PostgresURL
from valetkey.store.log import read_entry
from valetkey.store.port import PATIENCE, RECORDS, Unavailable
from valetkey.store.postgres import statements
from valetkey.store.postgres.committer import Committer
from valetkey.store.postgres.connections import TROUBLE, Connections, connect, why
from valetkey.store.postgres.migrate import migrate
from valetkey.store.postgres.survey import off, unreachable, unsafe

R = TypeVar("R", bound=Record)

SWEEP_ROWS: Final = 200


class PostgresStore:
    """A database that several nodes share. Make one with `open`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._committer = Committer(connections)

    @classmethod
    async def open(cls, url: PostgresURL) -> "PostgresStore":
        """Connects, checks that the database keeps its word, and brings its schema up to date.

        The URL may name several hosts, of which the one that takes writes is used. Raises
        UnsafeDatabase, MigrationError, Unavailable.
        """
        try:
            # A connection of its own: a migration may take longer than a request may.
            connection = await connect(url, timeout=PATIENCE)
            try:
                if names := await off(connection):
                    raise unsafe(names)
                await migrate(connection)
            finally:
                await connection.close(timeout=PATIENCE)
            return cls(await Connections.open(url))
        except TROUBLE as error:
            raise unreachable(error) from error

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

    async def log(self, after: int, *, limit: int = 100) -> Log:
        rows = await self._fetch(statements.Statement(statements.LOG, (after, limit + 1)))
        entries = [read_entry(row["seq"], row["body"]) for row in rows if row["seq"] is not None]
        return piece(entries, after=after, head=rows[0]["head"], first=rows[0]["first"])

    async def sweep(self, now: int) -> int:
        gone = 0
        for sql in (*(statements.sweep(kind) for kind in RECORDS), statements.SWEEP_LOG):
            gone += len(await self._fetch(statements.Statement(sql, (now, SWEEP_ROWS))))
        return gone

    async def close(self) -> None:
        await self._committer.stop()
        await self._connections.close()

    async def _fetch(self, statement: statements.Statement) -> list[Any]:
        try:
            return await self._connections.read(statement.sql, *statement.parameters)
        except TROUBLE as error:
            raise Unavailable(why(error)) from error
