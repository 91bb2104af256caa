"""Password hashes, in a small thread pool: many sign-ins at once wait for each other, and nothing
else waits. The threads have a lower priority than the one that serves. If too many checks wait, the
network that has most loses one: so a flood of sign-ins refuses only itself."""

import asyncio
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from valetkey.server.accounts import password
from valetkey.server.accounts.password_forms import ExtraMissing
from valetkey.server.http import log
from valetkey.server.http.waiting_room import WaitingLine
from valetkey.server.model.keys import Secret

T = TypeVar("T")

WORKERS: Final = 2
WAITING: Final = 128
"""Checks of anonymous callers that may wait: about two seconds of work."""

NICENESS: Final = 10
"""How much lower the threads' priority is (see nice(2)). On a busy core each gets a tenth of what
the serving thread gets; on an idle one they lack nothing."""


def _lower_priority() -> None:
    if sys.platform == "linux":  # elsewhere it would be the whole process
        thread = threading.get_native_id()
        niceness = min(19, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)
        os.setpriority(os.PRIO_PROCESS, thread, niceness)


class Passwords:
    """A bounded pool for Argon2id and the hashes of other systems, which release the interpreter
    while they work. `pepper` is the pepper of Devise, None for none."""

    def __init__(self, pepper: Secret | None = None) -> None:
        self._pepper = pepper
        self._pool = ThreadPoolExecutor(
            WORKERS, thread_name_prefix="argon2", initializer=_lower_priority
        )
        self._running = 0
        self._line = WaitingLine(WAITING)
        self._queue: deque[asyncio.Future[None]] = deque()

    async def fits(self, candidate: Secret, stored: str, *, address: str = "") -> bool:
        """Whether the password fits the stored hash; as slow without a hash ("") as with one.
        `address` is an anonymous caller's, "" for a known one. Raises TemporarilyUnavailable when
        too many anonymous callers wait."""
        check = partial(password.fits, candidate, stored, pepper=self._pepper)
        try:
            return await self._run(check, address=address)
        except ExtraMissing as error:
            log.warning("a password cannot be checked", detail=str(error))
            return False

    async def keep(self, candidate: Secret, *, address: str = "") -> str:
        """The PHC string to store. `address` is an anonymous caller's, "" for a known one. Raises
        TemporarilyUnavailable when too many anonymous callers wait."""
        salt = os.urandom(password.SALT)
        return await self._run(
            lambda: password.hash_password(candidate, salt=salt), address=address
        )

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
        """Stops the threads."""
        self._pool.shutdown(wait=False)
