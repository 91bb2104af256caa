"""The embedded store: SQLite through apsw, WAL, synchronous=FULL, group commit.

Reads run inline on a separate connection. All waiting commits are written in one transaction, and
each returns only when that transaction is durable (see `transactions`).
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw

from valetkey.server.model.change import Change
from valetkey.server.model.change_log import Log, piece
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.query import One, Page, PageQuery, Query, Results
from valetkey.server.model.record import Record
from valetkey.server.model.search import SearchQuery, is_hit
from valetkey.server.store.migrate import migrate
from valetkey.server.store.port import CALL_TIMEOUT, Unavailable, read_entry
from valetkey.server.store.row_cache import RowCache
from valetkey.server.store.sqlite import owned_rows
from valetkey.server.store.sqlite.files import BusyHandler
from valetkey.server.store.sqlite.search import find_keys
from valetkey.server.store.sqlite.table import plain, table
from valetkey.server.store.sqlite.transactions import Writer
from valetkey.server.store.sqlite.writer import Commit, Sweep
from valetkey.server.store.survey import is_malformed

R = TypeVar("R", bound=Record)

_LOG: Final = (
    "SELECT h.seq, coalesce((SELECT min(seq) FROM log), h.seq + 1), l.seq, l.body FROM log_head h "
    "LEFT JOIN (SELECT seq, body FROM log WHERE seq >= ? ORDER BY seq LIMIT ?) l ORDER BY l.seq"
)

AGAIN: Final = 0.01
"""Seconds between two attempts to enter write-ahead logging."""


class SQLiteStore:
    """A database in one file. Several processes may share it."""

    def __init__(self, path: Path) -> None:
        """Open or create the file, and migrate its schema. Raises MigrationError, Unavailable."""
        with contextlib.ExitStack() as opened:
            try:
                # Only the owner may read it; SQLite gives the files beside it the same mode.
                path.touch(mode=0o600)
                writing = opened.enter_context(contextlib.closing(connect(path)))
                migrate(writing)
                self._reading = opened.enter_context(contextlib.closing(connect(path)))
                self._reading.execute("PRAGMA query_only = ON")
                # A cursor of its own for each read would add to the cost of a small one.
                self._cursor = self._reading.cursor()
                self._rows: owned_rows.Rows = RowCache()
                checkpointing = opened.enter_context(contextlib.closing(connect(path)))
                self._writer = Writer(writing, checkpointing=checkpointing)
            except (apsw.Error, OSError) as error:
                raise Unavailable(f"{path}: {error}") from error
            opened.pop_all()

    async def read(self, *wants: Query) -> Results:
        try:
            if owned_rows.are_names(wants):
                return owned_rows.find(self._cursor, wants, self._rows)
            if len(wants) == 1:
                return Results({wants[0]: self._find(wants[0])})
            names: tuple[One[Any], ...] = tuple(
                want for want in wants if isinstance(want, One) and owned_rows.are_names((want,))
            )
            with self._reading:
                answers: dict[Query, tuple[Record, ...]] = {}
                if len(names) > 1:
                    answers |= owned_rows.find(self._cursor, names, self._rows).rows
                for want in wants:
                    if want not in answers:
                        answers[want] = self._find(want)
            return Results(answers)
        except apsw.Error as error:
            raise self._unavailable(error) from error

    async def commit(
        self, changes: Sequence[Change], events: Sequence[Event] = ()
    ) -> tuple[Throttle, ...]:
        job = Commit(asyncio.get_running_loop(), changes, events)
        await self._writer.submit(job)
        return tuple(job.counters)

    async def page(self, query: PageQuery[R]) -> Page[R]:
        try:
            if isinstance(query, SearchQuery):
                return self._search(query)
            rows = table(query.record).page(self._reading, query)
        except apsw.Error as error:
            raise self._unavailable(error) from error
        chosen = tuple(row for row in rows[: query.limit] if isinstance(row, query.record))
        return Page(chosen, chosen[-1].key if len(rows) > query.limit else "")

    def _search(self, query: SearchQuery[R]) -> Page[R]:
        with self._reading:
            keys, more, total = find_keys(self._reading, query)
            wants = tuple(One(query.record, key) for key in keys)
            if query.record.rank and wants:
                found = owned_rows.find(self._cursor, wants, self._rows)
                records = [one for want in wants for one in found.records(want)]
            else:
                records = (
                    list(plain(query.record).read_by_keys(self._reading, keys)) if keys else []
                )
        hits = (one for one in records if isinstance(one, query.record) and is_hit(one, query))
        return Page(tuple(hits), more, total)

    async def log(self, after: int, *, limit: int = 100) -> Log:
        try:
            rows: list[Any] = self._reading.execute(_LOG, (after, limit + 1)).fetchall()
        except apsw.Error as error:
            raise self._unavailable(error) from error
        entries = [read_entry(seq, body) for _, _, seq, body in rows if seq is not None]
        return piece(entries, after=after, head=rows[0][0], first=rows[0][1])

    async def sweep(self, now: int, *, events_before: int = 0) -> int:
        return await self._writer.submit(
            Sweep(asyncio.get_running_loop(), now, events_before=events_before)
        )

    async def close(self) -> None:
        try:
            stopping = asyncio.get_running_loop().run_in_executor(None, self._writer.stop)
        except RuntimeError:
            # At the end of a program, as in an embedded server, no thread can be started any more.
            self._writer.stop()
        else:
            await stopping
        self._reading.close()

    def _unavailable(self, error: apsw.Error) -> Unavailable:
        if is_malformed(error):
            return Unavailable(self._writer.distrust(error))
        return Unavailable(f"{type(error).__name__}: {error}")

    def _find(self, want: Query) -> tuple[Record, ...]:
        kind: type[Record] = want.record
        return table(kind).find(self._reading, want)


def _enter_wal(connection: apsw.Connection) -> None:
    """Switch a new file to write-ahead logging. SQLite does not use the busy handler for this lock,
    so processes that start together would make each other fail without this loop."""
    deadline = time.monotonic() + CALL_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except apsw.BusyError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(AGAIN)
        else:
            return


def connect(path: Path) -> apsw.Connection:
    """Open a connection with the settings that the store's promises depend on."""
    connection = apsw.Connection(str(path))
    try:
        return _set_up(connection)
    except BaseException:
        connection.close()
        raise


def _set_up(connection: apsw.Connection) -> apsw.Connection:
    connection.set_busy_handler(BusyHandler())
    _enter_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA temp_store = MEMORY")
    # Otherwise SQLite might plan a statement again for each name that it looks for.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    # For many names at once SQLite might index a whole table first, while everybody waits.
    connection.execute("PRAGMA automatic_index = OFF")
    # Checkpoints run in a thread of their own; see `Checkpoints`.
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection
