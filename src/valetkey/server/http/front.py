"""The front: raw ASGI, one dictionary look-up between the socket and the rule.

Machines' endpoints answer here; everything else goes to the pages.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from os import urandom
from typing import Any, Final, TypeAlias

import msgspec

from valetkey.server.http import file_limit, log
from valetkey.server.http.connections import Connections
from valetkey.server.http.flow import Backlog
from valetkey.server.http.lifespan import lifespan
from valetkey.server.http.reply import (
    Headers,
    Reply,
    Streamed,
    error_reply,
    send_reply,
    send_streamed,
)
from valetkey.server.http.request import Gone, Receive, Request, Scope, Send, read_body, too_slow
from valetkey.server.http.turns import Turns
from valetkey.server.model.network import parse
from valetkey.server.store.port import Unavailable, Unstorable
from valetkey.spec.errors import InvalidRequest, OAuthError, ServerError, TemporarilyUnavailable
from valetkey.wire.form import MAX_BYTES

Handler: TypeAlias = Callable[[Request], Awaitable[Reply | Streamed]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_PATH: Final = 2048
"""Characters of a path, which goes into the log."""

MAX_HEADERS: Final = 16 * 1024
"""Bytes of header names and values, all together."""

HSTS: Final = (b"strict-transport-security", b"max-age=31536000")
"""RFC 6797 6.1: for a year; of this host alone, for others on its domain are not ours."""

CLOSE: Final = (b"connection", b"close")


class MethodHandler(msgspec.Struct, frozen=True):
    """A handler, and the methods that it takes. `stop` ends the replies of it that go on; it has
    none, where it is `whole`. `items`: it also answers at paths with one
    more segment."""

    methods: frozenset[str]
    handler: Handler
    stop: Callable[[], None] = lambda: None
    items: bool = False
    whole: bool = True


class Front:
    """The ASGI application."""

    def __init__(
        self,
        endpoints: Mapping[str, MethodHandler],
        *,
        pages: App,
        running: Callable[[], AbstractAsyncContextManager[None]],
        trusted: Sequence[Network],
        secure: bool = False,
        connections: Connections | None = None,
    ) -> None:
        """`running` is what runs beside the requests. `secure`: it is reached over TLS alone, and
        browsers are told so (RFC 6797)."""
        self.turns = Turns()
        self.backlog = Backlog()
        self.connections = connections or Connections(file_limit.limit())
        self._secure = secure
        self._endpoints = dict(endpoints)
        self._pages = pages
        self._running = running
        self._trusted = tuple(trusted)
        self._short = {path.encode(): one for path, one in self._endpoints.items() if one.whole}

    def stop(self) -> None:
        """Ends the replies that would go on for ever, so that the server can end."""
        for endpoint in self._endpoints.values():
            endpoint.stop()

    def short(self, path: bytes) -> MethodHandler | None:
        """The endpoint at this very path, where its replies are whole."""
        return self._short.get(path)

    async def answer(
        self, endpoint: MethodHandler, request: Request, *, late: bool = False
    ) -> Reply:
        """The reply of such an endpoint to a request that is there already, or is too `late`."""
        try:
            if self._trusted:
                request.address = caller(request, self._trusted)
            _admit(request)
            reply = _amiss(request, endpoint, late=late) or await endpoint.handler(request)
        except Exception as error:
            reply = _refusal(request, error, refuse_json)
        if not isinstance(reply, Reply):
            raise RuntimeError("a reply that goes on, where none was announced")
        return reply.having(HSTS) if self._secure else reply

    def unread(self, error: InvalidRequest) -> Reply:
        """The refusal of what never became a request."""
        return unread(error).having(HSTS) if self._secure else unread(error)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(self._running(), receive, send)
            return
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        if self._secure:
            send = _over_tls(send)
        request = Request.of(scope)
        scope["valetkey.address"] = caller(request, self._trusted)
        try:
            _admit(request, hosts=int(scope["http_version"] != "1.0"))
        except InvalidRequest as error:
            await send_reply(error_reply(error), send)
            return
        endpoint = self._endpoints.get(scope["path"]) or self._above(scope["path"])
        if endpoint is None:
            await self._pages(scope, receive, send)
            return
        await serve(endpoint, scope, receive=receive, send=send, refuse=refuse_json)

    def _above(self, path: str) -> MethodHandler | None:
        """The endpoint that has the things below it, of which the path names one."""
        above = self._endpoints.get(path.rpartition("/")[0])
        return above if above is not None and above.items else None


def _over_tls(send: Send) -> Send:
    """Whatever is sent says that plain http is never tried again."""

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], HSTS]}
        await send(message)

    return sent


def _admit(request: Request, *, hosts: int = 1) -> None:
    """Raises InvalidRequest for what is larger than any request of an app, and for what names fewer
    `hosts`, or two (RFC 9112 3.2)."""
    if len(request.path) > MAX_PATH:
        raise InvalidRequest("the path is too long", status=414)
    if request.head_size() > MAX_HEADERS:
        raise InvalidRequest("the headers are too large", status=431)
    if not hosts <= request.times(b"host") <= 1:
        raise InvalidRequest("a request names one host")


async def serve(
    endpoint: MethodHandler,
    scope: Scope,
    *,
    receive: Receive,
    send: Send,
    refuse: Callable[[Request, OAuthError], Reply],
) -> None:
    """Reads, handles, replies; whatever goes wrong becomes a registered error."""
    reply: Reply | Streamed
    request = Request.of(scope)
    request.address = scope["valetkey.address"]
    try:
        if request.method in endpoint.methods:
            request.body = await read_body(receive)
        reply = _amiss(request, endpoint) or await endpoint.handler(request)
    except Gone:
        return
    except Exception as error:
        reply = _refusal(request, error, refuse)
    if isinstance(reply, Streamed):
        await send_streamed(reply, receive, send)
        return
    await send_reply(reply, send, bare=request.method == "HEAD")


def unread(error: InvalidRequest) -> Reply:
    """The refusal of what never became a request, after which the connection ends."""
    log.info("refused", path="", error=error.code, detail=error.description)
    return error_reply(error).having(CLOSE)


def _refusal(
    request: Request, error: Exception, refuse: Callable[[Request, OAuthError], Reply]
) -> Reply:
    told = _registered(error, request)
    reply = refuse(request, told)
    # RFC 9110 15.5.9: what is left of the request is waited for no longer.
    return reply.having(CLOSE) if told.status == 408 else reply


def _registered(error: Exception, request: Request) -> OAuthError:
    """What the caller is told of it."""
    if isinstance(error, OAuthError):
        return error
    if isinstance(error, Unavailable):
        return TemporarilyUnavailable(detail=str(error))
    if isinstance(error, Unstorable):
        return InvalidRequest("a value cannot be stored", detail=str(error))
    reference = urandom(6).hex()
    log.exception("unexpected", path=request.path, reference=reference)
    return ServerError(f"something went wrong here, reference {reference}", detail=reference)


def refuse_json(request: Request, error: OAuthError, *, headers: Headers = ()) -> Reply:
    """The refusal as JSON for the caller, and with its detail for the log."""
    more = {"interaction": request.interaction} if request.interaction else {}
    log.info("refused", path=request.path, error=error.code, detail=error.log_text, **more)
    return error_reply(error, headers=headers)


def _amiss(request: Request, endpoint: MethodHandler, *, late: bool = False) -> Reply | None:
    """The refusal of a method that the endpoint does not take; None where it takes it. Raises
    InvalidRequest for a body that is too large, or too `late`."""
    if late:
        raise too_slow()
    if request.method not in endpoint.methods:
        allow = (b"allow", ", ".join(sorted(endpoint.methods)).encode())
        return error_reply(InvalidRequest("this method is not allowed here", status=405)).having(
            allow
        )
    if len(request.body) > MAX_BYTES:
        raise InvalidRequest("the request is too large", status=413)
    return None


def caller(request: Request, trusted: Sequence[Network]) -> str:
    """The caller's address. X-Forwarded-For counts only from a trusted hop, and only as far back
    as the hops are trusted (ATTACKS A14, A90)."""
    address = request.peer
    forwarded = request.joined(b"x-forwarded-for") if trusted else ""
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    while hops and within(address, trusted):
        hop = hops.pop()
        # Some proxies write a port behind it.
        address = str(parse(hop) or hop)
    return address


def within(address: str, networks: Sequence[Network]) -> bool:
    """Whether the address lies in one of the networks."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in networks)
