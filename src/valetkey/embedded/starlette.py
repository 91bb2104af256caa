"""The server in Starlette and FastAPI: routes, and a lifespan around the application's own."""

import contextlib
import inspect
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from valetkey.embedded.host import HostSession
from valetkey.server.http.base_path import WELL_KNOWN

if TYPE_CHECKING:
    from valetkey.embedded.application import Valetkey


def install_in_starlette(valetkey: "Valetkey", app: Starlette, at: str) -> None:
    """Adds the routes before all others, and the server's start and end to the lifespan."""
    app.router.routes[:0] = [
        Route(at, StarletteHost(valetkey)),
        Route(f"{at}/{{rest:path}}", StarletteHost(valetkey)),
        # RFC 8414 3.1: apps look for the metadata at the root of the host.
        Route(f"{WELL_KNOWN}{{document}}{valetkey.base}", StarletteHost(valetkey)),
    ]
    own: Callable[[Any], contextlib.AbstractAsyncContextManager[Any]] = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def both(app: Any) -> AsyncIterator[Any]:
        async with valetkey.running(), own(app) as state:
            yield state

    app.router.lifespan_context = both


class StarletteHost:
    """The server as an endpoint of the application, behind its middleware."""

    def __init__(self, valetkey: "Valetkey") -> None:
        self._valetkey = valetkey

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        valetkey, request = self._valetkey, Request(scope, receive)
        path = _path(valetkey.base, scope["path_params"])
        host_session = HostSession(None)
        if valetkey.needs_user(path):
            host_session = HostSession(await _call(valetkey.signed_in, request))

        async def send_signing_out(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and host_session.ends and valetkey.sign_out:
                # Before the head of the reply, which has the host's cookies.
                await _call(valetkey.sign_out, request)
            await send(message)

        inner = {**scope, "path": path, "root_path": ""}
        await valetkey.serve(inner, receive, send_signing_out, host_session=host_session)


def _path(base: str, parts: Mapping[str, str]) -> str:
    """The path with that of the issuer, whatever the host's proxy has taken off."""
    if "document" in parts:
        return f"{base}{WELL_KNOWN}{parts['document']}"
    return f"{base}/{parts.get('rest', '')}"


async def _call(function: Callable[[Request], Any], request: Request) -> Any:
    """Calls a function of the host; one that is not async, in a thread."""
    if inspect.iscoroutinefunction(function):
        return await function(request)
    answer = await run_in_threadpool(function, request)
    return await answer if inspect.isawaitable(answer) else answer
