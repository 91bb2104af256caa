"""The routes of Starlette and FastAPI applications, for `check`."""

from collections.abc import Iterator
from typing import Any, Final

from starlette.routing import BaseRoute, Host, Mount, Route, WebSocketRoute

from valetkey.resource.marks import Mark, marks
from valetkey.resource.middleware import GuardedRoute

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
