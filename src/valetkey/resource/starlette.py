"""The kit for Starlette: a decorator for endpoints, and the two documents."""

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from valetkey.resource import interaction
from valetkey.resource.calls import of_scope
from valetkey.resource.documents import HEADERS, MEDIA, PREFLIGHT
from valetkey.resource.documents import documents as told
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.marks import Mark, marked, open_to_all
from valetkey.resource.need import Spend, need
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
        acr: str | Iterable[str] = (),
        max_age: int | None = None,
        spend: Spend | None = None,
    ) -> Callable[[AnyEndpoint], Endpoint]:
        """The endpoint runs only for a key that opens all of the permissions, within the limits
        that the user has set, and whose user signed in by one of these `acr`, at most `max_age`
        seconds ago (RFC 9470). The caller is `request.state.principal`. `spend` tells how much a
        call is about, for a permission that has a unit. A permission that is given in full is
        declared by that. Raises ValueError at once for a name that the catalog lacks, or whose
        amount is not told."""
        wanted = need(self._server, permissions, acr=acr, max_age=max_age, spend=spend)

        def guard(endpoint: AnyEndpoint) -> Endpoint:
            @functools.wraps(endpoint)
            async def guarded(request: Request) -> Response:
                told = {interaction.HEADER: interaction.of_scope(request.scope)}
                try:
                    call = of_scope(request.scope)
                    request.state.principal = await self._server.admit(call, wanted, request)
                    response = await _called(endpoint, request)
                except (Refused, Unreachable) as refusal:
                    response = answer(refusal)
                except HTTPException as error:
                    error.headers = {**(error.headers or {}), **told}
                    raise
                response.headers.update(told)
                return response

            return marked(guarded, Mark(wanted.permissions, self._server))

        return guard


async def _called(endpoint: AnyEndpoint, request: Request) -> Response:
    made = (
        endpoint(request)
        if inspect.iscoroutinefunction(endpoint)
        else await run_in_threadpool(endpoint, request)
    )
    return made if isinstance(made, Response) else await made


def answer(refusal: Refused | Unreachable) -> Response:
    """The refusal as a response."""
    return JSONResponse(refusal.body, status_code=refusal.status, headers=refusal.headers)


def lifespan(server: ResourceServer) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """For `Starlette(lifespan=…)` or `FastAPI(lifespan=…)`: follows the change log meanwhile, and
    lets go of connections at the end."""

    @asynccontextmanager
    async def running(app: Any) -> AsyncIterator[None]:
        server.start()
        yield
        await server.close()

    return running


def documents(server: ResourceServer) -> list[Route]:
    """The routes of the API's metadata (RFC 9728) and of its catalog, by itself and as the metadata
    of its type of authorization details, as they are when asked: a permission may be declared later
    than this."""
    return [_document(address, document) for address, document in told(server).values()]


def _document(address: str, document: Callable[[], Any]) -> Route:
    @open_to_all
    async def published(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=PREFLIGHT)
        return Response(msgspec.json.encode(document()), media_type=MEDIA, headers=HEADERS)

    return Route(path(address), published, methods=["GET", "OPTIONS"])
