"""Is every route guarded, and every permission asked for somewhere? For the API's own tests."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final

import msgspec
from starlette.routing import BaseRoute, Host, Mount, Route, WebSocketRoute

from valetkey.resource.marks import Mark, marks
from valetkey.resource.middleware import (
    GuardedRoute,
    of_django,
    of_flask,
    of_mcp,
    of_table,
    routes_of_mcp,
    whole,
)
from valetkey.resource.server import ResourceServer
from valetkey.wire.catalog import mistakes

OF_FASTAPI: Final = frozenset({"openapi", "swagger_ui_html", "swagger_ui_redirect", "redoc_html"})
"""Routes by which FastAPI documents itself: they open nothing."""

METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options", "trace")
"""Handlers of a class-based endpoint."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: each way in, each mistake in one sentence, and the APIs that guard."""

    routes: tuple[GuardedRoute, ...]
    mistakes: tuple[str, ...]
    servers: tuple[ResourceServer, ...] = ()


def check(app: Any) -> Report:
    """What is wrong with an application of Starlette, FastAPI or Flask, with Django's
    `urlpatterns`, with an `MCPServer`, or with an application of plain ASGI or WSGI: one that the
    kit is around as a whole, or a table of such, by path or by method and path. Raises TypeError
    for another."""
    routes = tuple(_ways(app))
    servers = tuple({id(one): one for one in _servers(routes)}.values())
    return Report(routes=routes, mistakes=tuple(_wrong(routes, servers)), servers=servers)


def _ways(app: Any) -> Iterator[GuardedRoute]:
    routes = getattr(app, "routes", None)
    if isinstance(routes, list) and all(isinstance(one, BaseRoute) for one in routes):
        return _walk(routes, "")
    if hasattr(app, "url_map") and hasattr(app, "view_functions"):
        return of_flask(app)
    if isinstance(app, list) and app and all(hasattr(one, "pattern") for one in app):
        return of_django(app)
    if hasattr(app, "_tool_manager"):
        return chain(of_mcp(app), _walk(routes_of_mcp(app), ""))
    if isinstance(app, Mapping) and app and all(callable(one) for one in app.values()):
        return of_table(app)
    if hasattr(app, "checked_as"):
        raise TypeError(f"is checked as {app.checked_as}")
    if callable(app) and not isinstance(app, type):
        return whole(app)
    raise TypeError(
        "is no application of Starlette, FastAPI or Flask, of ASGI or WSGI, no MCPServer, and no "
        "urlpatterns"
    )


def _servers(routes: tuple[GuardedRoute, ...]) -> Iterator[ResourceServer]:
    for route in routes:
        yield from (mark.server for mark in route.marks if mark.server is not None)


def _wrong(routes: tuple[GuardedRoute, ...], servers: tuple[ResourceServer, ...]) -> Iterator[str]:
    for route in routes:
        if not route.marks:
            methods = ",".join(route.methods)
            yield f"{methods} {route.path} needs no permission; say @needs(…) or @open_to_all"
    if not servers:
        yield "no route is guarded by the kit"
    needed = {one for route in routes for one in route.permissions}
    declared = {one.id for server in servers for one in server.catalog.permissions}
    for server in servers:
        yield from mistakes(server.catalog)
        for permission in server.catalog.permissions:
            if permission.id not in needed:
                yield f"no route asks for {permission.id!r}"
    yield from (f"{one!r} is asked for, and in no catalog" for one in sorted(needed - declared))


def _walk(routes: list[BaseRoute], prefix: str) -> Iterator[GuardedRoute]:
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
    """The routes of a router that FastAPI included: each knows its whole path, and what the routers
    around it depend on."""
    for one in router.effective_candidates():
        if hasattr(one, "effective_candidates"):
            yield from _included(one, prefix)
        elif one.endpoint is not None and one.dependant is not None:
            methods = tuple(sorted(one.methods - {"HEAD"})) or ("HEAD",)
            route_marks = (*marks(one.endpoint), *_depended(one))
            yield GuardedRoute(path=prefix + one.path, methods=methods, marks=route_marks)
        else:
            yield from _walk([one.starlette_route or one.original_route], prefix)


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
        yield from _walk(list(inside), path)
    else:
        yield GuardedRoute(path=f"{path}/…", methods=("*",), marks=marks(route.app))


def _depended(route: Any) -> Iterator[Mark]:
    """What the dependencies of a FastAPI route ask for, wherever they stand."""
    todo = [getattr(route, "dependant", None)]
    while todo:
        one = todo.pop()
        if one is None:
            continue
        todo.extend(one.dependencies)
        for mark in marks(one.call):
            scopes = (*(one.parent_oauth_scopes or ()), *(one.own_oauth_scopes or ()))
            yield Mark(tuple(scopes) or mark.permissions, mark.server)
