"""A96, A99: what strangers do to the connections of a server costs others neither its memory nor
their time."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from typing import Final

import pytest
from tests.promises.conftest import Budget, Figure
from tests.promises.furnished import database
from tests.promises.process import Process, running
from tests.promises.wire import Connection, get

SECONDS: Final[dict[Budget, float]] = {"short": 4.0, "long": 60.0}
"""For which strangers send."""

SOCKETS: Final = 100
MEGABYTES: Final = 20.0
TWICE: Final = 2.0
LEAST: Final[dict[Budget, float]] = {"short": 0.5, "long": 0.02}
"""Seconds: a shorter p99 is chance. The short budget shares its machine with other tests."""

ROUNDS: Final = 3
"""Attempts to see others served in time. What a server does to others, it does each time; what the
machine does, it does not."""

OTHERS: Final = 4
PAUSE: Final = 0.01


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    with database("sqlite", tmp_path) as at, running([Process(tmp_path, at)]) as (one,):
        yield one


class Flood:
    """Sockets that send the same requests without end, and read nothing."""

    def __init__(self, port: int, request: bytes) -> None:
        self.sent = 0
        self._requests = request * (65536 // len(request))
        self._sockets: list[socket.socket] = []
        for _ in range(SOCKETS):
            one = socket.create_connection(("127.0.0.1", port))
            one.setblocking(False)
            self._sockets.append(one)

    async def run(self) -> None:
        """Sends until it is cancelled."""
        await asyncio.gather(*map(self._send, self._sockets))

    async def _send(self, one: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            while True:
                await loop.sock_sendall(one, self._requests)
                self.sent += 1

    def close(self) -> None:
        for one in self._sockets:
            one.close()


async def asked(port: int, seconds: float, *, here: str = "") -> float:
    """What others ask for so long; the p99 of their waits."""
    waits: list[float] = []

    async def ask() -> None:
        connection = Connection(port, here=here)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.monotonic()
            assert (await connection.insist(get("/jwks"))).status == 200
            waits.append(time.monotonic() - began)
            await asyncio.sleep(PAUSE)
        await connection.close()

    await asyncio.gather(*(ask() for _ in range(OTHERS)))
    return quantiles(waits, n=100)[98]


async def visit(port: int, path: str) -> None:
    async with contextlib.aclosing(Connection(port)) as connection:
        assert (await connection.insist(get(path))).status == 200


async def flooded(server: Process, request: bytes, seconds: float) -> tuple[float, float]:
    """The p99 of others while strangers send, and by how many MB the server grew at the most."""
    flood = Flood(server.port, request)
    before, most = server.memory(), 0.0
    sending = asyncio.create_task(flood.run())

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, server.memory() - before)
            if most > 10 * MEGABYTES:
                sending.cancel()  # It has failed, and the machine is others' as well.
            await asyncio.sleep(0.1)

    watching = asyncio.create_task(watch())
    try:
        slow = await asked(server.port, seconds)
    finally:
        sending.cancel()
        watching.cancel()
        await asyncio.gather(sending, watching, return_exceptions=True)
        flood.close()
    assert flood.sent, "nothing was sent"
    return slow, most


@pytest.mark.parametrize("path", ["/jwks", "/sign-in"])
def test_a96_requests_that_are_sent_ahead(
    path: str, server: Process, budget: Budget, figure: Figure
) -> None:
    """By machines' way, and by the way of pages."""
    asyncio.run(visit(server.port, path))  # Pages are made when they are asked for.
    for left in reversed(range(ROUNDS)):
        calm = asyncio.run(asked(server.port, 5.0))
        slow, grown = asyncio.run(flooded(server, get(path), SECONDS[budget]))
        figure("p99 of others, ms", (round(1000 * calm, 1), round(1000 * slow, 1)))
        figure("MB more", round(grown, 1))
        assert grown <= MEGABYTES
        if slow <= max(TWICE * calm, LEAST[budget]):
            break
        assert left, f"others waited {slow:.2f} s, and {calm:.2f} s when nobody sent"
    assert server.answers()


LIMITED: Final = ("prlimit", "--nofile=1024:1024")
HALF_OPEN: Final = 2000
AGAIN: Final = 10.0
"""Seconds after which one that was ended comes again: they all come from this process as well."""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Process]:
    with (
        database("sqlite", tmp_path) as at,
        running([Process(tmp_path, at, *LIMITED)]) as (one,),
    ):
        yield one


class HalfOpen:
    """Connections of one address that never ask anything whole. One that ends is begun anew."""

    def __init__(self, port: int) -> None:
        self.all_begun = asyncio.Event()
        self._begun = 0
        self._port = port

    async def run(self) -> None:
        """Keeps up their number until it is cancelled."""
        await asyncio.gather(*(self._keep() for _ in range(HALF_OPEN)))

    async def _keep(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                self._begun += 1
                if self._begun == HALF_OPEN:
                    self.all_begun.set()
                try:
                    writer.write(b"GET /jwks HTTP/1.1\r\n")
                    await reader.read()
                finally:
                    writer.transport.abort()
            await asyncio.sleep(AGAIN)


def test_a99_connections_that_ask_nothing(small: Process, budget: Budget, figure: Figure) -> None:
    """Two thousand of one address, at a server that may open half as many files."""

    async def attacked() -> float:
        half_open = HalfOpen(small.port)
        keeping = asyncio.create_task(half_open.run())
        try:
            await half_open.all_begun.wait()
            return await asked(small.port, SECONDS[budget], here="127.0.0.2")
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    for left in reversed(range(ROUNDS)):
        calm = asyncio.run(asked(small.port, 5.0, here="127.0.0.2"))
        slow = asyncio.run(attacked())
        figure("p99 of others, ms", (round(1000 * calm, 1), round(1000 * slow, 1)))
        if slow <= max(TWICE * calm, LEAST[budget]):
            break
        assert left, f"others waited {slow:.2f} s, and {calm:.2f} s when nobody came"
    assert "too many connections" in small.log()
    assert small.answers()
