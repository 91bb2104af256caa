"""The kit for Starlette: a decorator for endpoints, and the two documents."""

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, TypeAlias, Unpack

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Host, Mount, Route, WebSocketRoute

from valetkey.resource import calls
from valetkey.resource.calls import of_scope
from valetkey.resource.documents import HEADERS, MEDIA, PREFLIGHT
from valetkey.resource.documents import documents as published_documents
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.marks import Mark, marked, marks, open_to_all
from valetkey.resource.middleware import GuardedRoute
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
                headers = {calls.INTERACTION_HEADER: calls.scope_interaction_id(request.scope)}
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


# The routes of Starlette and FastAPI applications, for `check`.

OF_FASTAPI: Final = frozenset({"openapi", "swagger_ui_html", "swagger_ui_redirect", "redoc_html"})
"""FastAPI's own documentation routes: they need no permission."""

METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options", "trace")
"""Handlers of a class-based endpoint."""


def walk(routes: list[BaseRoute], prefix: str) -> Iterator[GuardedRoute]:
    """The routes of a Starlette or FastAPI application, and of those that it mounts."""
    for route in routes:
        match route:
            case Route() if route.name in OF_FASTAPI and not route.include_in_schema:
                yield GuardedRoute(path=prefix + route.path, methods=("GET",), marks=(Mark(()),))
            case Route():
                yield from _route(route, prefix)
            case WebSocketRoute():
                route_marks = (*marks(route.endpoint), *_depended(route))
                yield GuardedRoute(
                    path=prefix + route.path, methods=("WEBSOCKET",), marks=route_marks
                )
            case Mount() | Host():
                yield from _mounted(route, prefix)
            case _ if hasattr(route, "effective_candidates"):
                yield from _included(route, prefix)
            case _:
                yield GuardedRoute(path=f"{prefix}/?", methods=(type(route).__name__,), marks=())


def _included(router: Any, prefix: str) -> Iterator[GuardedRoute]:
    """The routes of a router that FastAPI included. Each has its whole path, and the dependencies
    of the routers around it."""
    for one in router.effective_candidates():
        if hasattr(one, "effective_candidates"):
            yield from _included(one, prefix)
        elif one.endpoint is not None and one.dependant is not None:
            methods = tuple(sorted(one.methods - {"HEAD"})) or ("HEAD",)
            route_marks = (*marks(one.endpoint), *_depended(one))
            yield GuardedRoute(path=prefix + one.path, methods=methods, marks=route_marks)
        else:
            yield from walk([one.starlette_route or one.original_route], prefix)


def _route(route: Route, prefix: str) -> Iterator[GuardedRoute]:
    path, endpoint = prefix + route.path, route.endpoint
    if isinstance(endpoint, type):
        for name in METHODS:
            handler = getattr(endpoint, name, None)
            if handler is not None:
                route_marks = (*marks(endpoint), *marks(handler))
                yield GuardedRoute(path=path, methods=(name.upper(),), marks=route_marks)
        return
    methods = tuple(sorted((route.methods or {"*"}) - {"HEAD"})) or ("HEAD",)
    route_marks = (*marks(endpoint), *_depended(route))
    yield GuardedRoute(path=path, methods=methods, marks=route_marks)


def _mounted(route: Mount | Host, prefix: str) -> Iterator[GuardedRoute]:
    path = prefix + (route.path if isinstance(route, Mount) else "")
    inside = route.routes
    if inside:
        yield from walk(list(inside), path)
    else:
        yield GuardedRoute(path=f"{path}/…", methods=("*",), marks=marks(route.app))


def _depended(route: Any) -> Iterator[Mark]:
    """The marks in the dependencies of a FastAPI route, at any depth."""
    todo = [getattr(route, "dependant", None)]
    while todo:
        one = todo.pop()
        if one is None:
            continue
        todo.extend(one.dependencies)
        for mark in marks(one.call):
            scopes = (*(one.parent_oauth_scopes or ()), *(one.own_oauth_scopes or ()))
            yield Mark(tuple(scopes) or mark.permissions, mark.server)
