"""A load of one request over and over, on connections that are kept alive."""

import asyncio
import time
from statistics import quantiles
from typing import Final

import msgspec

HEAD_END: Final = b"\r\n\r\n"


class Result(msgspec.Struct, frozen=True):
    """What a round saw. `failures` counts answers whose status is not the expected one."""

    seconds: float
    waits: list[float]
    failures: int

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.waits) / self.seconds

    @property
    def p99(self) -> float:
        """Milliseconds within which 99 of 100 answers came."""
        return quantiles(self.waits, n=100)[98] * 1000


class _Connection(asyncio.Protocol):
    """Sends the request, waits for the whole answer, and does so again."""

    def __init__(self, request: bytes, *, status: int) -> None:
        self.request = request
        self.expected = f"HTTP/1.1 {status} ".encode()
        self.waits: list[float] = []
        self.failures = 0
        self.running = True
        self.lost = False
        self._seen = b""

    def start(self, transport: asyncio.Transport) -> None:
        """Sends the first request."""
        self.transport = transport
        self._send()

    def stop(self) -> None:
        """Sends no more."""
        self.running = False
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, end, body = self._seen.partition(HEAD_END)
        if not end or len(body) < _length(head):
            return
        self.waits.append(time.perf_counter() - self._sent)
        self.failures += not head.startswith(self.expected)
        self._seen = b""
        if self.running:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = self.running

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self.transport.write(self.request)


def _length(head: bytes) -> int:
    _, name, rest = head.lower().partition(b"\r\ncontent-length:")
    if not name:
        raise ValueError("an answer without Content-Length")
    return int(rest.partition(b"\r\n")[0])


async def load(
    port: int, request: bytes, *, status: int, seconds: float, connections: int
) -> Result:
    """Loads the server on a loopback port for so many seconds. Raises ConnectionError where it
    closed a connection meanwhile."""
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: _Connection(request, status=status), "127.0.0.1", port)
        for _ in range(connections)
    ]
    start = time.perf_counter()
    for transport, one in opened:
        one.start(transport)
    await asyncio.sleep(seconds)
    took = time.perf_counter() - start
    for _, one in opened:
        one.stop()
    if any(one.lost for _, one in opened):
        raise ConnectionError("the server closed a connection")
    waits = [wait for _, one in opened for wait in one.waits]
    return Result(took, waits, sum(one.failures for _, one in opened))
