"""An event loop in a thread of its own, for programs that have none.

A fork copies no threads, so a child process starts a new loop with its first request. It leaves the
parent's loop alone: the two processes share its sockets.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Final, TypeVar
from weakref import WeakSet

T = TypeVar("T")

LAST_WORDS: Final = 5.0
"""Seconds that the end of the program may take."""

_PORTALS: Final[WeakSet["Portal"]] = WeakSet()


class Portal:
    """Runs coroutines for code that does not await. Its loop starts when it is first needed."""

    def __init__(self, at_exit: Callable[[], Awaitable[None]]) -> None:
        """`at_exit` is awaited when the loop ends, at the latest with the program."""
        self._at_exit = at_exit
        self._parents: list[asyncio.AbstractEventLoop] = []
        self._begin()
        _PORTALS.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, running."""
        loop = self._loop
        if loop is not None:
            return loop
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_run, args=(self._loop,), name="valetkey.resource", daemon=True
                )
                self._thread.start()
            return self._loop

    def run(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Awaits an answer in the loop, and blocks this thread until it is there."""
        return self._submit(ask).result()

    def soon(self, call: Callable[[], object]) -> None:
        """Calls a function in the loop, and does not wait."""
        self.loop.call_soon_threadsafe(call)

    def close(self) -> None:
        """Ends the loop, after `at_exit`. A later call starts another one."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is None:
            return
        ending = asyncio.run_coroutine_threadsafe(_await(self._at_exit), loop)
        try:
            ending.result(LAST_WORDS)
        except TimeoutError:
            ending.cancel()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join(LAST_WORDS)

    def _submit(self, ask: Callable[[], Awaitable[T]]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(_await(ask), self.loop)

    def _forked(self) -> None:
        # Stored, so that it is not garbage collected: that would close the sockets of the parent.
        if self._loop is not None:
            self._parents.append(self._loop)
        self._begin()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


async def _await(ask: Callable[[], Awaitable[T]]) -> T:
    return await ask()


def _forked() -> None:
    for one in _PORTALS:
        one._forked()  # noqa: SLF001 - its own module


def _close_all() -> None:
    for one in list(_PORTALS):
        one.close()


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(after_in_child=_forked)
atexit.register(_close_all)
