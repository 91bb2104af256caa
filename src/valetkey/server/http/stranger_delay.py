"""Strangers wait: a bounded number of them, and where there are more, the network that has most
gives one up. So a flood is slow for those that it comes from, and refuses nobody else."""

import asyncio
from typing import Final

from valetkey.server.http.waiting_room import Crowd
from valetkey.spec.errors import TemporarilyUnavailable

MOST: Final = 512
"""Strangers who wait at the same time, of all networks together."""


class Line:
    """Those who wait for something. `most` is how many there may be."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._crowd: Crowd[asyncio.Future[None]] = Crowd()

    def join(self, address: str) -> asyncio.Future[None]:
        """A future, on which somebody at the address waits. If too many do, the newest of the
        network that has most is told TemporarilyUnavailable."""
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
        """Nobody waits on it any more."""
        self._crowd.leave(mine)


class Slowing:
    """Waits before an attempt is judged."""

    def __init__(self, *, most: int = MOST) -> None:
        self._line = Line(most)

    async def wait(self, seconds: float, address: str) -> None:
        """Returns after so many seconds. Raises TemporarilyUnavailable, see `Line.join`."""
        if seconds <= 0:
            return
        mine = self._line.join(address)
        timer = mine.get_loop().call_later(seconds, _go, mine)
        try:
            await mine
        finally:
            timer.cancel()
            self._line.leave(mine)


def _go(mine: asyncio.Future[None]) -> None:
    if not mine.done():
        mine.set_result(None)
