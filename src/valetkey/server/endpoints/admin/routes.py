"""Finds the operation of a path and a method."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from valetkey.server.admin.operation import AnyOperation
from valetkey.server.admin.problems import Problem


class Match(NamedTuple):
    """An operation, and the variables of its path."""

    operation: AnyOperation
    path: Mapping[str, str]


class Routes:
    """The operations by path and method. A path without variables goes before one with them."""

    def __init__(self, operations: Iterable[AnyOperation]) -> None:
        self._by_template: dict[tuple[str, ...], dict[str, AnyOperation]] = {}
        for one in operations:
            template = tuple(one.path.strip("/").split("/"))
            methods = self._by_template.setdefault(template, {})
            if methods.setdefault(one.method, one) is not one:
                raise ValueError(f"{one.name} is at the place of {methods[one.method].name}")
        # The most literal ones first.
        self._templates = sorted(self._by_template, key=lambda one: tuple(map(_is_variable, one)))

    def find(self, path: str, method: str) -> Match:
        """The operation. `path` is below the API, percent-encoded: an id may have a slash in it.
        Raises Problem."""
        segments = tuple(path.strip("/").split("/"))
        for template in self._templates:
            if not _fits(template, segments):
                continue
            methods = self._by_template[template]
            operation = methods.get("GET" if method == "HEAD" else method)
            if operation is None:
                problem = Problem("method-not-allowed")
                allow = [*methods, *(("HEAD",) if "GET" in methods else ())]
                problem.headers = ((b"allow", ", ".join(sorted(allow)).encode()),)
                raise problem
            pairs = zip(template, segments, strict=True)
            return Match(
                operation, {one[1:-1]: _decode(two) for one, two in pairs if _is_variable(one)}
            )
        raise Problem("not-found", "there is nothing at this path")


def _is_variable(segment: str) -> bool:
    return segment.startswith("{")


def _fits(template: tuple[str, ...], segments: tuple[str, ...]) -> bool:
    if len(template) != len(segments):
        return False
    pairs = zip(template, segments, strict=True)
    return all(two if _is_variable(one) else one == two for one, two in pairs)


def _decode(segment: str) -> str:
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError as error:
        raise Problem("invalid-request", "the path is not UTF-8") from error
