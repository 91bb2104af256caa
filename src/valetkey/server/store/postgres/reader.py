"""Reads of concurrent requests, batched into one statement, as commits are.

Only of rows that are named by their keys, which is nearly all that a busy node asks for. Each read
is of one moment still: that of the statement.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

from valetkey.server.model.query import One, Query, Results, With
from valetkey.server.model.record import Record
from valetkey.server.store.deadline import Waiting
from valetkey.server.store.port import Unavailable
from valetkey.server.store.postgres.connections import told
from valetkey.server.store.postgres.gathering import SILENT, gather
from valetkey.server.store.postgres.points import BESIDE, points
from valetkey.server.store.postgres.rows import Recent, record_of
from valetkey.server.store.postgres.statements import Statement

BATCH: Final = 64
"""Reads in one statement, at the most."""

ABREAST: Final = 4
"""Statements under way, at the most. Beside one, another is begun where there is enough for a whole
one, or where it is SLOW; else reads gather for the next: many cost hardly more than one."""

SLOW: Final = 0.03
"""Seconds after which a statement that is under way is no reason to wait any more."""

Wants: TypeAlias = Sequence[One[Any]]
Records: TypeAlias = tuple[Record, ...]


class Asked:
    """One request's wants, and whoever waits for what is found."""

    __slots__ = ("future", "wants")

    def __init__(self, wants: Wants) -> None:
        self.wants = wants
        self.future: asyncio.Future[Results] = asyncio.get_running_loop().create_future()


class Reader:
    """Takes wants, and reads as many at once as there are. `fetch` runs a statement; it raises
    Unavailable, and as it is any error for which the statement may be to blame."""

    def __init__(self, fetch: Callable[[Statement], Awaitable[Sequence[Any]]]) -> None:
        self._fetch = fetch
        self._gathered: deque[Asked] = deque()
        self._waiting = Waiting(SILENT)
        self._under_way: set[asyncio.Task[None]] = set()
        self._begun = 0.0
        self._recent = Recent()

    async def read(self, wants: Wants) -> Results:
        """What was found, all of one moment. Raises Unavailable, Damaged."""
        asked = Asked(wants)
        self._gathered.append(asked)
        self._begin()
        return await self._waiting.outcome(asked.future)

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
        await gather()
        some = [self._gathered.popleft() for _ in range(min(BATCH, len(self._gathered)))]
        batch = [one for one in some if not one.future.done()]
        await self._answer(batch)

    async def _answer(self, batch: Sequence[Asked]) -> None:
        """Answers them together. Where one cannot be answered, it is looked for by halves: it alone
        is told so, unless the database is to blame."""
        try:
            await self._found(batch)
        except Exception as error:
            # What is Unavailable and no more is the database's own trouble.
            if len(batch) > 1 and type(error) is not Unavailable:
                await self._answer(batch[: len(batch) // 2])
                await self._answer(batch[len(batch) // 2 :])
                return
            for asked in batch:
                if not asked.future.done():
                    asked.future.set_exception(told(error))

    async def _found(self, batch: Sequence[Asked]) -> None:
        wants = [want for asked in batch for want in asked.wants]
        rows = await self._fetch(points(wants)) if wants else ()
        records, more = self._told(wants, rows)
        first = 0
        for asked in batch:
            last = first + len(asked.wants)
            if not asked.future.done():
                found: dict[Query, Records] = dict(
                    zip(asked.wants, records[first:last], strict=True)
                )
                asked.future.set_result(Results(found, more=more))
            first = last

    def _told(
        self, wants: Wants, rows: Sequence[Any]
    ) -> tuple[list[Records], dict[Query, Records]]:
        """What answers each want, and what was brought along. Of that nothing is remembered: it is
        wanted once in the life of a refresh token."""
        found: list[Records] = [()] * len(wants)
        more: dict[Query, Records] = {}
        for row in rows:
            beside, number = divmod(row[0], BESIDE)
            want = wants[number]
            if not isinstance(want, With):
                found[number] = (self._recent.record_of(want.record, row),)
            elif beside:
                _, kind = want.others[beside - 1]
                record = record_of(kind, row)
                more[One(kind, record.key)] = (record,)
            else:
                found[number] = (record_of(want.record, row),)
        return found, more
