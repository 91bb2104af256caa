"""What passes between a connection and its parser: how much is read, and how much is stored.

Bytes that a client sends before its last request is answered are stored unparsed, those of one read
at most, and nothing more is read meanwhile (ATTACKS A96).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from uvicorn.protocols.http.flow_control import FlowControl

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
