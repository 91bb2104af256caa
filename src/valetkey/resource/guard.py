"""The kit for an API in any language: a proxy asks, for each call, whether it may pass.

nginx (`auth_request`), Traefik (`ForwardAuth`) and Envoy (`ext_authz`) each tell in their own way
which call it is. Just one of these is believed, the one that is set: what another would say may be
the caller's own words.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, TypeAlias

import msgspec

from valetkey.resource.binding import Shown
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.interaction import with_id
from valetkey.resource.principal import Principal
from valetkey.resource.routes import Proxy, Route, Table, is_doubtful
from valetkey.resource.server import ResourceServer

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers: TypeAlias = list[tuple[bytes, bytes]]

VERIFY: Final = "/verify"

SAYS: Final[dict[Proxy, tuple[bytes, bytes]]] = {
    "nginx": (b"x-original-method", b"x-original-uri"),
    "traefik": (b"x-forwarded-method", b"x-forwarded-uri"),
}
"""In which headers a proxy names the method and the address of the call. Envoy asks with the very
method, and below /verify with the very path."""

REFUSAL: Final = b"x-valetkey-refusal"

LONGEST: Final = 1024
"""Characters of that header. The challenge says the same, and nginx wants all headers of an answer
in one buffer of 4 KiB."""

SHORT: Final = frozenset({"error", "error_description", "reason"})

_METHOD: Final = re.compile(r"[A-Z]{1,20}", re.ASCII)


class NotSaid(Exception):
    """The proxy did not say which call it is, or not clearly."""


class Call(msgspec.Struct, frozen=True):
    """The call that a proxy asks about."""

    method: str
    path: str
    query: str


class Guard:
    """The ASGI application: `/verify`, and `/healthz`."""

    def __init__(self, server: ResourceServer, routes: tuple[Route, ...], proxy: Proxy) -> None:
        self._server = server
        self._table = Table(routes)
        self._proxy: Proxy = proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            status, headers, body = await self._answer(scope)
            told = [*headers, (b"content-length", str(len(body)).encode())]
            send = with_id(scope, send)
            await send({"type": "http.response.start", "status": status, "headers": told})
            await send({"type": "http.response.body", "body": body})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._server.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._server.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: Scope) -> tuple[int, Headers, bytes]:
        path = scope["path"]
        if path == "/healthz":
            return 200, [(b"cache-control", b"no-store")], b""
        if path != VERIFY and not (self._proxy == "envoy" and path.startswith(f"{VERIFY}/")):
            return 404, [], b""
        try:
            call = self._call(scope)
            route = self._route(call)
            caller = None if route.open else await self._caller(scope, call, route)
        except (Refused, Unreachable) as refusal:
            # nginx knows 401 and 403; whatever else becomes 500 there.
            status = 401 if refusal.status == 400 else refusal.status
            named = [
                (name.lower().encode(), value.encode()) for name, value in refusal.headers.items()
            ]
            return (
                status,
                [*named, *_refusal_headers(refusal.body)],
                msgspec.json.encode(refusal.body),
            )
        except NotSaid as why:
            said = {"error": "access_denied", "error_description": str(why)}
            return 403, _refusal_headers(said), msgspec.json.encode(said)
        return 200, _passes(caller), b""

    def _route(self, call: Call) -> Route:
        """What the call needs. Raises NotSaid where no route fits: what nobody thought of is
        closed."""
        route = self._table.find(call.method, call.path)
        if route is None:
            raise NotSaid("no route fits")
        return route

    async def _caller(self, scope: Scope, call: Call, route: Route) -> Principal:
        """Who calls, once what the user has limited is counted. Raises Refused, Unreachable."""
        proofs = tuple(value.decode("latin-1") for value in _values(scope, b"dpop"))
        caller = await self._server.verify(
            _one(scope, b"authorization"),
            needs=route.needs,
            query=call.query,
            shown=Shown(method=call.method, path=call.path, proofs=proofs),
        )
        await self._server.spend(caller, route.needs)
        return caller

    def _call(self, scope: Scope) -> Call:
        """What the proxy asks about. Raises NotSaid."""
        if self._proxy == "envoy":
            method = scope["method"]
            raw = scope.get("raw_path") or scope["path"].encode()
            path = raw.decode("latin-1").removeprefix(VERIFY)
            query = scope["query_string"].decode("latin-1")
        else:
            says_method, says_address = SAYS[self._proxy]
            method = _one(scope, says_method)
            path, _, query = _one(scope, says_address).partition("?")
        if not _METHOD.fullmatch(method) or is_doubtful(path):
            raise NotSaid("the call is not named, or not clearly")
        return Call(method, path, query)


def _refusal_headers(body: Mapping[str, str | int]) -> Headers:
    """The type of the body, and the body once more as a header: nginx reads no other part of an
    answer to `auth_request`. What is too long for its buffer is left out."""
    text = json.dumps(body)
    if len(text) > LONGEST:
        text = json.dumps({name: one for name, one in body.items() if name in SHORT})
    return [(b"content-type", b"application/json"), (REFUSAL, text.encode())]


def _passes(caller: Principal | None) -> Headers:
    """Who calls, for the API. All are always there, so that a caller's own never pass for them."""
    told = {
        b"x-valetkey-sub": caller.sub if caller else "",
        b"x-valetkey-client": caller.client_id if caller else "",
        b"x-valetkey-grant": caller.grant_id if caller else "",
        b"x-valetkey-permissions": " ".join(sorted(caller.permissions)) if caller else "",
    }
    return [
        *((name, value.encode()) for name, value in told.items()),
        (b"cache-control", b"no-store"),
    ]


def _values(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]


def _one(scope: Scope, name: bytes) -> str:
    """The value of a header, "" where it is missing. Raises NotSaid where it stands twice."""
    values = _values(scope, name)
    if len(values) > 1:
        raise NotSaid(f"the header {name.decode()} stands twice")
    return values[0].decode("latin-1") if values else ""
