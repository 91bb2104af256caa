"""A96: pipelined requests without reading.

Attack: A client sends many requests on a connection and reads no response.
Defense: The server buffers a little, waits with reading, and closes a connection whose responses
nobody reads.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest
import uvicorn
from uvicorn.server import ServerState

from valetkey.cli.workers import UNSENT, limit_buffers
from valetkey.server.http import request as reading
from valetkey.server.http.connections import FEW, RECEIVED, STEP, UNWRITTEN, Backlog, Flow
from valetkey.server.http.fast.protocol import MAX_LINES, Protocol, protocol_of
from valetkey.server.http.front import Front, MethodHandler
from valetkey.server.http.reply import Reply
from valetkey.server.http.request import Receive, Request, Scope, Send

pytestmark = pytest.mark.anyio

FAST: Final = b"GET /fast HTTP/1.1\r\nHost: x\r\n\r\n"
PAGE: Final = b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n"
POST: Final = b"POST /page HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n" + b"a" * 500
MANY: Final = 1000


class Transport(asyncio.Transport):
    """What a connection writes, and whether it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.limits: list[Any] = []
        self.reads = True
        self.closing = self.aborted = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def write(self, data: Any) -> None:
        self.written += data

    def set_write_buffer_limits(self, high: Any = None, low: Any = None) -> None:
        self.limits.append(("write", high))

    def set_read_buffer_limits(self, high: Any = None, low: Any = None) -> None:
        self.limits.append(("read", high))

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True


class Slow:
    """Endpoints that answer when they are told to; `asked` are the paths that wait."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self._go = asyncio.Event()
        whole = MethodHandler(frozenset({"GET", "POST"}), self._fast)
        self.front = Front(
            {"/fast": whole}, pages=self._page, running=contextlib.nullcontext, trusted=()
        )

    async def _fast(self, request: Request) -> Reply:
        await self._turn(request.path)
        self.bodies.append(request.body)
        return Reply(200, body=b"fast")

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        self.bodies.append(body + message["body"])
        await self._turn(scope["path"])
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"page"})

    async def _turn(self, path: str) -> None:
        self.asked.append(path)
        await self._go.wait()

    def go(self) -> None:
        """All that wait are answered, and whoever comes later at once."""
        self._go.set()

    async def answer(self) -> None:
        """What waits now is answered; what comes later waits."""
        self._go.set()
        self._go = asyncio.Event()
        await rounds()


async def rounds(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture
async def slow() -> AsyncIterator[Slow]:
    yield (endpoints := Slow())
    endpoints.go()
    await rounds()


def connected(front: Front) -> tuple[Protocol, Transport]:
    connection = protocol_of(front)
    config = uvicorn.Config(front, log_config=None, http=connection, lifespan="off")
    config.load()
    config.loaded_app = front
    protocol = connection(config=config, server_state=ServerState(), app_state={})
    transport = Transport()
    protocol.connection_made(transport)
    return protocol, transport


def kept(protocol: Protocol) -> int:
    """Requests that were parsed and wait."""
    return len(protocol.pipeline)


@pytest.mark.parametrize("one, most", [(FAST, 0), (PAGE, 0), (POST, STEP // len(PAGE) + 2)])
async def test_what_is_sent_ahead_stays_unparsed(one: bytes, most: int, slow: Slow) -> None:
    protocol, transport = connected(slow.front)
    protocol.data_received((one + PAGE * 9) * MANY)
    await rounds()
    assert (len(slow.asked), transport.reads) == (1, False)
    assert kept(protocol) <= most
    for number in range(2, 30):
        await slow.answer()
        assert (len(slow.asked), transport.reads) == (number, False)
        assert kept(protocol) <= most


@pytest.mark.parametrize("one", [FAST, PAGE, POST])
async def test_all_of_it_is_answered_in_its_order(one: bytes, slow: Slow) -> None:
    protocol, transport = connected(slow.front)
    slow.go()
    protocol.data_received((one + FAST + PAGE) * MANY)
    while not (transport.reads and protocol.cycle.response_complete):
        await rounds()
    answers = transport.written.split(b"HTTP/1.1 200 OK\r\n")[1:]
    words = [answer.partition(b"\r\n\r\n")[2].decode() for answer in answers]
    first = "fast" if one == FAST else "page"
    assert words == [first, "fast", "page"] * MANY
    assert {*map(len, slow.bodies)} == ({0, 500} if one == POST else {0})


@pytest.mark.parametrize("cut", [1, 20, len(PAGE) - 1, len(PAGE), len(PAGE) + 30])
async def test_it_may_be_cut_anywhere(cut: int, slow: Slow) -> None:
    protocol, transport = connected(slow.front)
    sent = PAGE + POST + FAST
    protocol.data_received(sent[:cut])
    await rounds()
    protocol.data_received(sent[cut:])
    for _ in range(3):
        await rounds()
        await slow.answer()
    assert transport.written.count(b"200 OK") == 3
    assert transport.reads
    assert slow.bodies == [b"", b"a" * 500, b""]


async def test_nobody_reads_on_while_requests_wait(slow: Slow) -> None:
    """Not even who waits for more of a body, or for the caller to leave."""
    protocol, transport = connected(slow.front)
    protocol.data_received(PAGE * 20)
    await rounds()
    protocol.flow.resume_reading()
    assert not transport.reads
    # What was under way already is kept, once.
    protocol.data_received(PAGE)
    assert (kept(protocol), transport.reads) == (0, False)
    slow.go()
    await rounds(300)
    assert (len(slow.asked), transport.reads) == (21, True)


@pytest.mark.parametrize("one", [FAST, PAGE])
async def test_a_few_that_came_at_once_may_be_parsed(one: bytes, slow: Slow) -> None:
    """So that what nearly all clients send is not looked through. After them nothing is."""
    protocol, transport = connected(slow.front)
    count = FEW // len(one)
    for _ in range(3):
        protocol.data_received(one * count)
        await rounds()
        protocol.flow.resume_reading()
        assert (len(slow.asked), kept(protocol)) == (1, count - 1)
    assert not transport.reads
    slow.go()
    await rounds(300)
    assert (len(slow.asked), transport.reads) == (3 * count, True)


async def test_what_was_sent_ahead_goes_with_its_connection(slow: Slow) -> None:
    protocol, _ = connected(slow.front)
    protocol.data_received(FAST * MANY)
    await rounds()
    protocol.connection_lost(None)
    slow.go()
    await rounds(60)
    assert len(slow.asked) == 1


async def test_connections_that_hold_something_go_on_one_by_one() -> None:
    backlog, gone = Backlog(), list[str]()

    def going(name: str) -> Callable[[], None]:
        return lambda: gone.append(name)

    for name in "abc":
        backlog.add(going(name))
    for seen in ([], ["a"], ["a", "b"], ["a", "b", "c"]):
        assert gone == seen
        await asyncio.sleep(0)


@pytest.mark.parametrize("tls", [False, True])
async def test_little_is_kept_of_what_is_not_read(tls: bool) -> None:
    transport = Transport()
    Flow(transport, tls=tls)
    assert transport.limits == [("write", UNWRITTEN), *([("read", RECEIVED)] if tls else [])]


def test_the_system_keeps_little_as_well() -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        limit_buffers(listener)
        client = stack.enter_context(socket.create_connection(listener.getsockname()))
        server = stack.enter_context(listener.accept()[0])
        server.setblocking(False)
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while sent < 2**22:
                sent += server.send(b"x" * 1024)
        window = client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        assert sent < window + 2 * UNSENT
        assert server.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 2 * RECEIVED


@pytest.mark.parametrize("read", [False, True])
async def test_who_does_not_read_is_cut_off(
    read: bool, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "REQUEST_SECONDS", 0.02)
    protocol, transport = connected(slow.front)
    protocol._deadlines.end_request()
    protocol.pause_writing()
    if read:
        protocol.resume_writing()
    await asyncio.sleep(0.05)
    assert transport.aborted is not read


@pytest.mark.parametrize(
    "sent", [b"nonsense\r\n\r\n", FAST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")]
)
async def test_who_does_not_read_the_last_reply_is_cut_off(
    sent: bytes, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is closed, which waits for whoever reads."""
    monkeypatch.setattr(reading, "REQUEST_SECONDS", 0.02)
    protocol, transport = connected(slow.front)
    slow.go()
    protocol.data_received(sent)
    await rounds()
    assert (transport.closing, transport.aborted) == (True, False)
    await asyncio.sleep(0.05)
    assert transport.aborted


async def test_a_head_of_endless_lines(slow: Slow) -> None:
    """A line of four bytes takes some hundred in memory."""
    protocol, transport = connected(slow.front)
    protocol.data_received(FAST[:-2] + b"a:\r\n" * (MAX_LINES - 1))
    assert not transport.written
    protocol.data_received(b"a:\r\n" * 2)
    assert transport.written.startswith(b"HTTP/1.1 431 ")
    assert transport.closing
