"""Several processes that serve one socket, and the parent that keeps up their number.

The parent imports what serving needs, makes what is missing, holds nothing open, and forks. So a
worker that died is back in the time of a fork, not of a start; meanwhile the others take its
connections.
"""

import contextlib
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Final, TypeAlias

from valetkey.server.http import log

Ready: TypeAlias = Callable[[], None]
Work: TypeAlias = Callable[[int, Ready], None]
"""What a worker does until it is told to stop (SIGTERM). It is given the end of a pipe that ends
when the parent does, and says when it is ready."""

PATIENCE: Final = 15.0
"""Seconds in which a worker that was told to stop ends, a little more than the requests' grace."""

LONGEST: Final = 5.0
"""Seconds to the next try, at the most, where workers end before they are ready."""

ENDS: Final = (signal.SIGTERM, signal.SIGINT)


class Crew:
    """The workers, as their parent sees them."""

    def __init__(self, work: Work, *, count: int, ready: Ready) -> None:
        self._work, self._count, self._all_ready = work, count, ready
        self._alive: set[int] = set()
        self._starting: set[int] = set()
        self._ever = False
        self._failures = 0
        self._not_before = 0.0
        self._ending = False
        self._code = 0
        self._lifeline, self._life = os.pipe()
        self._told, self._tell = os.pipe()
        self._woken, self._wake = os.pipe()
        for one in (self._told, self._woken, self._wake):
            os.set_blocking(one, False)

    def run(self) -> int:
        """Keeps up their number until SIGTERM or SIGINT; the exit code."""
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, self._hang_up)
        for number in ENDS:
            signal.signal(number, self._end)
        while not self._ending:
            self._fill()
            self._wait(max(0.0, self._not_before - time.monotonic()) or None)
        self._stop()
        return self._code

    def _end(self, *_: object) -> None:
        self._ending = True

    def _hang_up(self, *_: object) -> None:
        """SIGHUP is each worker's."""
        for pid in self._alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGHUP)

    def _fill(self) -> None:
        while len(self._alive) < self._count and time.monotonic() >= self._not_before:
            pid = os.fork()
            if pid == 0:
                self._worker()
            self._alive.add(pid)
            self._starting.add(pid)

    def _wait(self, seconds: float | None) -> None:
        """Sleeps until something happens, and takes note of it."""
        select.select([self._woken, self._told], [], [], seconds)
        _emptied(self._woken)
        told = _emptied(self._told)
        for at in range(0, len(told), 4):
            self._began(int.from_bytes(told[at : at + 4], "big"))
        while (found := _ended()) is not None:
            self._bury(*found)

    def _began(self, pid: int) -> None:
        self._starting.discard(pid)
        self._failures, self._not_before = 0, 0.0
        if not self._ever and not self._starting and len(self._alive) == self._count:
            self._ever = True
            self._all_ready()

    def _bury(self, pid: int, code: int) -> None:
        self._alive.discard(pid)
        if self._ending:
            return
        log.warning("a worker ended", pid=pid, code=code)
        if pid not in self._starting:
            return
        self._starting.discard(pid)
        self._failures += 1
        self._not_before = time.monotonic() + min(LONGEST, 0.1 * 2**self._failures)
        if not self._ever and code > 0:
            # It said why. Nothing has worked yet, so the next one would say the same.
            self._ending, self._code = True, code

    def _stop(self) -> None:
        until = time.monotonic() + PATIENCE
        for pid in self._alive:
            os.kill(pid, signal.SIGTERM)
        while self._alive and time.monotonic() < until:
            self._wait(until - time.monotonic())
        for pid in self._alive:
            os.kill(pid, signal.SIGKILL)

    def _worker(self) -> None:
        """The child's whole life."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            for number in (*ENDS, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            for one in (self._life, self._told, self._woken, self._wake):
                os.close(one)
            self._work(self._lifeline, self._say_ready)
            code = 0
        except BaseException as error:
            if message := getattr(error, "format_message", None):
                sys.stderr.write(f"Error: {message()}\n")
            else:
                traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _say_ready(self) -> None:
        os.write(self._tell, os.getpid().to_bytes(4, "big"))


def _emptied(pipe: int) -> bytes:
    try:
        return os.read(pipe, 65536)
    except BlockingIOError:
        return b""


def _ended() -> tuple[int, int] | None:
    """A child that has ended, and its code, negative for a signal; None where none has."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None
