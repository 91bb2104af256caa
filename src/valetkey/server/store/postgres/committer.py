"""Commits of concurrent requests, batched into one statement.

Where the statement finds a precondition that does not hold, or one request brings what cannot be
written, it undoes itself. Then it is sent without whoever lost a race, or in halves, until whoever
is to blame is alone: each learns its own outcome, and nobody another's. That is rare, so the one
statement is what nearly always runs.
"""

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

import asyncpg

from valetkey.server.model.change import Change, Count, Stale, Uncount, record_event
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.record import Record
from valetkey.server.store.deadline import Waiting
from valetkey.server.store.port import PATIENCE, Unavailable, Unstorable
from valetkey.server.store.postgres.connections import TROUBLE, Connections, may_be_ours, why
from valetkey.server.store.postgres.counters import found, placed
from valetkey.server.store.postgres.gathering import SILENT, gather
from valetkey.server.store.postgres.statements import STALE, Statement, commit

BATCH: Final = 128
"""Requests in one statement, at the most."""

TRIES: Final = 5
"""How often a statement that the database undid by itself (40001, 40P01) is sent again."""

_NUMBER: Final = re.compile(re.escape(STALE) + r"(\d+)")


class Job:
    """One request's changes, and whoever waits for their outcome."""

    def __init__(self, changes: Sequence[Change], events: Sequence[Event]) -> None:
        self.changes: tuple[Change, ...] = (*changes, *map(record_event, events))
        self.future: asyncio.Future[tuple[Throttle, ...]] = (
            asyncio.get_running_loop().create_future()
        )
        # Counts of one counter go together.
        self.rows = {
            (type(one.record), one.record.key)
            for one in self.changes
            if not isinstance(one, Count | Uncount)
        }
        self.counts = sum(isinstance(one, Count) for one in self.changes)
        self.operations = {(type(one.record), type(one)) for one in self.changes}

    def resolve(self, outcome: Exception | tuple[Throttle, ...]) -> None:
        """Tells the outcome: what went wrong, or the counters."""
        if self.future.done():
            return
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class Committer:
    """Takes jobs, and commits as many at once as go together. One statement is under way at a
    time."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._gathered: deque[Job] = deque()
        self._waiting = Waiting(SILENT)
        self._wake = asyncio.Event()
        self._stopping = False
        self._task = asyncio.create_task(self._serve())

    async def submit(
        self, changes: Sequence[Change], events: Sequence[Event]
    ) -> tuple[Throttle, ...]:
        """The counter of each count, once all is durable. Raises Stale, Unstorable,
        Unavailable."""
        if self._stopping:
            raise Unavailable("the store is closed")
        job = Job(changes, events)
        self._gathered.append(job)
        self._wake.set()
        return await self._waiting.outcome(job.future)

    async def stop(self) -> None:
        """Commits what waits, then ends."""
        self._stopping = True
        self._wake.set()
        await self._task

    async def _serve(self) -> None:
        while self._gathered or not self._stopping:
            await self._wake.wait()
            await gather()
            batch = self._batch()
            if not batch:
                continue
            try:
                await self._commit(batch)
            except Exception as error:
                for job in batch:
                    job.resolve(error)

    def _batch(self) -> list[Job]:
        """The jobs that go together, of those for which somebody still waits. No two of them
        concern the same row, or do two different things to one table: CockroachDB refuses a
        statement that does."""
        batch: list[Job] = []
        left: deque[Job] = deque()
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
                left.append(job)
        self._gathered = left
        if not left and not self._stopping:
            self._wake.clear()
        return batch

    async def _commit(self, batch: Sequence[Job]) -> None:
        """Commits them together, or in ever smaller parts. Raises Unavailable, which then is the
        outcome of all that have none."""
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
                parts += _apart(part, error)
            else:
                counters = placed(changes, found(rows))
                for job in part:
                    job.resolve(tuple(islice(counters, job.counts)))

    async def _run(self, statement: Statement) -> list[Any]:
        """Sends one statement; what it returns. What the database undid by itself is sent again.
        Raises Unavailable where the outcome is unknown, or nothing could be done; as it is any
        error for which the statement may be to blame."""
        until = asyncio.get_running_loop().time() + PATIENCE
        for left in reversed(range(TRIES)):
            try:
                return await self._connections.commit(
                    statement.sql, *statement.parameters, until=until
                )
            except _UNDONE:
                if not left:
                    raise
            except TROUBLE as error:
                if may_be_ours(error):
                    raise
                raise Unavailable(why(error)) from error
        raise RuntimeError("the last try returns or raises")


_UNDONE: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


def _apart(part: Sequence[Job], error: Exception) -> Sequence[Sequence[Job]]:
    """What is to be tried of jobs that could not be committed together. Whoever is known to be to
    blame is told so."""
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


def _outcome(job: Job, error: Exception) -> Exception:
    """What somebody is told whose changes alone could not be committed."""
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
