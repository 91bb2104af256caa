"""Commits of concurrent requests, batched into one statement.

Where the statement finds a precondition that does not hold, it undoes itself; then each request of
the batch is committed alone, and each learns its own outcome. Races are rare, so the one statement
is what nearly always runs.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from valetkey.model.change import Change, Create, Stale
from valetkey.model.event import Event
from valetkey.store.port import Unavailable
from valetkey.store.postgres.statements import STALE, Statement, commit

BATCH: Final = 128
"""Requests in one statement, at the most."""

TRIES: Final = 5
"""How often a statement that the database undid by itself (40001, 40P01) is sent again."""

TIMEOUT: Final = 1.5
"""Seconds after which an answer no longer counts."""

NOT_REPLICATED: Final = "canceling wait for synchronous replication"
"""The database says so where a commit is on one machine only: that is no acknowledgement."""


class Job:
    """One request's changes, and whoever waits for their outcome."""

    def __init__(self, changes: Sequence[Change], events: Sequence[Event]) -> None:
        self.changes: tuple[Change, ...] = (*changes, *(Create(event) for event in events))
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.rows = frozenset((one.record.table, one.record.key) for one in self.changes)

    def resolve(self, error: Exception | None = None) -> None:
        """Tells the outcome."""
        if self.future.done():
            return
        if error is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(error)


class Committer:
    """Takes jobs, and commits as many at once as wait. One statement is under way at a time."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool
        self._waiting: deque[Job] = deque()
        self._wake = asyncio.Event()
        self._stopping = False
        self._task = asyncio.create_task(self._serve())

    async def submit(self, changes: Sequence[Change], events: Sequence[Event]) -> None:
        """Returns once all is durable. Raises Stale, Unavailable."""
        job = Job(changes, events)
        self._waiting.append(job)
        self._wake.set()
        await job.future

    async def stop(self) -> None:
        """Commits what waits, then ends."""
        self._stopping = True
        self._wake.set()
        await self._task

    async def _serve(self) -> None:
        while self._waiting or not self._stopping:
            await self._wake.wait()
            batch = self._batch()
            if not batch:
                continue
            try:
                await self._commit(batch)
            except Exception as error:
                for job in batch:
                    job.resolve(error)

    def _batch(self) -> list[Job]:
        """The jobs that go together: no two of them concern the same row."""
        batch: list[Job] = []
        rows: set[tuple[str, str]] = set()
        while self._waiting and len(batch) < BATCH and not rows & self._waiting[0].rows:
            job = self._waiting.popleft()
            rows |= job.rows
            batch.append(job)
        if not self._waiting and not self._stopping:
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
        try:
            await self._commit([job])
        except Unavailable as error:
            job.resolve(error)

    async def _run(self, statement: Statement) -> None:
        """Sends one statement. Raises Unavailable where the outcome is unknown, or nothing could be
        done; what the database undid by itself is sent again."""
        for _ in range(TRIES):
            try:
                await self._sent(statement)
            except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
                continue
            except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError):
                raise
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                raise Unavailable(str(error) or type(error).__name__) from error
            return
        raise Unavailable(f"undone by the database {TRIES} times")

    async def _sent(self, statement: Statement) -> None:
        async with self._pool.acquire(timeout=TIMEOUT) as connection:
            warnings: list[str] = []

            def heard(_: object, message: asyncpg.PostgresLogMessage) -> None:
                warnings.append(message.message)

            connection.add_log_listener(heard)
            try:
                await connection.fetch(*statement_args(statement), timeout=TIMEOUT)
            finally:
                connection.remove_log_listener(heard)
            if any(NOT_REPLICATED in warning for warning in warnings):
                raise Unavailable(NOT_REPLICATED)


def statement_args(statement: Statement) -> tuple[Any, ...]:
    """As the driver wants it."""
    return (statement.sql, *statement.parameters)


def _lost(job: Job, error: asyncpg.PostgresError) -> Change:
    """Which change lost its race, as the statement's own error says."""
    _, _, number = str(error).partition(STALE)
    digits = number.rstrip('"')
    return job.changes[int(digits)] if digits.isdigit() else job.changes[0]
