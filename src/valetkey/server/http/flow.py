"""What passes between a connection and its parser: how much is read, and how much is kept.

What a client sends before its last request is answered is kept as bytes, one read of it at the
most, and nothing more is read meanwhile (ATTACKS A96).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from uvicorn.protocols.http.flow_control import FlowControl

UNWRITTEN: Final = 16 * 1024
"""Bytes of replies that wait in a connection before it is given no further one."""

END: Final = b"\r\n\r\n"
"""Ends every head: the parser takes no other line ends."""

FEW: Final = 512
"""Bytes that are fed at once without a look: there is room in them for a few dozen requests."""

STEP: Final = 256
"""Bytes of a body that are fed at once where other requests may follow it."""


RECEIVED: Final = 32 * 1024
"""Bytes of a connection that came and were not read."""


class Flow(FlowControl):
    """The flow of one connection. `held` is what was sent ahead."""

    def __init__(self, transport: asyncio.Transport, *, tls: bool) -> None:
        super().__init__(transport)
        self.held = b""
        transport.set_write_buffer_limits(UNWRITTEN)
        if tls:
            transport.set_read_buffer_limits(RECEIVED)  # type: ignore[attr-defined]

    def hold(self, data: bytes) -> None:
        """Keeps what cannot be fed yet, and reads no more."""
        self.held += data
        self.pause_reading()

    def resume_reading(self) -> None:
        """Reads on, unless something is held: whoever waits for more of a request, its end was
        there before."""
        if not self.held:
            super().resume_reading()

    def next_piece(self, *, in_head: bool) -> bytes:
        """What is fed next of what is held: up to the end of the next head, so that no more than
        one request ends in it; of a body a little, and a few requests after it."""
        held = self.held
        end = held.find(END, 0 if in_head else STEP) + len(END)
        if end < len(END):
            end = len(held)
        self.held = held[end:]
        return held[:end]


class Backlog:
    """The connections that hold something. One of them goes on each time that the loop goes round,
    so all together they take no more of it than one client that waits for its answers."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def add(self, go_on: Callable[[], None]) -> None:
        """It goes on when it is its turn."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._next)
        self._waiting.append(go_on)

    def _next(self) -> None:
        go_on = self._waiting.popleft()
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._next)
        go_on()


def holds_several(data: bytes) -> bool:
    """Whether more than one head ends in it."""
    return data.find(END, data.find(END) + len(END)) >= 0
