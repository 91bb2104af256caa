"""Connections, by address. Each is a file, and a process may open a limited number: one address
uses up neither all of them, nor its own share by connections without a request (ATTACKS A99).
"""

import asyncio
import ipaddress
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from uvicorn.protocols.http.flow_control import FlowControl

from valetkey.server.http import log
from valetkey.server.http.waiting_room import Shares

RESERVED: Final = 128
"""Files that are left for the database, outbound connections, and files that are read."""

MAX_OF_ADDRESS: Final = 1000
"""Connections of one address, and no more than a quarter of all: a company may sit behind it."""

LOG_PAUSE: Final = 60.0
"""Seconds after a log entry about closed connections until the next one."""


class Connected(Protocol):
    """A connection. It may be closed while no request waits for its reply."""

    @property
    def may_close(self) -> bool: ...

    def abort(self) -> None: ...


class Connections:
    """The connections of a process. `is_shared` says whether many callers share an address, which
    is then a proxy's."""

    def __init__(
        self, files: int, *, is_shared: Callable[[str], bool] = lambda address: False
    ) -> None:
        """`files` is how many files the process may open."""
        self._most = max(files - RESERVED, files // 2)
        self._of_one = min(MAX_OF_ADDRESS, max(self._most // 4, 1))
        self._is_shared = is_shared
        self._of: dict[str, dict[Connected, None]] = {}
        self._shares = Shares()
        self._count = 0
        self._silent_until = 0.0

    @property
    def count(self) -> int:
        """The connections that are open."""
        return self._count

    def enter(self, connection: Connected, address: str) -> None:
        """Adds a connection. If that is one too many, closes the oldest that may be closed, of its
        address or of the address that has most; or the new one, if none may be closed."""
        place = _place(address)
        mine = self._of.setdefault(place, {})
        mine[connection] = None
        self._shares.change(place, 1)
        self._count += 1
        if len(mine) > self._of_one and not self._is_shared(address):
            self._close_one(place)
        elif self._count > self._most:
            self._close_one(self._shares.fullest())

    def leave(self, connection: Connected, address: str) -> None:
        """Removes a connection that has ended."""
        place = _place(address)
        mine = self._of.get(place, {})
        if connection in mine:
            del mine[connection]
            self._shares.change(place, -1)
            self._count -= 1
        if not mine:
            self._of.pop(place, None)

    def _close_one(self, place: str) -> None:
        mine = self._of[place]
        newest = next(reversed(mine))
        one = next((each for each in mine if each.may_close), newest)
        one.abort()
        now = time.monotonic()
        if now >= self._silent_until:
            self._silent_until = now + LOG_PAUSE
            log.warning("too many connections, closing some", address=place, count=len(mine))


def _place(address: str) -> str:
    """The address, or the /64 of an IPv6 address, which belongs to one subscriber."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address, 64), strict=False))
    except ValueError:
        return address


# What passes between a connection and its parser: how much is read, and how much is stored.
#
# Bytes that a client sends before its last request is answered are stored unparsed, those of one
# read at most, and nothing more is read meanwhile (ATTACKS A96).

UNWRITTEN: Final = 16 * 1024
"""Bytes of replies that wait in a connection before the next reply waits too."""

END: Final = b"\r\n\r\n"
"""Ends every head: the parser takes no other line ends."""

FEW: Final = 512
"""Bytes that are parsed at once without a look: a few dozen requests fit in them."""

STEP: Final = 256
"""Bytes of a body that are parsed at once where other requests may follow it."""

RECEIVED: Final = 32 * 1024
"""Bytes that a connection receives before the server reads them."""


class Flow(FlowControl):
    """The flow of one connection. `unparsed` are the bytes that came too early."""

    def __init__(self, transport: asyncio.Transport, *, tls: bool) -> None:
        super().__init__(transport)
        self.unparsed = b""
        transport.set_write_buffer_limits(UNWRITTEN)
        if tls:
            transport.set_read_buffer_limits(RECEIVED)  # type: ignore[attr-defined]

    def hold(self, data: bytes) -> None:
        """Stores bytes that cannot be parsed yet, and stops reading."""
        self.unparsed += data
        self.pause_reading()

    def resume_reading(self) -> None:
        """Reads on, unless bytes are unparsed: the rest of the request is among those."""
        if not self.unparsed:
            super().resume_reading()

    def next_piece(self, *, in_head: bool) -> bytes:
        """The next unparsed bytes: up to the end of the next head, so that no more than one request
        ends in them; in a body a few bytes, and maybe a few requests after it."""
        unparsed = self.unparsed
        end = unparsed.find(END, 0 if in_head else STEP) + len(END)
        if end < len(END):
            end = len(unparsed)
        self.unparsed = unparsed[end:]
        return unparsed[:end]


class Backlog:
    """The connections with unparsed bytes. One of them goes on each time that the loop goes round,
    so all together they take no more of it than one client that waits for its answers."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def add(self, go_on: Callable[[], None]) -> None:
        """Calls `go_on` when it is the connection's turn."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._next)
        self._waiting.append(go_on)

    def _next(self) -> None:
        go_on = self._waiting.popleft()
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._next)
        go_on()


def holds_several(data: bytes) -> bool:
    """Whether more than one head ends in the bytes."""
    return data.find(END, data.find(END) + len(END)) >= 0
