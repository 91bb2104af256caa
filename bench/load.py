"""A load of requests, on connections that are kept alive."""

import asyncio
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from statistics import median, quantiles
from typing import Final
from urllib.parse import urlencode

import msgspec

HEAD_END: Final = b"\r\n\r\n"


def processor_seconds(pid: int) -> float:
    """What a process has used of a core, in all its threads and in the kernel."""
    # As clock_getcpuclockid(3) makes the clock of another process; Python has no word for it.
    return time.clock_gettime((~pid << 3) | 2)


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
    def p50(self) -> float:
        """Milliseconds within which half of the answers came."""
        return median(self.waits) * 1000

    @property
    def p99(self) -> float:
        """Milliseconds within which 99 of 100 answers came."""
        return quantiles(self.waits, n=100)[98] * 1000


def form_request(port: int, path: str, form: Mapping[str, str], *, basic: str = "") -> bytes:
    """The request that sends a form, authenticated by what `basic` holds in base64, if anything."""
    body = urlencode(form)
    head = (
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        *((f"Authorization: Basic {basic}",) if basic else ()),
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*head, "", body)).encode()


BUSY: Final = b"HTTP/1.1 503 "
LATER: Final = 0.2
"""Seconds after which a request that was answered so is sent again."""


class _Connection(asyncio.Protocol):
    """Sends a request, waits for the whole answer, and sends the next, while there is one."""

    def __init__(self, requests: Iterator[bytes], *, status: int, insists: bool = False) -> None:
        self.requests = requests
        self.insists = insists
        self.closed = asyncio.get_running_loop().create_future()
        self.expected = f"HTTP/1.1 {status} ".encode()
        self.waits: list[float] = []
        self.failures = 0
        self.running = True
        self.lost = False
        self._seen = b""

    def begin(self, transport: asyncio.Transport) -> None:
        """Sends its first request."""
        self.transport = transport
        self._send()

    def stop(self) -> None:
        """Sends no more."""
        self.running = False
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, end, body = self._seen.partition(HEAD_END)
        if not end or len(body) < body_length(head):
            return
        self._seen = b""
        if self.insists and head.startswith(BUSY):
            asyncio.get_running_loop().call_later(LATER, self.transport.write, self._request)
            return
        self.waits.append(time.perf_counter() - self._sent)
        self.failures += not head.startswith(self.expected)
        if self.running:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = self.running
        if not self.closed.done():
            self.closed.set_result(None)

    def _send(self) -> None:
        request = next(self.requests, None)
        if request is None:
            self.stop()
            return
        self._request, self._sent = request, time.perf_counter()
        self.transport.write(request)


def body_length(head: bytes) -> int:
    """What the head of an answer says. Raises ValueError if it says nothing."""
    _, name, rest = head.lower().partition(b"\r\ncontent-length:")
    if not name:
        raise ValueError("an answer without Content-Length")
    return int(rest.partition(b"\r\n")[0])


async def load(
    port: int, request: bytes, *, status: int, seconds: float, connections: int
) -> Result:
    """Sends the same request to a loopback port for this number of seconds. Raises ConnectionError
    where the server closed a connection meanwhile."""
    opened = await _opened(port, repeat(request), status=status, connections=connections)
    start = time.perf_counter()
    for transport, one in opened:
        one.begin(transport)
    await asyncio.sleep(seconds)
    took = time.perf_counter() - start
    for _, one in opened:
        one.stop()
    return _collect(opened, took)


async def send(
    port: int, requests: Iterable[bytes], *, status: int, connections: int, insists: bool = False
) -> Result:
    """Sends each of the requests to a loopback port once, whichever connection is free; where it
    `insists`, again after a 503. Raises ConnectionError where the server closed a connection
    meanwhile."""
    opened = await _opened(
        port, iter(requests), status=status, connections=connections, insists=insists
    )
    start = time.perf_counter()
    for transport, one in opened:
        one.begin(transport)
    await asyncio.gather(*(one.closed for _, one in opened))
    return _collect(opened, time.perf_counter() - start)


def fetch_all(port: int, requests: Iterable[bytes]) -> list[str]:
    """The access tokens that a loopback port answers these requests with, one after the other.
    Raises RuntimeError for any other answer."""
    tokens = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for request in requests:
            connection.sendall(request)
            tokens.append(_access_token(connection))
    return tokens


def _access_token(connection: socket.socket) -> str:
    buffer = b""
    while True:
        buffer += connection.recv(65536)
        head, end, body = buffer.partition(HEAD_END)
        if end and len(body) >= body_length(head):
            break
    if not head.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"no token: {buffer[:300]!r}")
    token: str = msgspec.json.decode(body)["access_token"]
    return token


async def _opened(
    port: int,
    requests: Iterator[bytes],
    *,
    status: int,
    connections: int,
    insists: bool = False,
) -> list[tuple[asyncio.Transport, _Connection]]:
    loop = asyncio.get_running_loop()
    return [
        await loop.create_connection(
            lambda: _Connection(requests, status=status, insists=insists), "127.0.0.1", port
        )
        for _ in range(connections)
    ]


def _collect(opened: list[tuple[asyncio.Transport, _Connection]], seconds: float) -> Result:
    if any(one.lost for _, one in opened):
        raise ConnectionError("the server closed a connection")
    waits = [wait for _, one in opened for wait in one.waits]
    return Result(seconds, waits, sum(one.failures for _, one in opened))
