"""Reads of concurrent requests, batched into one statement, as commits are.

Only of rows that are named by their keys, which is nearly all that a busy node asks for. Each read
is of one moment still: that of the statement.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from valetkey.model.record import Record
from valetkey.model.want import Found, One
from valetkey.store.port import PATIENCE, Unavailable
from valetkey.store.postgres.rows import record_of
from valetkey.store.postgres.statements import Statement, points

BATCH: Final = 64
"""Reads in one statement, at the most."""

ABREAST: Final = 2
"""Statements under way. While they are, reads gather for the next."""

Wants = tuple[One[Any], ...]


class Asked:
    """One request's wants, and whoever waits for what is found."""

    __slots__ = ("future", "wants")

    def __init__(self, wants: Wants) -> None:
        self.wants = wants
        self.future: asyncio.Future[Found] = asyncio.get_running_loop().create_future()


class Reader:
    """Takes wants, and reads as many at once as there are. `fetch` runs a statement; it raises
    Unavailable."""

    def __init__(self, fetch: Callable[[Statement], Awaitable[Sequence[Any]]]) -> None:
        self._fetch = fetch
        self._waiting: deque[Asked] = deque()
        self._under_way: set[asyncio.Task[None]] = set()
        self._called = False

    async def read(self, wants: Wants) -> Found:
        """What was found, all of one moment. Raises Unavailable."""
        asked = Asked(wants)
        self._waiting.append(asked)
        if not self._called and len(self._under_way) < ABREAST:
            # Whatever else this turn of the loop brings goes along.
            self._called = True
            asyncio.get_running_loop().call_soon(self._begin)
        try:
            async with asyncio.timeout(PATIENCE):
                return await asked.future
        except TimeoutError as error:
            raise Unavailable("the database does not answer") from error

    def _begin(self) -> None:
        self._called = False
        while self._waiting and len(self._under_way) < ABREAST:
            some = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            task = asyncio.create_task(self._run([one for one in some if not one.future.done()]))
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        self._begin()

    async def _run(self, batch: Sequence[Asked]) -> None:
        wants = [want for asked in batch for want in asked.wants]
        try:
            rows = await self._fetch(points(wants)) if wants else ()
            found: list[tuple[Record, ...]] = [()] * len(wants)
            for row in rows:
                number = row["n"]
                found[number] = (record_of(wants[number].record, row),)
        except Exception as error:
            for asked in batch:
                if not asked.future.done():
                    asked.future.set_exception(error)
            return
        first = 0
        for asked in batch:
            last = first + len(asked.wants)
            if not asked.future.done():
                asked.future.set_result(
                    Found(dict(zip(asked.wants, found[first:last], strict=True)))
                )
            first = last
