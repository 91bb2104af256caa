"""The kit for MCP servers: a `TokenVerifier`, and needs for single tools.

    guard = McpGuard(server)
    mcp = MCPServer("Notes", token_verifier=guard, auth=guard.settings())

    @mcp.tool()
    @guard.needs("notes.write")
    def write(text: str) -> str:
        author = caller().sub

    app = guard.around(mcp.streamable_http_app())

`around` refuses as an API does: a client learns from the 403 what a tool needs. It checks proofs
and certificates, and publishes the documents. Without it, sender-constrained tokens are refused,
and a call that is not allowed ends in an error of the tool."""

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final, TypeVar, Unpack, cast

import msgspec
from anyio import to_thread
from mcp.server.auth import provider
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import AnyHttpUrl, ConfigDict, Field

from valetkey.jose.objects import read_object
from valetkey.resource.asgi import Application, Receive, Scope, Send, refuse
from valetkey.resource.calls import Call, of_scope, with_id
from valetkey.resource.documents import HEADERS, MEDIA, PREFLIGHT, documents
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.marks import Mark, marked
from valetkey.resource.need import ANYHOW, Conditions, Need
from valetkey.resource.principal import Principal
from valetkey.resource.server import ResourceServer
from valetkey.wire.address import path as path_of
from valetkey.wire.catalog import Permission

MAX_BODY: Final = 4 * 1024 * 1024
"""Bytes of a message that is looked into: more than the SDK takes by itself."""

ANYBODY: Final = Need(permissions=(), sign_in=ANYHOW)
"""What a message needs that calls no guarded tool: a valid token."""

Tool = TypeVar("Tool", bound=Callable[..., Any])


class Key(provider.AccessToken):
    """An access token as the SDK knows it, with the caller. `checked` is the need that was checked
    already."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    token: str = Field(repr=False)
    principal: Principal
    checked: Need = ANYBODY


_KEY: Final[ContextVar[Key | None]] = ContextVar("valetkey key", default=None)


def caller() -> Principal:
    """Who called the tool. Raises LookupError outside a call."""
    key = get_access_token()
    if not isinstance(key, Key):
        raise LookupError("the call has no token of valetkey")
    return key.principal


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
        **conditions: Unpack[Conditions],
    ) -> Callable[[Tool], Tool]:
        """The tool runs only for callers that have all of the permissions, as in every framework;
        `spend` gets its arguments. Write it under `@mcp.tool()`."""
        need = self._server.need(*permissions, **conditions)

        def guard(tool: Tool) -> Tool:
            self._tools[tool.__name__] = need

            @functools.wraps(tool)
            async def guarded(*args: Any, **kwargs: Any) -> Any:
                await self._check(need, kwargs)
                if inspect.iscoroutinefunction(tool):
                    return await tool(*args, **kwargs)
                return await to_thread.run_sync(functools.partial(tool, *args, **kwargs))

            return cast(Tool, marked(guarded, Mark(need.permissions, self._server)))

        return guard

    async def verify_token(self, token: str) -> provider.AccessToken | None:
        """The method that the SDK calls: the key behind a bearer token; None for an invalid one."""
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

    async def verify_message(self, call: Call, message: bytes) -> Key:
        """The key behind a call with this message. Raises Refused, Unreachable."""
        name, arguments = _called(message)
        need = self._tools.get(name, ANYBODY)
        principal = await self._server.verify_call(call, need, arguments)
        return self._key(call.authorization.rpartition(" ")[2], principal, need)

    async def start(self) -> None:
        """As `ResourceServer.start`."""
        self._server.start()

    async def close(self) -> None:
        """As `ResourceServer.close`."""
        await self._server.close()

    def document(self, path: str) -> bytes | None:
        """What the API publishes at a path."""
        for address, document in documents(self._server).values():
            if path_of(address) == path:
                return msgspec.json.encode(document())
        return None

    async def _check(self, need: Need, arguments: dict[str, Any]) -> None:
        """Raises ToolError if the caller may not use the tool. `around` has checked it already, if
        it is in use."""
        key = get_access_token()
        if not isinstance(key, Key):
            raise ToolError("the call has no access token")
        if key.checked is need:
            return
        try:
            await self._server.verify_principal(key.principal, need, arguments)
        except (Refused, Unreachable) as refusal:
            raise ToolError(msgspec.json.encode(refusal.body).decode()) from refusal

    def _key(self, token: str, principal: Principal, checked: Need) -> Key:
        return Key(
            token=token,
            client_id=principal.client_id,
            scopes=sorted(principal.permissions),
            expires_at=principal.token.exp,
            resource=self._server.resource,
            subject=principal.sub,
            claims={"iss": self._server.issuer},
            principal=principal,
            checked=checked,
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
        document = self._guard.document(scope["path"])
        if document is not None:
            await _publish(document, send, preflight=scope["method"] == "OPTIONS")
            return
        body = await _body(receive)
        send = with_id(scope, send)
        try:
            key = await self._guard.verify_message(of_scope(scope), body)
        except (Refused, Unreachable) as refusal:
            await refuse(refusal, send)
            return
        token = _KEY.set(key)
        try:
            await self._app(_as_bearer(scope, key.token), _again(body, receive), send)
        finally:
            _KEY.reset(token)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._guard.start()
        try:
            await self._app(scope, receive, send)
        finally:
            await self._guard.close()


def _called(message: bytes) -> tuple[str, dict[str, Any]]:
    """The tool that a message calls, and its arguments; "" if it calls none. The SDK refuses a
    message that cannot be read."""
    try:
        body = read_object(message)
    except ValueError:
        return "", {}
    parameters = body.get("params")
    if body.get("method") != "tools/call" or not isinstance(parameters, dict):
        return "", {}
    name, arguments = parameters.get("name"), parameters.get("arguments")
    return name if isinstance(name, str) else "", arguments if isinstance(arguments, dict) else {}


def _as_bearer(scope: Scope, token: str) -> Scope:
    """The call with the token under the scheme that the SDK knows: it is verified already."""
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
    replayed = False

    async def received() -> Any:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": len(body) > MAX_BODY}

    return received


async def _publish(document: bytes, send: Send, *, preflight: bool) -> None:
    """Sends the document; for a `preflight` request, only the permission to read it."""
    headers = {**HEADERS, "Content-Type": MEDIA, "Content-Length": str(len(document))}
    status, document = (204, b"") if preflight else (200, document)
    headers = PREFLIGHT if preflight else headers
    header_list = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": header_list})
    await send({"type": "http.response.body", "body": document})
