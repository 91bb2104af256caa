"""Requests at a steady pace: each is due at a moment of its own, however late the answers are."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from statistics import quantiles
from typing import Final

import msgspec

from bench.load import HEAD_END, body_length

LOOK: Final = 0.002
"""Seconds between two looks at what is due."""


class Minute(msgspec.Struct, frozen=True, kw_only=True):
    """What one minute saw. Waits in milliseconds, from the moment at which a request was due to the
    end of its answer. `refused` were answered with 503, `wrong` with something else."""

    answers: int
    refused: int
    wrong: int
    p50: float
    p99: float
    longest: float


class _Connection(asyncio.Protocol):
    """Has one request at a time."""

    def __init__(self, pace: "Pace") -> None:
        self._pace = pace
        self._seen = b""
        self.closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send(self, due: float) -> None:
        """Sends the next request, which was due then."""
        self._due = due
        self.transport.write(self._pace.make())

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, end, body = self._seen.partition(HEAD_END)
        if not end or len(body) < body_length(head):
            return
        self._seen = b""
        self._pace.answered(self, head, time.monotonic() - self._due)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closing:
            self._pace.lost = True


class Pace:
    """`rate` requests a second, spread over connections to the ports in turn. `make` makes the
    next one."""

    def __init__(self, make: Callable[[], bytes], *, rate: float) -> None:
        self.make = make
        self.lost = False
        self._rate = rate
        self._due: deque[float] = deque()
        self._free: deque[_Connection] = deque()
        self._waits: list[float] = []
        self._refused = self._wrong = 0

    async def run(
        self,
        ports: Sequence[int],
        *,
        connections: int,
        minutes: int,
        then: Callable[[Minute], None],
        seconds: float = 60,
    ) -> None:
        """Sends for so many minutes, and says after each what it saw. Raises ConnectionError if a
        server closes a connection."""
        loop = asyncio.get_running_loop()
        for number in range(connections):
            port = ports[number % len(ports)]
            _, one = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", port)
            self._free.append(one)
        everyone = tuple(self._free)
        start, sent = time.monotonic(), 0
        for minute in range(1, minutes + 1):
            while (now := time.monotonic()) < start + minute * seconds:
                while sent / self._rate <= now - start:
                    self._due.append(start + sent / self._rate)
                    sent += 1
                while self._due and self._free:
                    self._free.popleft().send(self._due.popleft())
                if self.lost:
                    raise ConnectionError("the server closed a connection")
                await asyncio.sleep(LOOK)
            then(self._minute())
        for one in everyone:
            one.closing = True
            one.transport.close()

    def answered(self, one: _Connection, head: bytes, wait: float) -> None:
        """Notes the answer, and has the connection send what is due."""
        self._waits.append(wait)
        if not head.startswith(b"HTTP/1.1 200 "):
            if head.startswith(b"HTTP/1.1 503 "):
                self._refused += 1
            else:
                self._wrong += 1
        if self._due:
            one.send(self._due.popleft())
        else:
            self._free.append(one)

    def _minute(self) -> Minute:
        waits, self._waits = sorted(self._waits), []
        refused, self._refused = self._refused, 0
        wrong, self._wrong = self._wrong, 0
        if len(waits) < 100:
            raise RuntimeError(f"{len(waits)} answers in a minute")
        cuts = quantiles(waits, n=100)
        return Minute(
            answers=len(waits),
            refused=refused,
            wrong=wrong,
            p50=cuts[49] * 1000,
            p99=cuts[98] * 1000,
            longest=waits[-1] * 1000,
        )
