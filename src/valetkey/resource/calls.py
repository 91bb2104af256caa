"""A call, read from an ASGI scope or a WSGI environment."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from os import urandom
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import msgspec

from valetkey.wire import client_certificate, dpop
from valetkey.wire.bearer import HEADER, make, read

# RFC 3986 3.3: what a path may hold as it is.
_PLAIN: Final = "/:@!$&'()*+,;=~"

_HEADERS: Final = tuple(
    name.lower().encode() for name in ("Authorization", dpop.HEADER, client_certificate.HEADER)
)
_AUTHORIZATION, _PROOF, _CERTIFICATE = _HEADERS


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What an API reads of a call. `path` is as it was sent, with its escapes. `proofs` has every
    DPoP header. `peer` is the address at the other end of the connection, and `certificate` its
    `Client-Cert` header."""

    method: str
    path: str
    query: str = ""
    authorization: str = ""
    proofs: tuple[str, ...] = ()
    peer: str = ""
    certificate: str = ""

    def __repr__(self) -> str:
        return f"Call({self.method} {self.path})"


def of_scope(scope: MutableMapping[str, Any]) -> Call:
    """The call behind an ASGI scope."""
    headers: dict[bytes, list[str]] = {name: [] for name in _HEADERS}
    for name, value in scope["headers"]:
        if name in headers:
            headers[name].append(value.decode("latin-1"))
    raw = scope.get("raw_path") or quote(scope["path"], safe=_PLAIN).encode()
    # RFC 9110 5.3: a repeated header is joined, and then refused as malformed.
    return Call(
        method=scope.get("method", "GET"),
        path=raw.decode("ascii", "replace"),
        query=scope["query_string"].decode("latin-1"),
        authorization=", ".join(headers[_AUTHORIZATION]),
        proofs=tuple(headers[_PROOF]),
        peer=scope["client"][0] if scope.get("client") else "",
        certificate=", ".join(headers[_CERTIFICATE]),
    )


def of_environ(environ: Mapping[str, Any]) -> Call:
    """The call behind a WSGI environment, where the values of a repeated header are joined by
    commas: tokens and proofs contain none."""
    proofs = environ.get(_name(dpop.HEADER), "")
    return Call(
        method=environ["REQUEST_METHOD"],
        path=_raw(environ),
        query=environ.get("QUERY_STRING", ""),
        authorization=environ.get("HTTP_AUTHORIZATION", ""),
        proofs=tuple(proofs.split(",")) if proofs else (),
        peer=environ.get("REMOTE_ADDR", ""),
        certificate=environ.get(_name(client_certificate.HEADER), ""),
    )


def _name(header: str) -> str:
    return f"HTTP_{header.upper().replace('-', '_')}"


def _raw(environ: Mapping[str, Any]) -> str:
    """The path as it was sent, if the server has it; otherwise with the usual escapes."""
    for name in ("RAW_URI", "REQUEST_URI"):
        raw = environ.get(name, "")
        if raw.startswith("/"):
            path: str = raw.partition("?")[0]
            return path
    # PEP 3333: bytes that pass for latin-1.
    whole = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return quote(whole.encode("latin-1"), safe=_PLAIN)


# The header `x-fapi-interaction-id` of every reply: both sides find the call by it in their logs
# (FAPI 1.0 Baseline 6.2.1).


INTERACTION_HEADER: Final = HEADER

Message: TypeAlias = MutableMapping[str, Any]
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_NAME: Final = HEADER.encode()
_VARIABLE: Final = f"HTTP_{HEADER.upper().replace('-', '_')}"


def scope_interaction_id(scope: Scope) -> str:
    """The id for the call behind an ASGI scope."""
    values = [value for name, value in scope["headers"] if name == _NAME]
    return (read(values[0].decode("latin-1")) if len(values) == 1 else "") or make(urandom(16))


def environ_interaction_id(environ: Mapping[str, Any]) -> str:
    """The id for the call behind a WSGI environment."""
    return read(environ.get(_VARIABLE, "")) or make(urandom(16))


def with_id(scope: Scope, send: Send) -> Send:
    """A `send` that adds the interaction id of the call to its reply."""
    header = (_NAME, scope_interaction_id(scope).encode())

    async def send_with_id(message: Message) -> None:
        if message["type"] == "http.response.start":
            others = [one for one in message.get("headers", ()) if one[0].lower() != _NAME]
            message = {**message, "headers": [*others, header]}
        await send(message)

    return send_with_id


class WithInteractionId:
    """An ASGI application that adds the interaction id to all replies."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, with_id(scope, send) if scope["type"] == "http" else send)
