"""The connection: uvicorn's protocol, with a fast path for the requests that programs send most.

A request for an endpoint of the front goes from the parser to its handler, and its reply goes out
in one write. Every other request (another path, a stream, HTTP/1.0) takes uvicorn's ordinary path.
The paths differ only in how much work they take. A request that is sent before the last one is
answered is not parsed until then.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from valetkey.server.http import log
from valetkey.server.http.connections import FEW, Backlog, Flow, holds_several
from valetkey.server.http.fast.connection_state import (
    BETWEEN_BODIES,
    NEVER,
    TRANSITIONS,
    Deadlines,
    State,
)
from valetkey.server.http.fast.cycle import Cycle, encode_head, encode_server_headers
from valetkey.server.http.fast.turns import Turns
from valetkey.server.http.front import CLOSE, Front, malformed_request
from valetkey.server.http.reply import BODILESS, Reply
from valetkey.server.http.request import Request, new_request_id, too_slow
from valetkey.spec.errors import InvalidRequest

MAX_HEAD: Final = 128 * 1024
"""Bytes of an incomplete head: more than any head that the front admits."""

MAX_TARGET: Final = 65_535
"""Bytes of a request target: the parser counts them in 16 bits."""

MAX_LINES: Final = 500
"""Headers of an incomplete head: a short line takes many times its size in memory."""


def protocol_of(front: Front, *, fast: bool = True) -> "type[Protocol]":
    """The class of the front's connections. This is the switch of the fast path: without `fast`,
    every request takes uvicorn's ordinary path."""

    class Connection(Protocol):
        pass

    Connection.front = front
    Connection.backlog = Backlog()
    Connection.turns = Turns()
    Connection.fast = fast
    return Connection


class Protocol(HttpToolsProtocol):
    """One connection. All connections of a front share its turns and its backlog."""

    front: Front
    backlog: Backlog
    turns: Turns
    fast: bool

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._state: State = "idle"
        self._fast_cycle: Cycle | None = None
        self._head_size = 0
        self._deadlines = Deadlines(
            self.loop, on_slow_request=self._on_slow_request, on_slow_reader=self.abort
        )

    # The connection.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = self._flow = Flow(transport, tls=self.scheme == "https")
        self._deadlines.expect_request()
        self.front.connections.enter(self, self.client[0] if self.client else "")

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._flow.unparsed = b""
        self.front.connections.leave(self, self.client[0] if self.client else "")
        self._deadlines.cancel()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()

    @property
    def may_close(self) -> bool:
        """Whether the connection can be closed to make room: no request waits for its reply."""
        return not self._is_waiting()

    def abort(self) -> None:
        """Closes the connection at once."""
        self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._deadlines.end_reading()

    def _expect_reading(self) -> None:
        if self.parser is not None:  # which uvicorn drops with the connection
            self._deadlines.expect_reading()

    # Bytes.

    def data_received(self, data: bytes) -> None:
        if self._flow.unparsed or self._is_waiting() or (len(data) > FEW and holds_several(data)):
            self._flow.hold(data)
            self._feed_unparsed()
        else:
            self._feed(data)

    def _is_answered(self) -> bool:
        """Whether every request so far has its reply."""
        before: Any = self.cycle
        return before is None or before.response_complete is True

    def _is_waiting(self) -> bool:
        """Whether a complete request waits for its reply."""
        if self._is_answered():
            return False  # uvicorn has started the requests that were queued behind it.
        return self._state in BETWEEN_BODIES or bool(self.pipeline)

    def _feed_unparsed(self) -> None:
        """Parses the bytes that are held, request by request, until one waits for its reply."""
        flow = self._flow
        while flow.unparsed and not self._is_waiting() and not self.transport.is_closing():
            self._feed(flow.next_piece(in_head=self._state in BETWEEN_BODIES))
        flow.resume_reading()

    def _feed(self, data: bytes) -> None:
        began_in_head = self._state in BETWEEN_BODIES
        self._state = TRANSITIONS[self._state]["bytes"]
        super().data_received(data)
        if self._is_answered():
            if self._state == "idle":
                self._head_size = 0
                return
            # The head is incomplete, or this is the rest of a body that is no longer needed.
            in_head = began_in_head and self._state == "head"
            self._head_size = self._head_size + len(data) if in_head else 0
            if self._is_head_too_large():
                error = InvalidRequest("the headers are too large", status=431)
                self._reject(self._target_too_long() or error)
                return
        elif self._state != "fast body":
            return  # Most requests come in one piece; uvicorn's path waits for bodies itself.
        self._deadlines.expect_request()

    def _is_head_too_large(self) -> bool:
        if not self._head_size:
            return False
        return self._head_size > MAX_HEAD or len(self.headers or ()) > MAX_LINES

    # The parser's callbacks.

    def on_message_begin(self) -> None:
        self._state = TRANSITIONS[self._state]["begin"]
        self._fast_cycle = None
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        if len(self.url) > MAX_TARGET:
            raise ValueError("the target is too long")  # which is refused as no HTTP request
        cycle = self._begin_cycle()
        if cycle is not None:
            self._state = TRANSITIONS[self._state]["fast"]
            self._fast_cycle = self.cycle = cycle  # type: ignore[assignment]
            return
        self._state = TRANSITIONS[self._state]["ordinary"]
        self._deadlines.end_request()
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    def _begin_cycle(self) -> Cycle | None:
        """The request as one of the fast path; None where it has to take the ordinary path."""
        if not self.fast:
            return None
        path, _, query = self.url.partition(b"?")
        entry = self.front.fast_handlers.get(path)
        if entry is None or not self._is_answered() or not self.parser.should_keep_alive():
            return None
        handler, inner = entry
        request = Request(
            self.parser.get_method().decode("ascii"),
            inner,
            query=query,
            headers=self.headers,
            peer=self.client[0] if self.client else "",
        )
        return Cycle(handler, request) if self._is_plain(request) else None

    def _is_plain(self, request: Request) -> bool:
        """Whether a request after which the connection stays may take the fast path."""
        if self.expect_100_continue or self.limit_concurrency is not None:
            return False
        if self.parser.should_upgrade():
            return False
        # RFC 9112 9.3: an HTTP/1.0 connection stays only where the request says so.
        return not request.times(b"connection") or self.parser.get_http_version() == "1.1"

    def on_body(self, body: bytes) -> None:
        if self._state == "ordinary body":
            super().on_body(body)
        elif self._state == "fast body":
            cycle: Any = self._fast_cycle
            if cycle.add_body(body):
                self._state = TRANSITIONS[self._state]["refuse"]
                self._deadlines.end_request()
                self._start(cycle)

    def on_message_complete(self) -> None:
        state, cycle = self._state, self._fast_cycle
        self._state = TRANSITIONS[self._state]["complete"]
        self._deadlines.end_request()
        if state == "ordinary body":
            super().on_message_complete()
        elif state == "fast body" and cycle is not None:
            self._start(cycle)

    # Refusals of what never became a request.

    def _on_slow_request(self) -> None:
        if self.transport.is_closing():
            return
        cycle = self._fast_cycle
        if self._state == "fast body" and cycle is not None:
            cycle.is_late = True
            self._state = TRANSITIONS[self._state]["refuse"]
            self._start(cycle)
        elif self._state in BETWEEN_BODIES and self.headers is not None:
            self._reject(too_slow())
        else:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        self._reject(self._target_too_long() or InvalidRequest("this is no HTTP request"))

    def _target_too_long(self) -> InvalidRequest | None:
        """The refusal of a target that is too long (RFC 9112 3), None for any other."""
        if len(self.url or b"") <= MAX_TARGET:
            return None
        return InvalidRequest("the address is too long", status=414)

    def _reject(self, error: InvalidRequest) -> None:
        """Sends the refusal, and closes the connection."""
        request_id = new_request_id()
        reply = self.front.secured(malformed_request(error, request_id))
        self.transport.write(self._encode(reply, request_id))
        self.transport.close()
        self._expect_reading()

    # Replies.

    def _start(self, cycle: Cycle) -> None:
        """Answers the request in its turn."""
        if not self.transport.is_closing():  # else the reply before was the last one
            self.turns.begin(self._answer(cycle))

    async def _answer(self, cycle: Cycle) -> None:
        request = cycle.request if cycle.rest is None else cycle.complete_request()
        try:
            answered = await self.front.answer(cycle.handler, request, is_late=cycle.is_late)
            reply = self.front.secured(answered)
            if self.flow.write_paused and not cycle.disconnected:
                await self.flow.drain()
            if not cycle.disconnected:
                if CLOSE in reply.headers:
                    cycle.keep_alive = False
                elif not cycle.keep_alive:
                    reply = reply.having(CLOSE)
                self.transport.write(self._encode(reply, request.id, bare=request.method == "HEAD"))
        except Exception:
            log.exception("reply failed", path=request.path)
            self.transport.close()
        finally:
            cycle.response_complete = True
            if not cycle.keep_alive:
                self.transport.close()
            self.on_response_complete()

    def _encode(self, reply: Reply, request_id: str, *, bare: bool = False) -> bytes:
        """The reply as bytes. A `bare` one gives its length without a body (RFC 9110 9.3.2)."""
        size = b"" if reply.status in BODILESS else b"content-length: %d\r\n" % len(reply.body)
        return b"%b%brequest-id: %b\r\n%b\r\n%b" % (
            encode_head(reply.status, reply.headers),
            encode_server_headers(self.server_state.default_headers),
            request_id.encode(),
            size,
            b"" if bare else reply.body,
        )

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._expect_reading()
            return
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif not self._flow.unparsed:
            # One timer for the connection, not one for each request.
            self._deadlines.idle_since = self.loop.time()
            if self.timeout_keep_alive_task is None:
                self._wait(self.timeout_keep_alive)
        if not self._flow.unparsed:
            self._flow.resume_reading()
        elif not self.pipeline:
            self.backlog.add(self._feed_unparsed)

    # An idle connection.

    def _unset_keepalive_if_required(self) -> None:
        self._deadlines.idle_since = NEVER

    def _wait(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        seconds = self._deadlines.idle_left(self.timeout_keep_alive)
        if seconds is None:
            return  # A request is at work; its reply begins the wait again.
        if seconds > 0:
            self._wait(seconds)
        else:
            super().timeout_keep_alive_handler()
            self._expect_reading()
