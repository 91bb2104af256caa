"""Whoever waits for the database does so for PATIENCE seconds at the most. One clock serves all:
they are as patient as each other, so whoever came first is the first to give up."""

import asyncio
from typing import Any, Final, TypeVar

from valetkey.store.port import PATIENCE, Unavailable

T = TypeVar("T")

SILENT: Final = "the database does not answer"

TURNS: Final = 4


async def gather() -> None:
    """Lets the loop turn a few times, so that whatever else it has to do goes along. Where it has
    nothing to do, that takes no time."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


class Waiting:
    """Those who wait."""

    def __init__(self) -> None:
        self._until: dict[asyncio.Future[Any], float] = {}
        self._clock: asyncio.TimerHandle | None = None

    async def outcome(self, future: asyncio.Future[T]) -> T:
        """What the future is told. Raises Unavailable where that takes too long."""
        loop = future.get_loop()
        self._until[future] = loop.time() + PATIENCE
        if self._clock is None:
            self._clock = loop.call_later(PATIENCE, self._ring, loop)
        try:
            return await future
        finally:
            del self._until[future]

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._clock = None
        now = loop.time()
        for future, until in self._until.items():
            if until > now:
                self._clock = loop.call_at(until, self._ring, loop)
                return
            if not future.done():
                future.set_exception(Unavailable(SILENT))
