"""Password hashes, in a small thread pool: many sign-ins at once wait for each other, and nothing
else waits. The threads have a lower priority than the one that serves. If too many checks wait, the
network that has most loses one: so a flood of sign-ins refuses only itself."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from valetkey.server.accounts import password
from valetkey.server.accounts.password_forms import ExtraMissing
from valetkey.server.http import log
from valetkey.server.http.waiting_room import WorkSlots
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import HashCheck

T = TypeVar("T")

RECENT: Final = 60.0
"""Seconds for which a slow check makes refusals slow."""

SLOWEST: Final = 8.0
"""Seconds: a slower check is not waited for."""

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
        self._slots = WorkSlots(WORKERS, WAITING)
        self._slowest = 0.0
        self._slowest_until = 0.0

    async def fits(self, candidate: Secret, stored: str, *, address: str = "") -> bool:
        """Whether the password fits the stored hash; as slow without a hash ("") as with one.
        `address` is an anonymous caller's, "" for a known one. Raises TemporarilyUnavailable when
        too many anonymous callers wait."""
        pepper = {} if self._pepper is None else {"pepper": self._pepper}
        check = partial(password.fits, candidate, stored, **pepper)
        began = time.monotonic()
        try:
            return await self._run(check, address=address)
        except ExtraMissing as error:
            log.warning("a password cannot be checked", detail=str(error))
            return False
        finally:
            self._note(time.monotonic() - began)

    async def check(self, want: HashCheck) -> bool:
        """Whether a client's secret has the hash. Raises TemporarilyUnavailable when too many
        callers wait."""
        return await self.fits(want.secret, want.stored, address=want.address)

    def slowest(self) -> float:
        """The seconds that the slowest check of the last minute took, with its wait for a turn. On
        a busy machine, a refusal has to take as long, whatever the hash."""
        return self._slowest if time.monotonic() < self._slowest_until else 0.0

    def _note(self, seconds: float) -> None:
        if seconds >= self.slowest():
            self._slowest = min(seconds, SLOWEST)
            self._slowest_until = time.monotonic() + RECENT

    async def keep(self, candidate: Secret, *, address: str = "") -> str:
        """The PHC string to store. `address` is an anonymous caller's, "" for a known one. Raises
        TemporarilyUnavailable when too many anonymous callers wait."""
        salt = os.urandom(password.SALT)
        return await self._run(
            lambda: password.hash_password(candidate, salt=salt), address=address
        )

    async def _run(self, work: Callable[..., T], *args: object, address: str = "") -> T:
        await self._slots.take(address)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, work, *args)
        finally:
            self._slots.give()

    def close(self) -> None:
        """Stops the threads."""
        self._pool.shutdown(wait=False)
