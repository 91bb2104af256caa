"""Passwords are checked in a small pool: a flood of sign-ins waits, and nothing else does. Its
threads step back behind the one that serves."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from valetkey.accounts import password
from valetkey.model.secret import Secret
from valetkey.spec.errors import TemporarilyUnavailable

T = TypeVar("T")

WORKERS: Final = 2
WAITING: Final = 128
"""Checks that may wait, about two seconds' worth; more are told to come back."""


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
        self._waiting = 0

    async def fits(self, given: Secret, kept: str) -> bool:
        """Whether the password fits what is kept; as slow for nobody ("") as for somebody. Raises
        TemporarilyUnavailable when too many wait."""
        return await self._run(password.fits, given, kept)

    async def keep(self, given: Secret) -> str:
        """The PHC string to store. Raises TemporarilyUnavailable when too many wait."""
        salt = os.urandom(password.SALT)
        return await self._run(lambda: password.keep(given, salt=salt))

    async def _run(self, work: Callable[..., T], *args: object) -> T:
        if self._waiting >= WAITING:
            raise TemporarilyUnavailable("too many people are signing in: try again in a moment")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, work, *args)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Lets the threads go."""
        self._pool.shutdown(wait=False)
