"""The kit for MCP servers: a `TokenVerifier`, and needs for single tools.

    guard = McpGuard(server)
    mcp = MCPServer("Notes", token_verifier=guard, auth=guard.settings())

    @mcp.tool()
    @guard.needs("notes.write")
    def write(text: str) -> str:
        author = caller().sub

    app = guard.around(mcp.streamable_http_app())

`around` refuses as an API does, so that a client learns from the 403 what a tool needs; it checks
proofs and certificates, and publishes the documents. Without it, tokens that are bound to a key are
refused, and a tool that is not allowed ends in an error of the tool.
"""

import functools
import inspect
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, Final, TypeVar, cast

import msgspec
from anyio import to_thread
from mcp.server.auth import provider
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import AnyHttpUrl, ConfigDict, Field

from valetkey.jose.objects import read_object
from valetkey.resource.asgi import Application, Receive, Scope, Send, refuse
from valetkey.resource.calls import Call, of_scope
from valetkey.resource.documents import HEADERS, MEDIA, PREFLIGHT, documents
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.interaction import with_id
from valetkey.resource.marks import Mark, marked
from valetkey.resource.need import Need, Spend, need
from valetkey.resource.principal import Principal
from valetkey.resource.server import ResourceServer
from valetkey.resource.step_up import ANYHOW
from valetkey.wire.address import path as path_of
from valetkey.wire.catalog import Permission

MAX_BODY: Final = 4 * 1024 * 1024
"""Bytes of a message that is looked into: more than the SDK takes by itself."""

ANYBODY: Final = Need(permissions=(), sign_in=ANYHOW)
"""What a message that calls no guarded tool needs: a good key."""

Tool = TypeVar("Tool", bound=Callable[..., Any])


class Key(provider.AccessToken):
    """A key as the SDK knows it, with the caller. `admitted` is what was asked of it already."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    token: str = Field(repr=False)
    principal: Principal
    admitted: Need = ANYBODY


_KEY: Final[ContextVar[Key | None]] = ContextVar("valetkey key", default=None)


def caller() -> Principal:
    """Who called the tool. Raises LookupError outside a call."""
    found = get_access_token()
    if not isinstance(found, Key):
        raise LookupError("no key of valetkey's was shown")
    return found.principal


class McpGuard:
    """One MCP server's guard: the `token_verifier` of the SDK, and what goes around its app."""

    def __init__(self, server: ResourceServer) -> None:
        self._server = server
        self._tools: dict[str, Need] = {}

    def settings(self, *required: str) -> AuthSettings:
        """The SDK's settings. `required` are permissions that each message needs."""
        return AuthSettings(
            issuer_url=AnyHttpUrl(self._server.issuer),
            resource_server_url=AnyHttpUrl(self._server.resource),
            validate_token_resource=True,
            required_scopes=list(required) or None,
        )

    def needs(
        self,
        *permissions: str | Permission,
        acr: str | Iterable[str] = (),
        max_age: int | None = None,
        spend: Spend | None = None,
    ) -> Callable[[Tool], Tool]:
        """The tool runs only for a key that opens all of the permissions, as in every framework;
        `spend` is asked about its arguments. Stands under `@mcp.tool()`."""
        wanted = need(self._server, permissions, acr=acr, max_age=max_age, spend=spend)

        def guard(tool: Tool) -> Tool:
            self._tools[tool.__name__] = wanted

            @functools.wraps(tool)
            async def guarded(*args: Any, **kwargs: Any) -> Any:
                await self._check(wanted, kwargs)
                if inspect.iscoroutinefunction(tool):
                    return await tool(*args, **kwargs)
                return await to_thread.run_sync(functools.partial(tool, *args, **kwargs))

            return cast(Tool, marked(guarded, Mark(wanted.permissions, self._server)))

        return guard

    async def verify_token(self, token: str) -> provider.AccessToken | None:
        """What the SDK asks: the key behind a bearer token, None for one that opens nothing."""
        key = _KEY.get()
        if key is not None and key.token == token:
            return key
        try:
            principal = await self._server.verify(f"Bearer {token}")
        except (Refused, Unreachable):
            return None
        return self._key(token, principal, ANYBODY)

    def around(self, app: Application) -> Application:
        """The SDK's application behind the guard."""
        return _Around(self, app)

    async def admitted(self, call: Call, message: bytes) -> Key:
        """The key behind a call with this message. Raises Refused, Unreachable."""
        name, arguments = _called(message)
        wanted = self._tools.get(name, ANYBODY)
        principal = await self._server.admit(call, wanted, arguments)
        return self._key(call.authorization.rpartition(" ")[2], principal, wanted)

    async def start(self) -> None:
        """Begins to follow the change log, where that is wanted."""
        self._server.start()

    async def close(self) -> None:
        """As `ResourceServer.close`."""
        await self._server.close()

    def document(self, path: str) -> bytes | None:
        """What the API publishes at a path."""
        for address, told in documents(self._server).values():
            if path_of(address) == path:
                return msgspec.json.encode(told())
        return None

    async def _check(self, wanted: Need, arguments: dict[str, Any]) -> None:
        """Raises ToolError where the caller may not use the tool; what was asked at the door is not
        asked twice."""
        found = get_access_token()
        if not isinstance(found, Key):
            raise ToolError("no key was shown")
        if found.admitted is wanted:
            return
        try:
            await self._server.allow(found.principal, wanted, arguments)
        except (Refused, Unreachable) as refusal:
            raise ToolError(msgspec.json.encode(refusal.body).decode()) from refusal

    def _key(self, token: str, principal: Principal, admitted: Need) -> Key:
        return Key(
            token=token,
            client_id=principal.client_id,
            scopes=sorted(principal.permissions),
            expires_at=principal.token.exp,
            resource=self._server.resource,
            subject=principal.sub,
            claims={"iss": self._server.issuer},
            principal=principal,
            admitted=admitted,
        )


class _Around:
    checked_as = "the MCPServer that it is around"

    def __init__(self, guard: McpGuard, app: Application) -> None:
        self._guard = guard
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        told = self._guard.document(scope["path"])
        if told is not None:
            await _publish(told, send, asked=scope["method"] == "OPTIONS")
            return
        body = await _body(receive)
        send = with_id(scope, send)
        try:
            key = await self._guard.admitted(of_scope(scope), body)
        except (Refused, Unreachable) as refusal:
            await refuse(refusal, send)
            return
        given = _KEY.set(key)
        try:
            await self._app(_as_bearer(scope, key.token), _again(body, receive), send)
        finally:
            _KEY.reset(given)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._guard.start()
        try:
            await self._app(scope, receive, send)
        finally:
            await self._guard.close()


def _called(message: bytes) -> tuple[str, dict[str, Any]]:
    """The tool that a message calls, and its arguments; "" where it calls none. What cannot be
    read, the SDK refuses."""
    try:
        body = read_object(message)
    except ValueError:
        return "", {}
    asked = body.get("params")
    if body.get("method") != "tools/call" or not isinstance(asked, dict):
        return "", {}
    name, arguments = asked.get("name"), asked.get("arguments")
    return name if isinstance(name, str) else "", arguments if isinstance(arguments, dict) else {}


def _as_bearer(scope: Scope, token: str) -> Scope:
    """The call with the key under the scheme that the SDK knows: it was proved already."""
    others = [one for one in scope["headers"] if one[0] != b"authorization"]
    return {**scope, "headers": [*others, (b"authorization", f"Bearer {token}".encode())]}


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more and len(body) <= MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """The same body once more, and then what comes after it."""
    told = False

    async def received() -> Any:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": len(body) > MAX_BODY}

    return received


async def _publish(document: bytes, send: Send, *, asked: bool) -> None:
    """The document, or for a browser that has only `asked`, that a page may read it."""
    headers = {**HEADERS, "Content-Type": MEDIA, "Content-Length": str(len(document))}
    status, document = (204, b"") if asked else (200, document)
    headers = PREFLIGHT if asked else headers
    told = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": document})
