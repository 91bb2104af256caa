"""The kit for any ASGI application: a wrapper that only calls with the right tokens can reach.

needs = Needs(server)
app = needs("chirps.read")(app)
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias, Unpack

import msgspec

from valetkey.resource.calls import of_scope, with_id
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.marks import Mark, marked
from valetkey.resource.need import Conditions, Need
from valetkey.resource.server import ResourceServer
from valetkey.wire.catalog import Permission

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

PRINCIPAL: Final = "valetkey.principal"
"""The key of the caller in the scope."""


class Needs:
    """Makes the wrapper for one API."""

    def __init__(self, server: ResourceServer) -> None:
        self._server = server

    def __call__(
        self,
        *permissions: str | Permission,
        **conditions: Unpack[Conditions],
    ) -> Callable[[Application], Application]:
        """A wrapper as with `valetkey.resource.starlette`; `spend` gets the scope. The caller is
        `scope["valetkey.principal"]`. A websocket is refused; the lifespan passes."""
        need = self._server.need(*permissions, **conditions)
        return lambda app: marked(
            GuardedAsgiApp(app, self._server, need), Mark(need.permissions, self._server)
        )


class GuardedAsgiApp:
    """An ASGI application behind a need."""

    def __init__(self, app: Application, server: ResourceServer, need: Need) -> None:
        self._app = app
        self._server = server
        self._need = need

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            # A socket that is closed before it is accepted is answered with 403.
            await send({"type": "websocket.close", "code": 1008})
            return
        send = with_id(scope, send)
        try:
            principal = await self._server.verify_call(of_scope(scope), self._need, scope)
        except (Refused, Unreachable) as refusal:
            await refuse(refusal, send)
            return
        await self._app({**scope, PRINCIPAL: principal}, receive, send)


async def refuse(refusal: Refused | Unreachable, send: Send) -> None:
    """Sends the refusal."""
    body = msgspec.json.encode(refusal.body)
    headers = {
        **refusal.headers,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    told = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": told})
    await send({"type": "http.response.body", "body": body})
