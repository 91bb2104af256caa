"""The routes of an API in another language: which call needs which permissions."""

import re
from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.wire.catalog import Catalog

Proxy: TypeAlias = Literal["nginx", "traefik", "envoy"]

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# What two programs may read differently: an escaped slash, dot or percent sign, a dot segment, an
# empty segment, a backslash, a parameter of a segment, and characters that a path may not have.
_DOUBTFUL: Final = re.compile(
    r"//|\\|;|%(?:2f|5c|2e|3b|25|00)|/\.{1,2}(?:/|$)|[^\x21-\x7e]|[#\"<>^`{|}]", re.IGNORECASE
)
_SEGMENT: Final = re.compile(r"\{[a-z_]+\}|[^/{}*?]*", re.ASCII)


class Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Calls of one path. `{name}` matches one segment, and `/*` at the end all that follows.
    `needs` lists the permissions; `open` lets everybody in."""

    path: str
    methods: tuple[str, ...] = ("GET",)
    needs: tuple[str, ...] = ()
    open: bool = False


class GuardFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file of an API behind a proxy. `catalog` and `secret_file` are paths relative to the
    file. `max_staleness` is `bound` in the file, in seconds. `split`: its tokens are split."""

    issuer: str
    id: str
    secret_file: str
    catalog: str
    proxy: Proxy
    routes: tuple[Route, ...]
    max_staleness: float = msgspec.field(default=1.0, name="bound")
    split: bool = False


def mistakes(routes: tuple[Route, ...], catalog: Catalog) -> list[str]:
    """All mistakes, in one sentence each."""
    wrong = [] if routes else ["there is no route, so nobody would be let in"]
    for route in routes:
        name = f"{' '.join(route.methods) or '-'} {route.path}"
        found = {one: catalog.permission(one) for one in route.needs}
        unknown = [name for name, one in found.items() if one is None]
        measured = [name for name, one in found.items() if one is not None and one.unit]
        rules = (
            (bool(route.needs) != route.open, "needs permissions, or is open: just one of them"),
            (not unknown, f"needs what the catalog does not have: {', '.join(unknown)}"),
            (not measured, f"needs {', '.join(measured)}: a proxy cannot tell the amount"),
            (route.methods and METHODS.issuperset(route.methods), "has a method that is none"),
            (_is_path(route.path), "has a path that is none"),
        )
        wrong += [f"{name}: {says}" for holds, says in rules if not holds]
    return wrong


def _is_path(path: str) -> bool:
    plain = path.removesuffix("/*") or "/"
    segments = plain.split("/")[1:]
    fits = all(_SEGMENT.fullmatch(one) for one in segments)
    return path.startswith("/") and fits and not is_doubtful(re.sub(r"[{}]", "", plain))


def is_doubtful(path: str) -> bool:
    """Whether the API might read the path differently."""
    return not path.startswith("/") or _DOUBTFUL.search(path) is not None


class Table:
    """The routes, compiled. The first one that matches counts."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._rows = [(_pattern(route.path), route) for route in routes]

    def find(self, method: str, path: str) -> Route | None:
        """The route of a call, or None. HEAD counts as GET, unless it has a route of its own."""
        for pattern, route in self._rows:
            if pattern.fullmatch(path) and method in _also(route.methods):
                return route
        return None


def _also(methods: tuple[str, ...]) -> tuple[str, ...]:
    return (*methods, "HEAD") if "GET" in methods else methods


def _pattern(path: str) -> re.Pattern[str]:
    plain, rest = (path[:-2], "(?:/.*)?") if path.endswith("/*") else (path, "")
    parts = re.split(r"(\{[a-z_]+\})", plain)
    text = "".join("[^/]+" if one.startswith("{") else re.escape(one) for one in parts)
    return re.compile(text + rest, re.ASCII)
