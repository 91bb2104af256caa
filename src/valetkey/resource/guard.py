"""The kit for an API in any language: a proxy asks it for each call.

nginx (`auth_request`), Traefik (`ForwardAuth`) and Envoy (`ext_authz`) each describe the call in
headers of their own. The guard reads those of the configured proxy only: a caller could set the
others.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import msgspec

from valetkey.resource.binding import SenderProof
from valetkey.resource.calls import with_id
from valetkey.resource.errors import Refused, Unreachable
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
"""The headers of each proxy for the method and the address of the call. Envoy uses the method of
the call, and its path below /verify."""

REFUSAL: Final = b"x-valetkey-refusal"

LONGEST: Final = 1024
"""Characters of that header. The challenge says the same, and nginx has one buffer of 4 KiB for all
headers of an answer."""

SHORT: Final = frozenset({"error", "error_description", "reason"})

_METHOD: Final = re.compile(r"[A-Z]{1,20}", re.ASCII)


class UnclearCall(Exception):
    """The proxy does not name the call, or not clearly."""


class ProxiedCall(msgspec.Struct, frozen=True):
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
            headers_with_length = [*headers, (b"content-length", str(len(body)).encode())]
            send = with_id(scope, send)
            await send(
                {"type": "http.response.start", "status": status, "headers": headers_with_length}
            )
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
            # nginx knows 401 and 403, and turns every other status into 500.
            status = 401 if refusal.status == 400 else refusal.status
            headers = [
                (name.lower().encode(), value.encode()) for name, value in refusal.headers.items()
            ]
            return (
                status,
                [*headers, *_refusal_headers(refusal.body)],
                msgspec.json.encode(refusal.body),
            )
        except UnclearCall as why:
            body = {"error": "access_denied", "error_description": str(why)}
            return 403, _refusal_headers(body), msgspec.json.encode(body)
        return 200, _passes(caller), b""

    def _route(self, call: ProxiedCall) -> Route:
        """The route of the call. Raises UnclearCall if there is none: such calls are refused."""
        route = self._table.find(call.method, call.path)
        if route is None:
            raise UnclearCall("no route fits")
        return route

    async def _caller(self, scope: Scope, call: ProxiedCall, route: Route) -> Principal:
        """The caller, once the limits of the user are counted. Raises Refused, Unreachable."""
        proofs = tuple(value.decode("latin-1") for value in _values(scope, b"dpop"))
        caller = await self._server.verify(
            _one(scope, b"authorization"),
            needs=route.needs,
            query=call.query,
            sender_proof=SenderProof(method=call.method, path=call.path, proofs=proofs),
        )
        await self._server.spend(caller, route.needs)
        return caller

    def _call(self, scope: Scope) -> ProxiedCall:
        """The call that the proxy asks about. Raises UnclearCall."""
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
            raise UnclearCall("the call is not named, or not clearly")
        return ProxiedCall(method, path, query)


def _refusal_headers(body: Mapping[str, str | int]) -> Headers:
    """The media type of the body, and the body once more as a header: nginx reads no other part of
    an answer to `auth_request`. A long body is shortened, for nginx's buffer."""
    text = json.dumps(body)
    if len(text) > LONGEST:
        text = json.dumps({name: one for name, one in body.items() if name in SHORT})
    return [(b"content-type", b"application/json"), (REFUSAL, text.encode())]


def _passes(caller: Principal | None) -> Headers:
    """The caller, for the API. All headers are always set, so that the caller's own never count."""
    fields = {
        b"x-valetkey-sub": caller.sub if caller else "",
        b"x-valetkey-user": quote(caller.user) if caller else "",
        b"x-valetkey-client": caller.client_id if caller else "",
        b"x-valetkey-grant": caller.grant_id if caller else "",
        b"x-valetkey-permissions": " ".join(sorted(caller.permissions)) if caller else "",
    }
    return [
        *((name, value.encode()) for name, value in fields.items()),
        (b"cache-control", b"no-store"),
    ]


def _values(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]


def _one(scope: Scope, name: bytes) -> str:
    """The value of a header; "" if it is missing. Raises UnclearCall if it is repeated."""
    values = _values(scope, name)
    if len(values) > 1:
        raise UnclearCall(f"the header {name.decode()} is repeated")
    return values[0].decode("latin-1") if values else ""
