"""The connection: uvicorn's protocol, with a short way for what machines ask again and again.

A request for an endpoint of the front goes from the parser to the handler, and its reply out in one
write. Whatever is not plain (other paths, streams, HTTP/1.0) goes uvicorn's own way. Between the
two nothing differs but the work. A request that was sent before the last one was answered is not
parsed before then.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from valetkey.server.http import log
from valetkey.server.http import request as reading
from valetkey.server.http.flow import FEW, Backlog, Flow, holds_several
from valetkey.server.http.front import CLOSE, Front, MethodHandler, unread
from valetkey.server.http.heads import added, head
from valetkey.server.http.reply import BODILESS, Reply
from valetkey.server.http.request import Request
from valetkey.spec.errors import InvalidRequest
from valetkey.wire.form import MAX_BYTES

MAX_HEAD: Final = 128 * 1024
"""Bytes of a head of which the end has not come: more than any that would be looked at."""

MAX_TARGET: Final = 65_535
"""Bytes of an address: the parser counts them in 16 bits."""

MAX_LINES: Final = 500
"""Headers of such a head: a short line takes many times its size in memory."""

_NEVER: Final = float("inf")


class Gone:
    """What would wake whoever waits for more of a body. Here nobody does."""

    def set(self) -> None:
        """Nothing happens."""


class Cycle:
    """A request that goes the short way. uvicorn looks at what its own cycles have as well."""

    __slots__ = (
        "disconnected",
        "endpoint",
        "keep_alive",
        "late",
        "message_event",
        "request",
        "response_complete",
        "rest",
        "started",
    )

    def __init__(self, endpoint: MethodHandler, request: Request) -> None:
        self.endpoint = endpoint
        self.request = request
        self.started = self.response_complete = self.disconnected = self.late = False
        self.keep_alive = True
        self.message_event = _GONE
        self.rest = _NOTHING


_NOTHING: Final = bytearray()
_GONE: Final = Gone()


class Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._front = self.app if isinstance(self.app, Front) else None
        self._backlog = Backlog() if self._front is None else self._front.backlog
        self._short: Cycle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._quiet_since = _NEVER
        self._heading = True
        self._headed = 0
        self._whole = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = self._flow = Flow(transport, tls=self.scheme == "https")
        self._begin()
        if self._front is not None:
            self._front.connections.enter(self, self.client[0] if self.client else "")

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._calm()
        self._flow.held = b""
        if self._front is not None:
            self._front.connections.leave(self, self.client[0] if self.client else "")
        for timer in (self.timeout_keep_alive_task, self._unread):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        if self._flow.held or self._is_waiting() or (len(data) > FEW and holds_several(data)):
            self._flow.hold(data)
            self._feed_held()
        else:
            self._feed(data)

    def _is_waiting(self) -> bool:
        """Whether a whole request waits for its answer."""
        before: Any = self.cycle
        if before is None or before.response_complete is True:
            return False  # What was queued behind it has been begun.
        return self._heading or bool(self.pipeline)

    @property
    def may_go(self) -> bool:
        """Whether it can be ended, so that another one has room: no request waits for an answer."""
        return not self._is_waiting()

    def abort(self) -> None:
        """Ends it at once."""
        self.transport.abort()

    def _feed_held(self) -> None:
        """Feeds what is held, request by request, until one waits for its answer."""
        flow = self._flow
        while flow.held and not self._is_waiting() and not self.transport.is_closing():
            self._feed(flow.next_piece(in_head=self._heading))
        flow.resume_reading()

    def _feed(self, data: bytes) -> None:
        heading = self._heading
        self._whole = False
        super().data_received(data)
        if self._free():
            if self._whole:
                self._headed = 0
                return  # It is answered, and of a next one nothing has come.
            # The end of the head has not come, or more of a body comes that nobody wants.
            self._headed = self._headed + len(data) if heading and self._heading else 0
            if self._headed > MAX_HEAD or (self._headed and len(self.headers or ()) > MAX_LINES):
                self._turn_away(
                    self._too_long() or InvalidRequest("the headers are too large", status=431)
                )
                return
        elif self._short is None or self._short.started:
            return  # Most requests come at once; uvicorn's own way waits for bodies itself.
        if self._patience is None:
            self._begin()

    def _begin(self) -> None:
        """From here on, the request has so much time to be whole."""
        self._patience = self.loop.call_later(reading.WHOLE, self._too_slow)

    def _calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _too_slow(self) -> None:
        self._patience = None
        cycle = self._short
        if self.transport.is_closing():
            return
        if cycle is not None and not cycle.started:
            cycle.late = True
            self._start(cycle)
        elif self._heading and self.headers is not None:
            self._turn_away(reading.too_slow())
        else:
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _expect_reading(self) -> None:
        """From here on, the client has so much time to read what was written."""
        if self._unread is None and self.parser is not None:
            self._unread = self.loop.call_later(reading.WHOLE, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        self._turn_away(self._too_long() or InvalidRequest("this is no HTTP request"))

    def _too_long(self) -> InvalidRequest | None:
        """The refusal of an address that is too long (RFC 9112 3), None for any other."""
        if len(self.url or b"") <= MAX_TARGET:
            return None
        return InvalidRequest("the address is too long", status=414)

    def _turn_away(self, error: InvalidRequest) -> None:
        """Refuses what never became a request, and ends the connection."""
        reply = unread(error) if self._front is None else self._front.unread(error)
        self.transport.write(self._written(reply))
        self.transport.close()
        self._expect_reading()

    def on_message_begin(self) -> None:
        self._short = None
        self._heading = True
        self._whole = False
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        self._heading = False
        if len(self.url) > MAX_TARGET:
            raise ValueError("the address is too long")  # which is refused as no HTTP request
        path, _, query = self.url.partition(b"?")
        endpoint = None if self._front is None else self._front.short(path)
        if endpoint is not None and self._free() and self.parser.should_keep_alive():
            method = self.parser.get_method().decode("ascii")
            peer = self.client[0] if self.client else ""
            request = Request(
                method, path.decode("ascii"), query=query, headers=self.headers, peer=peer
            )
            if self._is_plain(request):
                self._short = self.cycle = Cycle(endpoint, request)  # type: ignore[assignment]
                return
        self._calm()
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    def _is_plain(self, request: Request) -> bool:
        """Whether a request after which the connection stays may go the short way."""
        if self.expect_100_continue or self.limit_concurrency is not None:
            return False
        if self.parser.should_upgrade():
            return False
        # RFC 9112 9.3: of HTTP/1.0 it stays only where the request says so.
        return not request.times(b"connection") or self.parser.get_http_version() == "1.1"

    def _free(self) -> bool:
        """Whether every request before this one has been answered."""
        before: Any = self.cycle
        return before is None or before.response_complete is True

    def on_body(self, body: bytes) -> None:
        cycle = self._short
        if cycle is None:
            super().on_body(body)
            return
        if cycle.started:
            return
        request = cycle.request
        if not request.body:
            request.body = body  # nearly always all of it
        else:
            cycle.rest = cycle.rest or bytearray()
            cycle.rest += body
            if len(request.body) + len(cycle.rest) > MAX_BYTES:
                self._start(cycle)  # to be refused
            return
        if len(request.body) > MAX_BYTES:
            self._start(cycle)

    def on_message_complete(self) -> None:
        cycle = self._short
        self._heading = self._whole = True
        self._calm()
        if cycle is None:
            super().on_message_complete()
        elif not cycle.started:
            self._start(cycle)

    def _start(self, cycle: Cycle) -> None:
        cycle.started = True
        if cycle.rest:
            cycle.request.body += bytes(cycle.rest)
        self._calm()
        if self.transport.is_closing():
            return  # The reply before was the last one.
        front: Any = self._front
        front.turns.begin(self._answer(cycle, front))

    async def _answer(self, cycle: Cycle, front: Front) -> None:
        request = cycle.request
        try:
            reply = await front.answer(cycle.endpoint, request, late=cycle.late)
            if self.flow.write_paused and not cycle.disconnected:
                await self.flow.drain()
            if not cycle.disconnected:
                if CLOSE in reply.headers:
                    cycle.keep_alive = False
                elif not cycle.keep_alive:
                    reply = reply.having(CLOSE)
                self.transport.write(self._written(reply, bare=request.method == "HEAD"))
        except Exception:
            log.exception("a reply could not be written", path=request.path)
            self.transport.close()
        finally:
            cycle.response_complete = True
            if not cycle.keep_alive:
                self.transport.close()
            self.on_response_complete()

    def _written(self, reply: Reply, *, bare: bool = False) -> bytes:
        """As it goes over the wire. A `bare` one says its length (RFC 9110 9.3.2)."""
        size = b"" if reply.status in BODILESS else b"content-length: %d\r\n" % len(reply.body)
        return b"%b%b%b\r\n%b" % (
            head(reply.status, reply.headers),
            added(self.server_state.default_headers),
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
        elif not self._flow.held:
            # One timer for the connection, not one for each request.
            self._quiet_since = self.loop.time()
            if self.timeout_keep_alive_task is None:
                self._wait(self.timeout_keep_alive)
        if not self._flow.held:
            self._flow.resume_reading()
        elif not self.pipeline:
            self._backlog.add(self._feed_held)

    def _unset_keepalive_if_required(self) -> None:
        self._quiet_since = _NEVER

    def _wait(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._quiet_since == _NEVER:
            return  # It is at work; the reply begins the wait anew.
        left = self._quiet_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._wait(left)
        else:
            super().timeout_keep_alive_handler()
            self._expect_reading()
