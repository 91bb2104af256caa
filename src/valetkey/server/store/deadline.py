"""Time limits for callers that wait for the database: CALL_TIMEOUT seconds each.

One timer serves all callers of an event loop. They all have the same limit, so the first to come is
the first to time out. A timer for each call would cost as much as writing a row.
"""

import asyncio
from typing import Any, TypeVar

from valetkey.server.store.port import CALL_TIMEOUT, Unavailable

T = TypeVar("T")


class Deadlines:
    """The callers that wait. `says` is the error text for a caller that has waited too long."""

    def __init__(self, says: str) -> None:
        self._says = says
        # A loop is in here for as long as its timer runs.
        self._until: dict[asyncio.AbstractEventLoop, dict[asyncio.Future[Any], float]] = {}

    async def outcome(self, future: asyncio.Future[T]) -> T:
        """Wait for the future and return its result. Raises Unavailable if that takes too long."""
        loop = future.get_loop()
        until = self._until.get(loop)
        if until is None:
            until = self._until[loop] = {}
            loop.call_later(CALL_TIMEOUT, self._ring, loop)
        until[future] = loop.time() + CALL_TIMEOUT
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
