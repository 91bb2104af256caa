"""Worker processes that serve one socket, and the parent that keeps their number.

The parent imports what serving needs, creates what is missing, holds nothing open, and forks. So a
worker that dies is replaced in the time of a fork, not of a start; meanwhile the others take its
connections.
"""

import contextlib
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import Final, TypeAlias

from valetkey.cli.context import Failed
from valetkey.server.http import log
from valetkey.server.http.connections import RECEIVED
from valetkey.server.settings import Settings

Ready: TypeAlias = Callable[[], None]
Work: TypeAlias = Callable[[int, Ready], None]
"""A worker's task until SIGTERM. It gets a pipe that is closed when the parent ends, and a function
to call when it is ready."""

STOP_SECONDS: Final = 15.0
"""Seconds in which a worker has to stop: a little more than the requests' grace."""

MAX_BACKOFF: Final = 5.0
"""Maximum seconds to the next try if workers end before they are ready."""

ENDS: Final = (signal.SIGTERM, signal.SIGINT)


class Workers:
    """The workers, as the parent sees them."""

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
        self._ready_read, self._ready_write = os.pipe()
        self._wake_read, self._wake_write = os.pipe()
        for one in (self._ready_read, self._wake_read, self._wake_write):
            os.set_blocking(one, False)

    def run(self) -> int:
        """Keeps the number of workers until SIGTERM or SIGINT. Returns the exit code."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
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
        """Sends SIGHUP to each worker."""
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
        """Waits for workers that are ready or have ended, at most for `seconds`."""
        select.select([self._wake_read, self._ready_read], [], [], seconds)
        _read_all(self._wake_read)
        pids = _read_all(self._ready_read)
        for at in range(0, len(pids), 4):
            self._note_ready(int.from_bytes(pids[at : at + 4], "big"))
        while (ended := _reap()) is not None:
            self._note_end(*ended)

    def _note_ready(self, pid: int) -> None:
        self._starting.discard(pid)
        self._failures, self._not_before = 0, 0.0
        if not self._ever and not self._starting and len(self._alive) == self._count:
            self._ever = True
            self._all_ready()

    def _note_end(self, pid: int, code: int) -> None:
        self._alive.discard(pid)
        if self._ending:
            return
        log.warning("worker ended", pid=pid, code=code)
        if pid not in self._starting:
            return
        self._starting.discard(pid)
        self._failures += 1
        self._not_before = time.monotonic() + min(MAX_BACKOFF, 0.1 * 2**self._failures)
        if not self._ever and code > 0:
            # It reported why. None has worked yet, so the next one would fail too.
            self._ending, self._code = True, code

    def _stop(self) -> None:
        until = time.monotonic() + STOP_SECONDS
        for pid in self._alive:
            os.kill(pid, signal.SIGTERM)
        while self._alive and time.monotonic() < until:
            self._wait(until - time.monotonic())
        for pid in self._alive:
            os.kill(pid, signal.SIGKILL)

    def _worker(self) -> None:
        """Runs the child process, and never returns."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            for number in (*ENDS, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            for one in (self._life, self._ready_read, self._wake_read, self._wake_write):
                os.close(one)
            self._work(self._lifeline, self._report_ready)
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

    def _report_ready(self) -> None:
        os.write(self._ready_write, os.getpid().to_bytes(4, "big"))


def _read_all(pipe: int) -> bytes:
    try:
        return os.read(pipe, 65536)
    except BlockingIOError:
        return b""


def _reap() -> tuple[int, int] | None:
    """A child that has ended and its exit code, negative for a signal; None if none has."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None


# The socket on which the server listens, and the system's buffers for its connections.

UNSENT: Final = 16 * 1024
"""Bytes of replies that Linux buffers besides those in flight. Otherwise it buffers 4 MB for a
client that reads nothing."""

_NOTSENT_LOWAT: Final = 25
"""Linux's TCP_NOTSENT_LOWAT, which Python does not export."""


def listen(settings: Settings) -> socket.socket:
    """The socket. Raises Failed."""
    try:
        addresses = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, _, _, _, address = addresses[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        why = error.strerror or error
        raise Failed(f"cannot listen on {settings.host} port {settings.port}: {why}") from error
    limit_buffers(listener)
    return listener


def limit_buffers(listener: socket.socket) -> None:
    """Sets the system's buffers for each connection of this listener."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED)
    if sys.platform == "linux":
        listener.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, UNSENT)
