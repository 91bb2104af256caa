"""A request, and its body, read within limits."""

import asyncio
import os
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from enum import StrEnum
from functools import cached_property
from random import Random
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import unquote_plus

from valetkey.jose import base64url
from valetkey.jose.objects import read_object
from valetkey.server.model.audit import AuditActor
from valetkey.server.store.read_cache import is_client
from valetkey.spec.errors import InvalidRequest, OAuthError
from valetkey.wire.form import MAX_BYTES, REPEATABLE, Form, parse_form

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

FORM: Final = "application/x-www-form-urlencoded"

MAX_NAMED: Final = 8192
"""Bytes of a body that is searched for a client's name: a large one would be parsed twice."""

REQUEST_SECONDS: Final = 20.0
"""Seconds in which a request has to be complete: 64 KB are, on any line (ATTACKS A87)."""


class HungUp(Exception):
    """The caller hung up before the request was complete."""


REQUEST_ID: Final = b"request-id"
"""The header of an answer that has the id of its request."""

# Quick, and no secret: an id names a request, and opens nothing.
_RANDOM: Final = Random()  # noqa: S311


class _Process:
    """The first digits of the ids of this process. A forked one gets its own."""

    prefix = os.urandom(4).hex()


def _after_fork() -> None:
    _RANDOM.seed()
    _Process.prefix = os.urandom(4).hex()


os.register_at_fork(after_in_child=_after_fork)


def new_request_id() -> str:
    """A new id, of 24 hexadecimal digits, which is no secret.

    The server makes them all. What a caller sends as an id of its own is neither used nor echoed:
    two requests would have the same id, and a stranger would write in the log."""
    return _Process.prefix + _RANDOM.getrandbits(64).to_bytes(8, "big").hex()


class Request:
    """One request. `id` is in its answer, in log lines and in audit records. `peer` is the address
    of the other end of the connection, which may be a proxy. `address` is the caller's, as the
    nearest trusted proxy forwards it."""

    path_parameters: Mapping[str, str] = {}
    """The variable segments of a page's path, by name."""

    raw_path = b""
    """The path as it was sent, with the base; b"" if unknown."""

    interaction = ""
    """The interaction identifier in the reply (FAPI 1.0 Baseline 6.2.1), "" for none."""

    language = ""
    """The language that the signed-in user chose, "" for no choice."""

    zone = ""
    """The time zone that the signed-in user chose, "" for no choice."""

    session_id = ""
    """The id of the session of the user who is signed in, "" for nobody."""

    audit_actor: AuditActor | None = None
    """Who acts, if that is not the person whom an event is about."""

    new_browser_secret = ""
    """The secret that this reply sets for a new browser, "" for one that has a secret."""

    def __init__(
        self,
        method: str,
        path: str,
        *,
        query: bytes = b"",
        headers: list[tuple[bytes, bytes]],
        peer: str = "",
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.id = new_request_id()
        self.body = b""
        self.address = self.peer = peer
        self._headers = headers
        self._last = dict(headers)
        self._read_form: tuple[bytes, Form] | None = None

    @classmethod
    def of(cls, scope: Scope) -> "Request":
        """The request of an ASGI scope, before its body is read."""
        peer = (scope.get("client") or ("",))[0]
        query, headers = scope["query_string"], scope["headers"]
        one = cls(scope["method"], scope["path"], query=query, headers=headers, peer=peer)
        one.path_parameters = scope.get("path_params", {})
        one.raw_path = scope.get("raw_path") or b""
        if request_id := scope.get("valetkey.request_id"):
            one.id = request_id
        return one

    def header(self, name: bytes) -> str:
        """The value of a header (lower-case name), "" if it is missing. Raises InvalidRequest if it
        is repeated: of two Authorization headers, which one was checked?"""
        value = self._last.get(name)
        if value is None:
            return ""
        if len(self._last) != len(self._headers) and self.times(name) > 1:
            raise InvalidRequest(f"the header {name.decode()} is repeated")
        return value.decode("latin-1")

    def times(self, name: bytes) -> int:
        """How often a header (lower-case name) occurs."""
        if len(self._last) == len(self._headers):
            return 1 if name in self._last else 0
        return [key for key, _ in self._headers].count(name)

    def head_size(self) -> int:
        """Bytes of the headers' names and values, all together."""
        size = 0
        for name, value in self._headers:
            size += len(name) + len(value)
        return size

    def has_any(self, names: frozenset[bytes]) -> bool:
        """Whether any of these headers (lower-case names) is present."""
        return not names.isdisjoint(self._last)

    def values(self, name: bytes) -> tuple[str, ...]:
        """Every value of a header (lower-case name), in order."""
        if name not in self._last:
            return ()
        return tuple(value.decode("latin-1") for key, value in self._headers if key == name)

    def joined(self, name: bytes) -> str:
        """All values of a header that is a list, joined by commas (RFC 9110 5.3)."""
        if name not in self._last:
            return ""
        return ",".join(self.values(name))

    @cached_property
    def cookies(self) -> dict[str, str]:
        """The cookies by name (RFC 6265 4.2.1). An unreadable one hides no other: a sibling site
        may set anything."""
        values = [value.decode("latin-1") for key, value in self._headers if key == b"cookie"]
        pairs = [pair.partition("=") for pair in ";".join(values).split(";")]
        return {name.strip(): value.strip() for name, _, value in pairs}

    @property
    def agent(self) -> str:
        """The client's program, as it names itself."""
        return self._last.get(b"user-agent", b"").decode("latin-1")

    @property
    def claimed_client(self) -> str:
        """The client or API that the request names, for the log: nobody has checked that it is
        theirs. "" for none, and for a name that no client has, which may be a secret."""
        try:
            name = self._basic_user() or self._parameter("client_id") or self._assertion_subject()
        except (OAuthError, ValueError, AttributeError):
            return ""  # Refused for that very reason.
        return name if is_client(name) else ""

    def _basic_user(self) -> str:
        scheme, _, encoded = self._last.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"basic":
            return ""
        return unquote_plus(b64decode(encoded).decode().partition(":")[0])

    def _assertion_subject(self) -> str:
        payload = self._parameter("client_assertion").partition(".")[2].partition(".")[0]
        return str(read_object(base64url.decode(payload)).get("sub", "")) if payload else ""

    def _parameter(self, name: str) -> str:
        if len(self.body) > MAX_NAMED:
            return ""
        if self.body and self.is_form:
            return self.form().get(name, "")
        return self.parameters().get(name, "") if self.query else ""

    @property
    def is_form(self) -> bool:
        """Whether the content type is that of a form."""
        content_type = self.header(b"content-type")
        return content_type == FORM or content_type.partition(";")[0].strip().lower() == FORM

    def form(self, *, repeatable: frozenset[str] = REPEATABLE) -> Form:
        """The form in the body. Raises InvalidRequest (415 for another content type)."""
        if not self.is_form:
            raise InvalidRequest(f"the body must be {FORM}", status=415)
        if repeatable is not REPEATABLE:
            return parse_form(self.body, repeatable=repeatable)
        # Metrics and the log read it again after the endpoint.
        if self._read_form is None or self._read_form[0] is not self.body:
            self._read_form = self.body, parse_form(self.body)
        return self._read_form[1]

    def parameters(self) -> Form:
        """The parameters in the query. Raises InvalidRequest."""
        return parse_form(self.query)


M = TypeVar("M", bound=StrEnum)
D = TypeVar("D")


def member_of(kind: type[M], value: str, default: D) -> M | D:
    """The member of that value, as a parameter names it, or the default."""
    return kind(value) if value in {one.value for one in kind} else default


async def read_body(receive: Receive) -> bytes:
    """The whole body. Raises InvalidRequest for one over 64 KB (413) and for one that is not
    complete in time (408), HungUp."""
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return await _read(receive)
    except TimeoutError as error:
        raise too_slow() from error


def too_slow() -> InvalidRequest:
    """The error of a request that is not complete in time."""
    return InvalidRequest("the request came too slowly", status=408)


async def _read(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HungUp
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BYTES:
            raise InvalidRequest("the request is too large", status=413)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
