"""Commits of concurrent requests, batched into one statement.

Where the statement finds a precondition that does not hold, it undoes itself; then each request of
the batch is committed alone, and each learns its own outcome. Races are rare, so the one statement
is what nearly always runs.
"""

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from typing import Final

import asyncpg

from valetkey.model.change import Change, Create, Stale
from valetkey.model.event import Event
from valetkey.model.record import Record
from valetkey.store.port import PATIENCE, Unavailable
from valetkey.store.postgres.connections import TROUBLE, Connections, why
from valetkey.store.postgres.gathering import SILENT, gather
from valetkey.store.postgres.statements import STALE, Statement, commit
from valetkey.store.waiting import Waiting

BATCH: Final = 128
"""Requests in one statement, at the most."""

TRIES: Final = 5
"""How often a statement that the database undid by itself (40001, 40P01) is sent again."""

_NUMBER: Final = re.compile(re.escape(STALE) + r"(\d+)")


class Job:
    """One request's changes, and whoever waits for their outcome."""

    def __init__(self, changes: Sequence[Change], events: Sequence[Event]) -> None:
        self.changes: tuple[Change, ...] = (*changes, *(Create(event) for event in events))
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.rows = {(type(one.record), one.record.key) for one in self.changes}
        self.operations = {(type(one.record), type(one)) for one in self.changes}

    def resolve(self, error: Exception | None = None) -> None:
        """Tells the outcome."""
        if self.future.done():
            return
        if error is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(error)


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

    async def submit(self, changes: Sequence[Change], events: Sequence[Event]) -> None:
        """Returns once all is durable. Raises Stale, Unavailable."""
        if self._stopping:
            raise Unavailable("the store is closed")
        job = Job(changes, events)
        self._gathered.append(job)
        self._wake.set()
        await self._waiting.outcome(job.future)

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
        try:
            await self._run(commit([change for job in batch for change in job.changes]))
        except (asyncpg.InvalidTextRepresentationError, asyncpg.UniqueViolationError) as error:
            if len(batch) == 1:
                batch[0].resolve(Stale(_lost(batch[0], error)))
                return
            for job in batch:
                await self._alone(job)
            return
        for job in batch:
            job.resolve()

    async def _alone(self, job: Job) -> None:
        if job.future.done():
            return
        try:
            await self._commit([job])
        except Exception as error:
            job.resolve(error)

    async def _run(self, statement: Statement) -> None:
        """Sends one statement. Raises Unavailable where the outcome is unknown, or nothing could be
        done; what the database undid by itself is sent again."""
        until = asyncio.get_running_loop().time() + PATIENCE
        for _ in range(TRIES):
            try:
                await self._connections.commit(statement.sql, *statement.parameters, until=until)
            except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
                continue
            except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError):
                raise
            except TROUBLE as error:
                raise Unavailable(why(error)) from error
            return
        raise Unavailable(f"undone by the database {TRIES} times")


def _lost(job: Job, error: asyncpg.PostgresError) -> Change:
    """Which change lost its race, as the statement's own error says."""
    number = _NUMBER.search(str(error))
    return job.changes[int(number[1])] if number else job.changes[0]
