"""A pool of threads for signatures that a service far away makes.

A signature there takes milliseconds, in which the server would do nothing else. So what signs runs
in a thread, many at once, and the requests that wait for it cost nothing meanwhile.
"""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from valetkey.server.store.port import TokenUnavailable

T = TypeVar("T")

LONGEST: Final = 5.0
"""Seconds that work may wait for a thread."""

WAITING: Final = 32
"""Work that may wait, for each thread."""


class SigningPool:
    """Threads, and a line of limited length before them. `waiting` is the work in both."""

    def __init__(self, name: str, threads: int) -> None:
        self._name = name
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._pid = 0
        self.waiting = 0

    async def run(self, make: Callable[[], T]) -> T:
        """What `make` returns. Raises TokenUnavailable if too many wait, and what `make` raises."""
        if self.waiting >= self._threads * (1 + WAITING):
            raise TokenUnavailable(f"too many signatures wait for {self._name}")
        self.waiting += 1
        try:
            loop, began = asyncio.get_running_loop(), time.monotonic()
            return await loop.run_in_executor(self._started(), self._in_time, make, began)
        finally:
            self.waiting -= 1

    def _in_time(self, make: Callable[[], T], began: float) -> T:
        if time.monotonic() - began > LONGEST:
            raise TokenUnavailable(f"too many signatures wait for {self._name}")
        return make()

    def _started(self) -> ThreadPoolExecutor:
        # Workers are forked, and no thread comes along.
        if self._pool is None or self._pid != os.getpid():
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="signing")
            self._pid = os.getpid()
        return self._pool

    def close(self) -> None:
        """Stop the threads; the next work starts others."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False)
