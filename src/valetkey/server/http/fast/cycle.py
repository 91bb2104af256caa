"""One request on the fast path, and whether its reply is sent."""

import re
from functools import lru_cache
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from valetkey.server.http.front import MethodHandler
from valetkey.server.http.reply import Headers
from valetkey.server.http.request import Request
from valetkey.wire.form import MAX_BYTES


class NoWaiter:
    """Stands for the event that uvicorn sets for a handler that waits for more of a body. On the
    fast path no handler does."""

    def set(self) -> None:
        """Does nothing."""


_NO_WAITER: Final = NoWaiter()


class Cycle:
    """A request on the fast path. uvicorn reads `response_complete`, `keep_alive`, `disconnected`
    and `message_event` of its own cycles too. `is_late`: the request was not complete in time."""

    __slots__ = (
        "disconnected",
        "handler",
        "is_late",
        "keep_alive",
        "message_event",
        "request",
        "response_complete",
        "rest",
    )

    def __init__(self, handler: MethodHandler, request: Request) -> None:
        self.handler = handler
        self.request = request
        self.response_complete = self.disconnected = self.is_late = False
        self.keep_alive = True
        self.message_event = _NO_WAITER
        self.rest: bytearray | None = None

    def add_body(self, body: bytes) -> bool:
        """Adds a piece of the body. Returns whether the body is too large by now."""
        request = self.request
        if not request.body:
            request.body = body  # nearly always all of it
            return len(body) > MAX_BYTES
        if self.rest is None:
            self.rest = bytearray()
        self.rest += body
        return len(request.body) + len(self.rest) > MAX_BYTES

    def complete_request(self) -> Request:
        """The request with all of its body that came."""
        if self.rest:
            self.request.body += bytes(self.rest)
            self.rest = None
        return self.request


# The head of a reply, as bytes.

_NAME: Final = re.compile(rb"[a-z0-9-]+")
_VALUE: Final = re.compile(rb"[\x20-\x7e\x80-\xff\t]*")


@lru_cache(maxsize=256)
def encode_head(status: int, headers: Headers) -> bytes:
    """The status line and the headers. A few come again and again, so they are cached. Raises
    ValueError for a malformed header."""
    if not all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in headers):
        raise ValueError("not a header")
    return STATUS_LINE[status] + _encode(headers)


class _ServerHeaders:
    """The last encoded headers of uvicorn: the date, which changes each second."""

    source: list[tuple[bytes, bytes]] | None = None
    text = b""


def encode_server_headers(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The headers that uvicorn adds to every reply."""
    if _ServerHeaders.source is not headers:
        _ServerHeaders.source, _ServerHeaders.text = headers, _encode(headers)
    return _ServerHeaders.text


def _encode(headers: Headers | list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % pair for pair in headers)
