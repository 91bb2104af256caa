"""Batches the commits of concurrent requests into one statement.

If a precondition fails, or if one request contains a value that cannot be written, the statement
rolls itself back. The committer then sends it again without the request that lost a race, or in
halves, until the request that caused the error is alone. So each request gets its own outcome and
never that of another. This is rare: nearly always the one statement succeeds.
"""

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

import asyncpg

from valetkey.server.model.change import Add, Change, Count, Stale, Uncount, written_changes
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.record import Record
from valetkey.server.store.batching import SILENT, let_batch_fill
from valetkey.server.store.port import CALL_TIMEOUT, Deadlines, Unavailable, Unstorable
from valetkey.server.store.postgres.commits import STALE, commit
from valetkey.server.store.postgres.connections import TROUBLE, Connections, may_be_ours, why
from valetkey.server.store.postgres.counters import bodies_by_bucket, counters_after_each
from valetkey.server.store.postgres.statements import Statement

BATCH: Final = 128
"""The largest number of requests in one statement."""

TRIES: Final = 5
"""How many times a statement is tried that the database itself rolls back (40001, 40P01)."""

_NUMBER: Final = re.compile(re.escape(STALE) + r"(\d+)")


class CommitRequest:
    """The changes of one request, and the future that waits for their outcome."""

    def __init__(self, changes: Sequence[Change], events: Sequence[Event]) -> None:
        self.changes = written_changes(changes, events)
        self.future: asyncio.Future[tuple[Throttle, ...]] = (
            asyncio.get_running_loop().create_future()
        )
        # Counts of one counter go together.
        self.rows = {
            (type(one.record), one.record.key)
            for one in self.changes
            if not isinstance(one, Count | Uncount | Add)
        }
        self.counts = sum(isinstance(one, Count) for one in self.changes)
        self.operations = {(type(one.record), type(one)) for one in self.changes}

    def resolve(self, outcome: Exception | tuple[Throttle, ...]) -> None:
        """Set the outcome: an error, or the counters."""
        if self.future.done():
            return
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class Committer:
    """Takes requests and commits as many at once as are compatible. One statement runs at a
    time."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._gathered: deque[CommitRequest] = deque()
        self._waiting = Deadlines(SILENT)
        self._wake = asyncio.Event()
        self._stopping = False
        self._task = asyncio.create_task(self._serve())

    async def submit(
        self, changes: Sequence[Change], events: Sequence[Event]
    ) -> tuple[Throttle, ...]:
        """Commit the changes; return when they are durable, with the counter of each count. Raises
        Stale, Unstorable, Unavailable."""
        if self._stopping:
            raise Unavailable("the store is closed")
        job = CommitRequest(changes, events)
        self._gathered.append(job)
        self._wake.set()
        return await self._waiting.outcome(job.future)

    async def stop(self) -> None:
        """Commit what is waiting, then end."""
        self._stopping = True
        self._wake.set()
        await self._task

    async def _serve(self) -> None:
        while self._gathered or not self._stopping:
            await self._wake.wait()
            await let_batch_fill()
            batch = self._batch()
            if not batch:
                continue
            try:
                await self._commit(batch)
            except Exception as error:
                for job in batch:
                    job.resolve(error)

    def _batch(self) -> list[CommitRequest]:
        """Take a batch of compatible requests from those that are still waited for.

        No two requests in a batch change the same row, and none does two different operations on
        one table: CockroachDB rejects such a statement."""
        batch: list[CommitRequest] = []
        later: deque[CommitRequest] = deque()
        rows: set[tuple[type[Record], str]] = set()
        doing: set[tuple[type[Record], type[Change]]] = set()
        for job in self._gathered:
            if job.future.done():
                continue
            together = doing | job.operations
            fits = len({kind for kind, _ in together}) == len(together) and not rows & job.rows
            if not batch or (fits and len(batch) < BATCH):
                batch.append(job)
                rows |= job.rows
                doing = together
            else:
                later.append(job)
        self._gathered = later
        if not later and not self._stopping:
            self._wake.clear()
        return batch

    async def _commit(self, batch: Sequence[CommitRequest]) -> None:
        """Commit the batch together, or in ever smaller parts. Raises Unavailable, which is then
        the outcome of every request that has none yet."""
        parts = [batch]
        while parts:
            part = [job for job in parts.pop() if not job.future.done()]
            if not part:
                continue
            changes = [change for job in part for change in job.changes]
            try:
                rows = await self._run(commit(changes))
            except Unavailable:
                raise
            except Exception as error:
                parts += _split_after(part, error)
            else:
                counters = counters_after_each(changes, bodies_by_bucket(rows))
                for job in part:
                    job.resolve(tuple(islice(counters, job.counts)))

    async def _run(self, statement: Statement) -> list[Any]:
        """Send one statement and return its rows; send it again if the database itself rolls it
        back.

        Raises Unavailable if the outcome is unknown or nothing was possible. Passes through any
        error that the statement itself may have caused."""
        until = asyncio.get_running_loop().time() + CALL_TIMEOUT
        for tries_left in reversed(range(TRIES)):
            try:
                return await self._connections.commit(
                    statement.sql, *statement.parameters, until=until
                )
            except _UNDONE:
                if not tries_left:
                    raise
            except TROUBLE as error:
                if may_be_ours(error):
                    raise
                raise Unavailable(why(error)) from error
        raise RuntimeError("the last try returns or raises")


_UNDONE: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


def _split_after(
    part: Sequence[CommitRequest], error: Exception
) -> Sequence[Sequence[CommitRequest]]:
    """Return the parts to try next, after a batch failed. A request that is known to be the cause
    gets its error here and is left out."""
    number = _NUMBER.search(str(error)) if isinstance(error, asyncpg.DataError) else None
    at = int(number[1]) if number else 0
    for job in part if number else ():
        if at < len(job.changes):
            job.resolve(Stale(job.changes[at]))
            return [[one for one in part if one is not job]]
        at -= len(job.changes)
    if len(part) > 1:
        return [part[: len(part) // 2], part[len(part) // 2 :]]
    part[0].resolve(_outcome(part[0], error))
    return []


def _outcome(job: CommitRequest, error: Exception) -> Exception:
    """The error for a request whose changes failed on their own."""
    match error:
        case asyncpg.UniqueViolationError():
            return Stale(job.changes[0])
        case asyncpg.DataError() | asyncpg.IntegrityConstraintViolationError():
            return Unstorable(f"{type(error).__name__} ({error.sqlstate})")
        case asyncpg.ProgramLimitExceededError():
            return Unstorable("a name that is too long")
        case asyncpg.PostgresError():
            return Unavailable(why(error))
        case ValueError() | OverflowError():
            return error if isinstance(error, Unstorable) else Unstorable(str(error))
        case _:
            return error
