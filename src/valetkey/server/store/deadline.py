"""Whoever waits for the database does so for PATIENCE seconds at the most. One clock serves all of
an event loop: they are as patient as each other, so whoever came first is the first to give up. A
timer for each would cost as much as to write a row."""

import asyncio
from typing import Any, TypeVar

from valetkey.server.store.port import PATIENCE, Unavailable

T = TypeVar("T")


class Waiting:
    """Those who wait. `says` is told to whoever waited for too long."""

    def __init__(self, says: str) -> None:
        self._says = says
        # A loop is here for as long as its clock runs.
        self._until: dict[asyncio.AbstractEventLoop, dict[asyncio.Future[Any], float]] = {}

    async def outcome(self, future: asyncio.Future[T]) -> T:
        """What the future is told. Raises Unavailable where that takes too long."""
        loop = future.get_loop()
        until = self._until.get(loop)
        if until is None:
            until = self._until[loop] = {}
            loop.call_later(PATIENCE, self._ring, loop)
        until[future] = loop.time() + PATIENCE
        try:
            return await future
        finally:
            del until[future]

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for future, until in self._until[loop].items():
            if until > now:
                loop.call_at(until, self._ring, loop)
                return
            if not future.done():
                future.set_exception(Unavailable(self._says))
        del self._until[loop]
