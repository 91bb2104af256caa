"""The front: raw ASGI, with one dictionary lookup between the socket and the rule.

Endpoints for programs answer here; every other path goes to the pages.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Final, TypeAlias

import msgspec

from valetkey.server.audit.caller import set_caller
from valetkey.server.http import file_limit, log
from valetkey.server.http.base_path import inner_path, outer_paths
from valetkey.server.http.connections import Connections
from valetkey.server.http.reply import (
    Headers,
    Reply,
    StreamReply,
    error_reply,
    send_reply,
    send_streamed,
)
from valetkey.server.http.request import (
    REQUEST_ID,
    HungUp,
    Receive,
    Request,
    Scope,
    Send,
    read_body,
    too_slow,
)
from valetkey.server.model.counters import parse
from valetkey.server.store.port import Unavailable, Unstorable
from valetkey.spec.errors import InvalidRequest, OAuthError, ServerError, TemporarilyUnavailable
from valetkey.wire.form import MAX_BYTES

Handler: TypeAlias = Callable[[Request], Awaitable[Reply | StreamReply]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_PATH: Final = 2048
"""Characters of a path, which is logged."""

MAX_HEADERS: Final = 16 * 1024
"""Bytes of header names and values, all together."""

HSTS: Final = (b"strict-transport-security", b"max-age=31536000")
"""RFC 6797 6.1: for a year; of this host alone, for others on its domain are not ours."""

CLOSE: Final = (b"connection", b"close")


ALL_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
"""The methods of an API of JSON documents."""


class MethodHandler(msgspec.Struct, frozen=True):
    """A handler, and the methods that it takes. `items`: it also answers at paths with one more
    segment; `tree`: at all paths below. A handler whose replies are not all `whole` may stream;
    `stop` ends its streams, and answers that wait. `drain` tells it that the server will stop soon.
    `refuse` writes refusals in a form of the handler's own, None for the usual one."""

    methods: frozenset[str]
    handler: Handler
    stop: Callable[[], None] = lambda: None
    drain: Callable[[], None] = lambda: None
    items: bool = False
    tree: bool = False
    whole: bool = True
    refuse: Callable[[Request, OAuthError], Reply] | None = None


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
        base: str = "",
        probes: Collection[str] = (),
        connections: Connections | None = None,
    ) -> None:
        """`running` makes the context of the background tasks, which closes the store. `trusted`
        are the networks of proxies. `secure`: the server is reached over TLS alone, so browsers are
        told not to use anything else (RFC 6797). `base` is the path of the issuer, "" for none;
        `probes` are paths that also answer without it."""
        self.connections = connections or Connections(file_limit.limit())
        self._secure = secure
        self._base = base
        self._probes = frozenset(probes)
        self._endpoints = dict(endpoints)
        self._trees = tuple((f"{path}/", one) for path, one in endpoints.items() if one.tree)
        self._pages = pages
        self.running = running
        self._trusted = tuple(trusted)
        self.fast_handlers: Mapping[bytes, tuple[MethodHandler, str]] = {
            outer.encode(): (one, path)
            for path, one in self._endpoints.items()
            if one.whole
            for outer in outer_paths(path, base)
        }
        """The handlers whose replies are whole, by path, with the path without the base."""

    def stop(self) -> None:
        """Ends the replies that would go on for ever, so that the server can end."""
        for endpoint in self._endpoints.values():
            endpoint.stop()

    def drain(self) -> None:
        """Prepares for a stop: the readiness check fails from now on, everything else goes on."""
        for endpoint in self._endpoints.values():
            endpoint.drain()

    def trust(self, proxies: Sequence[Network]) -> None:
        """Sets the networks of proxies, for the requests from now on."""
        self._trusted = tuple(proxies)

    def answer(
        self, handler: MethodHandler, request: Request, *, is_late: bool = False
    ) -> Awaitable[Reply | StreamReply]:
        """The reply to a request that is complete, or too late. It still has to be `secured`."""
        # No coroutine of its own: each layer costs every step of a request.
        set_caller(request)
        error: InvalidRequest | None = too_slow() if is_late else None
        try:
            self._admit(request)
        except InvalidRequest as refused:
            error = refused
        return respond(handler, request, error=error)

    def secured(self, reply: Reply | StreamReply) -> Reply:
        """The reply, which forbids plain HTTP where the server is reached over TLS alone. Raises
        TypeError for a stream."""
        if not isinstance(reply, Reply):
            raise TypeError("a handler whose replies are whole sends a stream")
        return reply.having(HSTS) if self._secure else reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._run(receive, send)
            return
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        request = Request.of(scope)
        set_caller(request)
        own = (REQUEST_ID, request.id.encode())
        send = partial(_send_with, (own, HSTS) if self._secure else (own,), send)
        try:
            self._admit(request, hosts=int(scope["http_version"] != "1.0"))
        except InvalidRequest as error:
            await send_reply(refuse_json(request, error), send)
            return
        if self._base:
            path = scope["path"]
            inner = path if path in self._probes else inner_path(path, self._base)
            if inner is None:
                nothing = InvalidRequest("there is nothing at this path", status=404)
                await send_reply(refuse_json(request, nothing), send)
                return
            scope = {**scope, "path": inner, "root_path": ""}
        scope["valetkey.address"] = request.address
        scope["valetkey.request_id"] = request.id
        handler = self._handler(scope["path"])
        if handler is None:
            await self._pages(scope, receive, send)
            return
        await serve(handler, scope, receive=receive, send=send, refuse=refuse_json)

    async def _run(self, receive: Receive, send: Send) -> None:
        """Runs the background tasks from the server's start to its end (the ASGI lifespan). An
        error at the start is the server's to report: it does not start."""
        await receive()
        async with self.running():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    def is_page(self, path: str) -> bool:
        """Whether a request for this path, with its base, goes to the pages."""
        inner = inner_path(path, self._base)
        return inner is not None and self._handler(inner) is None

    def _handler(self, path: str) -> MethodHandler | None:
        """The handler at a path without its base, None where the pages answer."""
        handler = self._endpoints.get(path) or self._item_handler(path)
        if handler is not None:
            return handler
        return next((one for root, one in self._trees if path.startswith(root)), None)

    def _item_handler(self, path: str) -> MethodHandler | None:
        """The handler of the items below it, one of which the path names."""
        above = self._endpoints.get(path.rpartition("/")[0])
        return above if above is not None and above.items else None

    def _admit(self, request: Request, *, hosts: int = 1) -> None:
        """Sets the caller's address. Raises InvalidRequest for a head that is larger than an app
        ever sends, and for one that names fewer than `hosts`, or two (RFC 9112 3.2)."""
        if self._trusted:
            request.address = caller(request, self._trusted)
        if len(request.path) > MAX_PATH:
            raise InvalidRequest("the path is too long", status=414)
        if request.head_size() > MAX_HEADERS:
            raise InvalidRequest("the headers are too large", status=431)
        if not hosts <= request.times(b"host") <= 1:
            raise InvalidRequest("a request names one host")


async def _send_with(headers: Headers, send: Send, message: MutableMapping[str, Any]) -> None:
    """Sends a message of a reply, which gets the headers that every reply has."""
    if message["type"] == "http.response.start":
        message = {**message, "headers": [*message["headers"], *headers]}
    await send(message)


async def serve(
    handler: MethodHandler,
    scope: Scope,
    *,
    receive: Receive,
    send: Send,
    refuse: Callable[[Request, OAuthError], Reply],
) -> None:
    """Reads the request from ASGI, and sends the reply to it."""
    request = Request.of(scope)
    request.address = scope["valetkey.address"]
    set_caller(request)
    error: InvalidRequest | None = None
    try:
        if request.method in handler.methods:
            request.body = await read_body(receive)
    except HungUp:
        return
    except InvalidRequest as refused:
        error = refused
    reply = await respond(handler, request, error=error, refuse=refuse)
    if isinstance(reply, StreamReply):
        await send_streamed(reply, receive, send)
        return
    await send_reply(reply, send, bare=request.method == "HEAD")


def refuse_json(request: Request, error: OAuthError, *, headers: Headers = ()) -> Reply:
    """The refusal as JSON for the caller, and with its detail for the log."""
    more = {"interaction": request.interaction} if request.interaction else {}
    path = request.path[:MAX_PATH]
    client, why = request.claimed_client, error.log_text
    log.info("refused", path=path, error=error.code, detail=why, client=client, **more)
    return error_reply(error, headers=headers)


async def respond(
    handler: MethodHandler,
    request: Request,
    *,
    error: InvalidRequest | None = None,
    refuse: Callable[[Request, OAuthError], Reply] = refuse_json,
) -> Reply | StreamReply:
    """The reply to a request, whichever path it took. `error`: why the request was not read. Every
    exception becomes a registered error."""
    registered: OAuthError | None = error
    if registered is None:
        try:
            return check_method_and_size(request, handler) or await handler.handler(request)
        except Exception as failure:
            registered = as_oauth_error(failure, request)
    reply = (handler.refuse or refuse)(request, registered)
    # RFC 9110 15.5.9: the server no longer waits for the rest of the request.
    return reply.having(CLOSE) if registered.status == 408 else reply


def malformed_request(error: InvalidRequest, request_id: str) -> Reply:
    """The refusal of what never became a request, after which the connection ends."""
    log.info("refused", path="", error=error.code, detail=error.description, request_id=request_id)
    return error_reply(error).having(CLOSE)


def as_oauth_error(error: Exception, request: Request) -> OAuthError:
    """The error as the caller sees it. Logs what is not expected."""
    if isinstance(error, OAuthError):
        return error
    if isinstance(error, Unavailable):
        return TemporarilyUnavailable(detail=str(error))
    if isinstance(error, Unstorable):
        return InvalidRequest("a value cannot be stored", detail=str(error))
    log.exception("unexpected error", path=request.path)
    return ServerError(f"something went wrong here, request {request.id}", detail=request.id)


def check_method_and_size(request: Request, handler: MethodHandler) -> Reply | None:
    """The refusal of a method that the handler does not take, None for one that it takes. Raises
    InvalidRequest for a body that is too large."""
    if request.method not in handler.methods:
        allow = (b"allow", ", ".join(sorted(handler.methods)).encode())
        error = InvalidRequest("this method is not allowed here", status=405)
        return error_reply(error).having(allow)
    if len(request.body) > MAX_BYTES:
        raise InvalidRequest("the request is too large", status=413)
    return None


def caller(request: Request, trusted: Sequence[Network]) -> str:
    """The caller's address. X-Forwarded-For counts only from a trusted proxy, and only as far back
    as proxies are trusted (ATTACKS A14, A90)."""
    address = request.peer
    if not trusted:
        return address
    forwarded = request.joined(b"x-forwarded-for")
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
