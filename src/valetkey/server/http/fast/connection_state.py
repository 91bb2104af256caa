"""What a connection waits for: its state, and the times that a client has."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias

from valetkey.server.http import request

# What a connection reads at this moment, as a table of states. Whether the reply to the last
# request is sent is known elsewhere: uvicorn's cycles have it.

State: TypeAlias = Literal["idle", "head", "fast body", "dropped body", "ordinary body"]
"""- idle: no byte of a next request has come
- head: the head of a request, or what may become one
- fast body: the body of a request on the fast path
- dropped body: the rest of a body whose request is refused already, or too late
- ordinary body: the body of a request on uvicorn's path
"""

Event: TypeAlias = Literal["bytes", "begin", "fast", "ordinary", "refuse", "complete"]
"""- bytes: bytes came
- begin: the parser sees the beginning of a request
- fast, ordinary: the head is complete, and the request takes this path
- refuse: the request is answered before its body is complete
- complete: the request is complete
"""

TRANSITIONS: Final[Mapping[State, Mapping[Event, State]]] = {
    "idle": {"bytes": "head", "begin": "head"},
    "head": {"bytes": "head", "begin": "head", "fast": "fast body", "ordinary": "ordinary body"},
    "fast body": {"bytes": "fast body", "refuse": "dropped body", "complete": "idle"},
    "dropped body": {"bytes": "dropped body", "complete": "idle"},
    "ordinary body": {"bytes": "ordinary body", "complete": "idle"},
}
"""The next state, by state and event. What is missing here cannot happen."""

BETWEEN_BODIES: Final[frozenset[State]] = frozenset({"idle", "head"})
"""States in which the next bytes belong to a head."""


# To send a request, to read a reply, to begin the next request.

NEVER: Final = float("inf")


class Deadlines:
    """The timers of one connection. `on_slow_request` runs when a request is not complete in time,
    `on_slow_reader` when the client has not read in time what was written."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        on_slow_request: Callable[[], None],
        on_slow_reader: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._on_slow_request = on_slow_request
        self._on_slow_reader = on_slow_reader
        self._request: asyncio.TimerHandle | None = None
        self._reader: asyncio.TimerHandle | None = None
        self.idle_since = NEVER
        """When the connection became idle, `NEVER` while it is not."""

    def expect_request(self) -> None:
        """From now on, the request has to be complete in time."""
        if self._request is None:
            self._request = self._loop.call_later(request.REQUEST_SECONDS, self._slow_request)

    def end_request(self) -> None:
        """The request is complete, or another part of the server waits for the rest of it."""
        if self._request is not None:
            self._request.cancel()
            self._request = None

    def _slow_request(self) -> None:
        self._request = None
        self._on_slow_request()

    def expect_reading(self) -> None:
        """From now on, the client has to read in time what was written."""
        if self._reader is None:
            self._reader = self._loop.call_later(request.REQUEST_SECONDS, self._on_slow_reader)

    def end_reading(self) -> None:
        """The client has read what was written."""
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def idle_left(self, seconds: float) -> float | None:
        """How many of so many idle seconds are left; None where the connection is not idle."""
        if self.idle_since == NEVER:
            return None
        return self.idle_since + seconds - self._loop.time()

    def cancel(self) -> None:
        """Cancels the timers."""
        self.end_request()
        self.end_reading()
