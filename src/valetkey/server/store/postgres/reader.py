"""Batches the reads of concurrent requests into one statement, as commits are batched.

Only reads by key are batched; they are nearly all reads of a busy node. Each read still sees one
moment: that of the statement.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

from valetkey.server.model.query import One, Query, Results, With
from valetkey.server.model.record import Record
from valetkey.server.store.batching import SILENT, let_batch_fill
from valetkey.server.store.deadline import Deadlines
from valetkey.server.store.port import Unavailable
from valetkey.server.store.postgres.connections import as_unavailable
from valetkey.server.store.postgres.points import BESIDE, points
from valetkey.server.store.postgres.rows import Recent, record_of
from valetkey.server.store.postgres.statements import Statement

BATCH: Final = 64
"""The largest number of reads in one statement."""

ABREAST: Final = 4
"""The largest number of statements under way. A second statement starts only if there are enough
reads to fill it, or if the first one is SLOW. Otherwise reads wait for the next statement, because
many reads cost hardly more than one."""

SLOW: Final = 0.03
"""Seconds after which reads no longer wait for a statement that is under way."""

Wants: TypeAlias = Sequence[One[Any]]
Records: TypeAlias = tuple[Record, ...]


class PendingRead:
    """The queries of one request, and the future that waits for their answers."""

    __slots__ = ("future", "wants")

    def __init__(self, wants: Wants) -> None:
        self.wants = wants
        self.future: asyncio.Future[Results] = asyncio.get_running_loop().create_future()


class Reader:
    """Collects queries and reads them together. `fetch` runs a statement; it raises Unavailable,
    and passes through any error that the statement itself may have caused."""

    def __init__(self, fetch: Callable[[Statement], Awaitable[Sequence[Any]]]) -> None:
        self._fetch = fetch
        self._gathered: deque[PendingRead] = deque()
        self._waiting = Deadlines(SILENT)
        self._under_way: set[asyncio.Task[None]] = set()
        self._begun = 0.0
        self._recent = Recent()

    async def read(self, wants: Wants) -> Results:
        """Answer the queries from one moment. Raises Unavailable, Damaged."""
        pending = PendingRead(wants)
        self._gathered.append(pending)
        self._begin()
        return await self._waiting.outcome(pending.future)

    def _begin(self) -> None:
        now = asyncio.get_running_loop().time()
        full = len(self._gathered) >= BATCH
        if not self._under_way or (
            len(self._under_way) < ABREAST and (full or now - self._begun > SLOW)
        ):
            self._begun = now
            task = asyncio.create_task(self._run())
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        if self._gathered:
            self._begin()

    async def _run(self) -> None:
        await let_batch_fill()
        some = [self._gathered.popleft() for _ in range(min(BATCH, len(self._gathered)))]
        batch = [one for one in some if not one.future.done()]
        await self._answer(batch)

    async def _answer(self, batch: Sequence[PendingRead]) -> None:
        """Answer the batch together. If one read causes an error, split the batch in halves until
        that read is alone, and fail it alone; unless the database is the cause, which fails all."""
        try:
            await self._read_batch(batch)
        except Exception as error:
            # A plain Unavailable means that the database is the cause.
            if len(batch) > 1 and type(error) is not Unavailable:
                await self._answer(batch[: len(batch) // 2])
                await self._answer(batch[len(batch) // 2 :])
                return
            for pending in batch:
                if not pending.future.done():
                    pending.future.set_exception(as_unavailable(error))

    async def _read_batch(self, batch: Sequence[PendingRead]) -> None:
        wants = [want for pending in batch for want in pending.wants]
        rows = await self._fetch(points(wants)) if wants else ()
        records, more = self._sort_rows(wants, rows)
        first = 0
        for pending in batch:
            last = first + len(pending.wants)
            if not pending.future.done():
                answers: dict[Query, Records] = dict(
                    zip(pending.wants, records[first:last], strict=True)
                )
                pending.future.set_result(Results(answers, more=more))
            first = last

    def _sort_rows(
        self, wants: Wants, rows: Sequence[Any]
    ) -> tuple[list[Records], dict[Query, Records]]:
        """Return the answer to each query, and the related records that `With` adds.

        Those are not cached: a refresh token needs them once in its life."""
        answers: list[Records] = [()] * len(wants)
        more: dict[Query, Records] = {}
        for row in rows:
            beside, number = divmod(row[0], BESIDE)
            want = wants[number]
            if not isinstance(want, With):
                answers[number] = (self._recent.record_of(want.record, row),)
            elif beside:
                _, kind = want.others[beside - 1]
                record = record_of(kind, row)
                more[One(kind, record.key)] = (record,)
            else:
                answers[number] = (record_of(want.record, row),)
        return answers, more
