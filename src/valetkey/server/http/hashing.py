"""Passwords are checked in a small pool: a flood of sign-ins waits, and nothing else does. Its
threads step back behind the one that serves. If too many wait, the network that has most gives one
up: a flood refuses itself."""

import asyncio
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from valetkey.server.accounts import password
from valetkey.server.http.stranger_delay import Line
from valetkey.server.model.secret import Secret

T = TypeVar("T")

WORKERS: Final = 2
WAITING: Final = 128
"""Checks of strangers that may wait, about two seconds' worth."""


BEHIND: Final = 10
"""How much these threads step back behind the one that serves (see nice(2)). On a full core they
get a tenth each of what it gets; on one that is not full they lack nothing."""


def _step_back() -> None:
    if sys.platform == "linux":  # elsewhere it would be the whole process
        thread = threading.get_native_id()
        behind = min(19, os.getpriority(os.PRIO_PROCESS, thread) + BEHIND)
        os.setpriority(os.PRIO_PROCESS, thread, behind)


class Passwords:
    """A bounded pool for Argon2id, which lets go of the interpreter while it works."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(
            WORKERS, thread_name_prefix="argon2", initializer=_step_back
        )
        self._running = 0
        self._line = Line(WAITING)
        self._queue: deque[asyncio.Future[None]] = deque()

    async def fits(self, given: Secret, kept: str, *, address: str = "") -> bool:
        """Whether the password fits what is kept; as slow for nobody ("") as for somebody.
        `address` is where a stranger is, "" for somebody who is none. Raises
        TemporarilyUnavailable when too many strangers wait."""
        return await self._run(password.fits, given, kept, address=address)

    async def keep(self, given: Secret, *, address: str = "") -> str:
        """The PHC string to store. `address` is where a stranger is, "" for somebody who is none.
        Raises TemporarilyUnavailable when too many strangers wait."""
        salt = os.urandom(password.SALT)
        return await self._run(lambda: password.hash_password(given, salt=salt), address=address)

    async def _run(self, work: Callable[..., T], *args: object, address: str = "") -> T:
        await self._turn(address)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, work, *args)
        finally:
            self._next()

    async def _turn(self, address: str) -> None:
        if self._running < WORKERS:
            self._running += 1
            return
        loop = asyncio.get_running_loop()
        mine = self._line.join(address) if address else loop.create_future()
        self._queue.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._next()  # It was its turn already.
            raise
        finally:
            self._line.leave(mine)

    def _next(self) -> None:
        while self._queue:
            first = self._queue.popleft()
            if not first.done():
                first.set_result(None)
                return
        self._running -= 1

    def close(self) -> None:
        """Lets the threads go."""
        self._pool.shutdown(wait=False)
