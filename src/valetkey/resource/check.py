"""Checks that every route has a permission, and every permission a route. For an API's own
tests.
"""

import argparse
import asyncio
import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec

from valetkey.resource.errors import Unreachable
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


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The result: all routes, all mistakes in one sentence each, and the APIs that guard the
    routes."""

    routes: tuple[GuardedRoute, ...]
    mistakes: tuple[str, ...]
    servers: tuple[ResourceServer, ...] = ()


def check(app: Any) -> Report:
    """Checks an application of Starlette, FastAPI or Flask, Django's `urlpatterns`, an `MCPServer`,
    or plain ASGI or WSGI: one wrapped application, or a table of them by path, or by method and
    path. Raises TypeError for anything else."""
    routes = tuple(_ways(app))
    servers = tuple({id(one): one for one in _servers(routes)}.values())
    return Report(routes=routes, mistakes=tuple(_wrong(routes, servers)), servers=servers)


def _ways(app: Any) -> Iterator[GuardedRoute]:
    routes = getattr(app, "routes", None)
    if isinstance(routes, list) and "starlette" in sys.modules and _of_starlette(routes):
        return _walk(routes)
    if hasattr(app, "url_map") and hasattr(app, "view_functions"):
        return of_flask(app)
    if isinstance(app, list) and app and all(hasattr(one, "pattern") for one in app):
        return of_django(app)
    if hasattr(app, "_tool_manager"):
        return chain(of_mcp(app), _walk(routes_of_mcp(app)))
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


def _of_starlette(routes: list[Any]) -> bool:
    from starlette.routing import BaseRoute  # noqa: PLC0415 - the base install has no Starlette

    return all(isinstance(one, BaseRoute) for one in routes)


def _walk(routes: list[Any]) -> Iterator[GuardedRoute]:
    from valetkey.resource.starlette import walk  # noqa: PLC0415 - as above

    return walk(routes, "")


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


# `valetkey resource check`: imports an API by its name, and checks it. Needs the base install
# only.


def import_app(path: str) -> Any:
    """The object that `MODULE:APP` names. Raises ValueError."""
    module, colon, name = path.partition(":")
    if not colon or not module or not name:
        raise ValueError(f"{path!r} is not MODULE:APP")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        imported = importlib.import_module(module)
    except ImportError as error:
        raise ValueError(f"{module} cannot be imported: {error}") from error
    try:
        return getattr(imported, name)
    except AttributeError:
        raise ValueError(f"{module} has no {name!r}") from None


def check_app(path: str, *, registered: bool) -> tuple[Report, tuple[str, ...]]:
    """The report on the API at `MODULE:APP`, and its mistakes. With `registered`, these include
    differences between its catalog and the registered one. Raises ValueError for a path that names
    no API, Unreachable if its server does not answer."""
    app = import_app(path)
    try:
        report = check(app)
    except TypeError as error:
        raise ValueError(f"{path} {error}") from error
    unregistered = _compare(report.servers) if registered else ()
    return report, (*report.mistakes, *unregistered)


def _compare(servers: Sequence[ResourceServer]) -> list[str]:
    """How the registered catalogs differ from those of the APIs. Raises Unreachable."""

    async def difference(server: ResourceServer) -> str:
        try:
            return await server.catalog_difference()
        finally:
            await server.close()

    differences = [(one, asyncio.run(difference(one))) for one in servers]
    return [
        f"the registered catalog of {one.resource} differs: {says}"
        for one, says in differences
        if says
    ]


def rows(report: Report) -> list[tuple[str, str, str]]:
    """The methods, the path and the permissions of each route: "-" for a public route, and "?" for
    one without a mark."""
    return [
        (",".join(one.methods), one.path, " ".join(one.permissions) or ("-" if one.marks else "?"))
        for one in report.routes
    ]


def main(arguments: Sequence[str]) -> int:
    """The command without the `server` extra. Returns the exit code: 1 for mistakes, 2 for a usage
    error."""
    parser = argparse.ArgumentParser(prog="valetkey resource check")
    parser.add_argument("app", metavar="MODULE:APP")
    parser.add_argument("--registered", action="store_true")
    options = parser.parse_args(arguments)
    try:
        report, mistakes = check_app(options.app, registered=options.registered)
    except ValueError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 2
    except Unreachable as trouble:
        sys.stderr.write(f"Error: the registered catalog cannot be fetched: {trouble}\n")
        return 1
    for row in rows(report):
        sys.stdout.write("  ".join(row) + "\n")
    for mistake in mistakes:
        sys.stderr.write(f"  - {mistake}\n")
    return 1 if mistakes else 0
