"""Delays for anonymous callers. A limited number of them may wait; beyond that, the network that
has most loses one. So a flood slows down only the networks that it comes from."""

import asyncio
from typing import Final

from valetkey.server.http.waiting_room import Crowd
from valetkey.spec.errors import TemporarilyUnavailable

MOST: Final = 512
"""Callers that wait at the same time, of all networks together."""


class WaitingLine:
    """Callers that wait for something: at most `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._crowd: Crowd[asyncio.Future[None]] = Crowd()

    def join(self, address: str) -> asyncio.Future[None]:
        """A future for a caller at the address to wait for. If too many wait, the newest one of the
        network that has most gets TemporarilyUnavailable."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._crowd.join(mine, address)
        if len(self._crowd) > self._most:
            last = next(reversed(self._crowd.fullest()))
            self._crowd.leave(last)
            if not last.done():
                last.set_exception(
                    TemporarilyUnavailable("too many are trying from your network: wait a moment")
                )
        return mine

    def leave(self, mine: asyncio.Future[None]) -> None:
        """Removes a future that no caller waits for anymore."""
        self._crowd.leave(mine)


class Delay:
    """Delays attempts before they are checked."""

    def __init__(self, *, most: int = MOST) -> None:
        self._line = WaitingLine(most)

    async def wait(self, seconds: float, address: str) -> None:
        """Returns after these seconds. Raises TemporarilyUnavailable, see `WaitingLine.join`."""
        if seconds <= 0:
            return
        mine = self._line.join(address)
        timer = mine.get_loop().call_later(seconds, _finish, mine)
        try:
            await mine
        finally:
            timer.cancel()
            self._line.leave(mine)


def _finish(mine: asyncio.Future[None]) -> None:
    if not mine.done():
        mine.set_result(None)
