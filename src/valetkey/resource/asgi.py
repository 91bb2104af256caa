"""The kit for any ASGI application: wrapped, it is reached by good keys only.

needs = Needs(server)
app = needs("chirps.read")(app)
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final, TypeAlias

import msgspec

from valetkey.resource.calls import of_scope
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.interaction import with_id
from valetkey.resource.marks import Mark, marked
from valetkey.resource.need import Need, Spend, need
from valetkey.resource.server import ResourceServer
from valetkey.wire.catalog import Permission

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

PRINCIPAL: Final = "valetkey.principal"
"""Where the caller stands in the scope."""


class Needs:
    """Makes the wrapper for one API."""

    def __init__(self, server: ResourceServer) -> None:
        self._server = server

    def __call__(
        self,
        *permissions: str | Permission,
        acr: str | Iterable[str] = (),
        max_age: int | None = None,
        spend: Spend | None = None,
    ) -> Callable[[Application], Application]:
        """The application is called only for a key that opens all of the permissions, as with
        `valetkey.resource.starlette`; `spend` is asked about the scope. The caller is
        `scope["valetkey.principal"]`. What is no HTTP request is refused, except for the
        lifespan."""
        wanted = need(self._server, permissions, acr=acr, max_age=max_age, spend=spend)
        return lambda app: marked(
            Guarded(app, self._server, wanted), Mark(wanted.permissions, self._server)
        )


class Guarded:
    """An ASGI application behind a need."""

    def __init__(self, app: Application, server: ResourceServer, wanted: Need) -> None:
        self._app = app
        self._server = server
        self._wanted = wanted

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
            principal = await self._server.admit(of_scope(scope), self._wanted, scope)
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
