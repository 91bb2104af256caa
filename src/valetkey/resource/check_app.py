"""`valetkey resource check`: imports an API by its name, and checks it. Needs the base install
only."""

import argparse
import asyncio
import importlib
import sys
from collections.abc import Sequence
from typing import Any

from valetkey.resource.check import Report, check
from valetkey.resource.errors import Unreachable
from valetkey.resource.server import ResourceServer


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
