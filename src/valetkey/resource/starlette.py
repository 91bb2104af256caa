"""The kit for Starlette: a decorator for endpoints, and the two documents."""

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias, Unpack

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from valetkey.resource import interaction
from valetkey.resource.calls import of_scope
from valetkey.resource.documents import HEADERS, MEDIA, PREFLIGHT
from valetkey.resource.documents import documents as published_documents
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.marks import Mark, marked, open_to_all
from valetkey.resource.need import Conditions
from valetkey.resource.server import ResourceServer
from valetkey.wire.address import path
from valetkey.wire.catalog import Permission

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
AnyEndpoint: TypeAlias = Callable[[Request], Awaitable[Response] | Response]


class Needs:
    """Makes the decorator for one API:

    needs = Needs(server)

    @needs("chirps.write")
    async def post(request: Request) -> Response:
        author = request.state.principal.sub
    """

    def __init__(self, server: ResourceServer) -> None:
        self._server = server

    def __call__(
        self,
        *permissions: str | Permission,
        **conditions: Unpack[Conditions],
    ) -> Callable[[AnyEndpoint], Endpoint]:
        """The endpoint runs only for callers that have all of the permissions, within the limits
        that the user has set. The caller is `request.state.principal`. See `Conditions` for the
        keywords. A Permission joins the catalog. Raises ValueError at once for a name that is not
        in the catalog, and for a permission with a unit and no `spend`."""
        need = self._server.need(*permissions, **conditions)

        def guard(endpoint: AnyEndpoint) -> Endpoint:
            @functools.wraps(endpoint)
            async def guarded(request: Request) -> Response:
                headers = {interaction.HEADER: interaction.of_scope(request.scope)}
                try:
                    call = of_scope(request.scope)
                    request.state.principal = await self._server.verify_call(call, need, request)
                    response = await _called(endpoint, request)
                except (Refused, Unreachable) as refusal:
                    response = answer(refusal)
                except HTTPException as error:
                    error.headers = {**(error.headers or {}), **headers}
                    raise
                response.headers.update(headers)
                return response

            return marked(guarded, Mark(need.permissions, self._server))

        return guard


async def _called(endpoint: AnyEndpoint, request: Request) -> Response:
    response = (
        endpoint(request)
        if inspect.iscoroutinefunction(endpoint)
        else await run_in_threadpool(endpoint, request)
    )
    return response if isinstance(response, Response) else await response


def answer(refusal: Refused | Unreachable) -> Response:
    """The refusal as a response."""
    return JSONResponse(refusal.body, status_code=refusal.status, headers=refusal.headers)


def lifespan(server: ResourceServer) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """A lifespan for `Starlette(lifespan=…)` or `FastAPI(lifespan=…)`: it follows the change log
    while the application runs, and closes connections at the end."""

    @asynccontextmanager
    async def running(app: Any) -> AsyncIterator[None]:
        server.start()
        yield
        await server.close()

    return running


def documents(server: ResourceServer) -> list[Route]:
    """The routes of the API's metadata (RFC 9728), of its catalog, and of the metadata of its
    authorization details type. Each request gets the present state: a permission may be declared
    later."""
    return [
        _document(address, document) for address, document in published_documents(server).values()
    ]


def _document(address: str, document: Callable[[], Any]) -> Route:
    @open_to_all
    async def published(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=PREFLIGHT)
        return Response(msgspec.json.encode(document()), media_type=MEDIA, headers=HEADERS)

    return Route(path(address), published, methods=["GET", "OPTIONS"])
