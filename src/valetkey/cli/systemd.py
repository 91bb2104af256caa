"""The service manager: what it hands to a service, and what the service tells it.

The protocol is systemd's (sd_notify(3), sd_listen_fds(3)): variables in the environment, and
datagrams. Other managers speak it too. Without these variables, nothing here does anything.
"""

import contextlib
import os
import socket
import time
from collections.abc import Callable, MutableMapping
from typing import Final

FIRST: Final = 3
"""The descriptor of the first socket that is passed on (SD_LISTEN_FDS_START)."""


class BadSockets(ValueError):
    """What was passed on is not one socket that listens."""


def inherited_socket(environ: MutableMapping[str, str]) -> socket.socket | None:
    """The socket that the service manager listens on for this process, None for none. Removes its
    variables from the environment, so that no child takes them for its own. Raises BadSockets."""
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or count in {"", "0"}:
        return None
    if count != "1":
        raise BadSockets(f"{count} sockets were passed on: name one address in the socket unit")
    os.set_inheritable(FIRST, False)  # noqa: FBT003 - the system's name for it
    try:
        listener = socket.socket(fileno=FIRST)
        if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise BadSockets("the socket that was passed on does not listen: Accept= must be no")
    except OSError as error:
        raise BadSockets(f"what was passed on is no socket: {error.strerror}") from error
    if listener.family not in {socket.AF_INET, socket.AF_INET6}:
        raise BadSockets("the socket that was passed on is no TCP socket")
    return listener


class Reports:
    """What a process that serves reports, and how often it gives a sign of life. Here to nobody."""

    seconds = 0.0
    """Seconds between two signs of life; 0 for none."""

    def ready(self) -> None:
        """It serves, after a start."""

    def reloading(self) -> None:
        """It reads its settings again; `reloaded` ends this."""

    def reloaded(self) -> None:
        """It serves by what it has read."""

    def alive(self) -> None:
        """A sign of life."""

    def stopping(self) -> None:
        """It finishes requests and ends."""


class ServiceManager(Reports):
    """Reports to the service manager. Every message may get lost."""

    def __init__(
        self, environ: MutableMapping[str, str], *, say_ready: Callable[[], None] = lambda: None
    ) -> None:
        """Removes what it reads from the environment: children have nothing to report."""
        path = environ.pop("NOTIFY_SOCKET", "")
        # A name that starts with @ is in Linux's abstract namespace (unix(7)).
        self._address = "\0" + path[1:] if path.startswith("@") else path
        pid, microseconds = environ.pop("WATCHDOG_PID", ""), environ.pop("WATCHDOG_USEC", "")
        if pid in {"", str(os.getpid())} and microseconds.isascii() and microseconds.isdigit():
            # Half of what is allowed, as sd_watchdog_enabled(3) recommends.
            self.seconds = int(microseconds) / 2e6
        self._say_ready = say_ready

    def ready(self) -> None:
        self._say_ready()
        self._send("READY=1\nSTATUS=Serving")

    def reloading(self) -> None:
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def reloaded(self) -> None:
        self._send("READY=1\nSTATUS=Serving")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        self._send("STOPPING=1\nSTATUS=Finishing requests")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out,
        ):
            out.setblocking(False)  # noqa: FBT003 - the same
            out.sendto(message.encode(), self._address)
