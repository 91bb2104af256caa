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
import struct
import sys
import time
import traceback
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from valetkey.cli.output.errors import Failed
from valetkey.cli.systemd import BadSockets, Reports, inherited_socket
from valetkey.server.http import log
from valetkey.server.http.connections import RECEIVED
from valetkey.server.settings import Settings

Work: TypeAlias = Callable[[int, Reports], None]
"""A worker's task until SIGTERM. It gets a pipe that is closed when the parent ends, and reports
how it is."""

STOP_SECONDS: Final = 15.0
"""Seconds in which a worker has to stop: a little more than the requests' grace."""

START_SECONDS: Final = 60.0
"""Seconds in which a worker has to be ready, if the service manager wants signs of life."""

MAX_BACKOFF: Final = 5.0
"""Maximum seconds to the next try if workers end before they are ready."""

ENDS: Final = (signal.SIGTERM, signal.SIGINT)


class Workers:
    """The workers, as the parent sees them."""

    def __init__(
        self, work: Work, *, count: int, reports: Reports, drain_seconds: float = 0
    ) -> None:
        """`reports` is told about all of them together. Where it wants signs of life, a worker that
        gives none for twice as long is killed."""
        self._work, self._count, self._reports = work, count, reports
        self._stop_seconds = STOP_SECONDS + drain_seconds
        self._alive: dict[int, float] = {}
        """Until when each must give its next sign of life, if that is wanted."""
        self._starting: set[int] = set()
        self._reloading: set[int] = set()
        self._hung_up = False
        self._ever = False
        self._failures = 0
        self._not_before = 0.0
        self._ending = False
        self._code = 0
        self._lifeline, self._life = os.pipe()
        self._ready_read, self._ready_write = os.pipe()
        self._wake_read, self._wake_write = os.pipe()
        for one in (self._ready_read, self._ready_write, self._wake_read, self._wake_write):
            os.set_blocking(one, False)

    def run(self) -> int:
        """Keeps the number of workers until SIGTERM or SIGINT. Returns the exit code."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, self._hang_up)
        for number in ENDS:
            signal.signal(number, self._end)
        while not self._ending:
            if self._hung_up:
                self._hung_up = False
                self._reload()
            self._fill()
            self._wait(self._pause())
            self._watch()
        self._reports.stopping()
        self._stop()
        return self._code

    def _pause(self) -> float | None:
        """Seconds until there is something to do by itself, None for never."""
        backoff = max(0.0, self._not_before - time.monotonic())
        return min((one for one in (backoff, self._reports.seconds) if one), default=None)

    def _end(self, *_: object) -> None:
        self._ending = True

    def _hang_up(self, *_: object) -> None:
        self._hung_up = True

    def _reload(self) -> None:
        """Lets each worker that serves read its settings. One that starts reads them anyway."""
        self._reports.reloading()
        self._reloading = self._alive.keys() - self._starting
        for pid in self._reloading:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGHUP)
        if not self._reloading:
            self._reports.reloaded()

    def _watch(self) -> None:
        """Gives a sign of life, and kills workers that have given none."""
        if not self._reports.seconds or self._ending:
            return
        self._reports.alive()
        now = time.monotonic()
        for pid, until in self._alive.items():
            if now > until:
                log.warning("worker hangs", pid=pid)
                os.kill(pid, signal.SIGKILL)

    def _fill(self) -> None:
        while len(self._alive) < self._count and time.monotonic() >= self._not_before:
            pid = os.fork()
            if pid == 0:
                self._worker()
            self._alive[pid] = time.monotonic() + START_SECONDS
            self._starting.add(pid)

    def _wait(self, seconds: float | None) -> None:
        """Waits for workers that are ready or have ended, at most for `seconds`."""
        select.select([self._wake_read, self._ready_read], [], [], seconds)
        _read_all(self._wake_read)
        reports = _read_all(self._ready_read)
        for at in range(0, len(reports), _REPORT.size):
            self._note(*_REPORT.unpack_from(reports, at))
        while (ended := _reap()) is not None:
            self._note_end(*ended)

    def _note(self, what: bytes, pid: int) -> None:
        if pid in self._alive:
            self._alive[pid] = time.monotonic() + 2 * self._reports.seconds
        if what == _READY:
            self._note_ready(pid)
        elif what == _RELOADED:
            self._note_reloaded(pid)

    def _note_reloaded(self, pid: int) -> None:
        if pid in self._reloading:
            self._reloading.discard(pid)
            if not self._reloading:
                self._reports.reloaded()

    def _note_ready(self, pid: int) -> None:
        self._starting.discard(pid)
        self._failures, self._not_before = 0, 0.0
        if not self._ever and not self._starting and len(self._alive) == self._count:
            self._ever = True
            self._reports.ready()

    def _note_end(self, pid: int, code: int) -> None:
        self._alive.pop(pid, None)
        if self._ending:
            return
        self._note_reloaded(pid)
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
        until = time.monotonic() + self._stop_seconds
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
            self._work(self._lifeline, WorkerReports(self._ready_write, self._reports.seconds))
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


_REPORT: Final = struct.Struct("!cI")
"""What a worker reports, and its process id."""

_READY, _RELOADED, _ALIVE = b"r", b"h", b"a"

MANY: Final = 4096
"""Reports that are read at once."""


class WorkerReports(Reports):
    """Reports to the parent of the workers."""

    def __init__(self, pipe: int, seconds: float) -> None:
        self._pipe, self.seconds = pipe, seconds

    def ready(self) -> None:
        self._send(_READY)

    def reloaded(self) -> None:
        self._send(_RELOADED)

    def alive(self) -> None:
        self._send(_ALIVE)

    def _send(self, what: bytes) -> None:
        # A whole report or none (pipe(7)); a full pipe means that the parent hangs.
        with contextlib.suppress(BlockingIOError):
            os.write(self._pipe, _REPORT.pack(what, os.getpid()))


def _read_all(pipe: int) -> bytes:
    try:
        return os.read(pipe, MANY * _REPORT.size)
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


def listen(settings: Settings) -> tuple[socket.socket, str]:
    """The socket, from the service manager or of the settings' address; and the URL at which it
    listens. Raises Failed."""
    try:
        listener = inherited_socket(os.environ)
    except BadSockets as error:
        raise Failed(str(error)) from error
    if listener is None:
        listener, address = _create_listener(settings), settings.address
    else:
        host, port, *_ = listener.getsockname()
        address = msgspec.structs.replace(settings, host=host, port=port).address
    limit_buffers(listener)
    return listener, address


def _create_listener(settings: Settings) -> socket.socket:
    try:
        addresses = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, _, _, _, address = addresses[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        why = error.strerror or error
        raise Failed(f"cannot listen on {settings.host} port {settings.port}: {why}") from error


def limit_buffers(listener: socket.socket) -> None:
    """Sets the system's buffers for each connection of this listener."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED)
    if sys.platform == "linux":
        listener.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, UNSENT)
