"""The routes of applications that are not Starlette's, and the marks of each."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from valetkey.resource.marks import Mark, marks

METHODS: Final = ("get", "post", "put", "patch", "delete", "trace")
"""Handlers of a class of views that need a permission."""


class GuardedRoute(msgspec.Struct, frozen=True, kw_only=True):
    """One route of an application. `marks` is () if nothing says what it needs."""

    path: str
    methods: tuple[str, ...]
    marks: tuple[Mark, ...]

    @property
    def permissions(self) -> tuple[str, ...]:
        """All permissions that it needs."""
        return tuple(dict.fromkeys(one for mark in self.marks for one in mark.permissions))


def of_flask(app: Any) -> Iterator[GuardedRoute]:
    """The rules of a Flask application. Its static files are open to all."""
    for rule in app.url_map.iter_rules():
        view, path = app.view_functions[rule.endpoint], rule.rule
        methods = tuple(sorted(rule.methods - {"HEAD", "OPTIONS"}))
        kind = getattr(view, "view_class", None)
        if rule.endpoint == "static":
            yield GuardedRoute(path=path, methods=methods, marks=(Mark(()),))
        elif kind is None:
            yield GuardedRoute(path=path, methods=methods, marks=marks(view))
        else:
            yield from _of_class(path, kind, marks(view))


def of_django(patterns: Iterable[Any], prefix: str = "/") -> Iterator[GuardedRoute]:
    """The views behind Django's `urlpatterns`, those of Django REST framework among them."""
    for one in patterns:
        path = prefix + str(one.pattern)
        if hasattr(one, "url_patterns"):
            yield from of_django(one.url_patterns, path)
            continue
        view = one.callback
        kind = getattr(view, "view_class", None) or getattr(view, "cls", None)
        if kind is None:
            yield GuardedRoute(path=path, methods=("*",), marks=marks(view))
        else:
            whole = [
                mark for each in getattr(kind, "permission_classes", ()) for mark in marks(each)
            ]
            yield from _of_class(path, kind, (*marks(view), *whole))


def of_mcp(server: Any) -> Iterator[GuardedRoute]:
    """The tools, resources and prompts of an `MCPServer`. Its public lists lack the functions,
    which have the marks."""
    for tool in server._tool_manager.list_tools():  # noqa: SLF001
        yield GuardedRoute(path=f"tools/{tool.name}", methods=("CALL",), marks=marks(tool.fn))
    manager = server._resource_manager  # noqa: SLF001
    for at, one in (
        *((str(one.uri), one) for one in manager.list_resources()),
        *((one.uri_template, one) for one in manager.list_templates()),
    ):
        yield GuardedRoute(path=at, methods=("READ",), marks=marks(getattr(one, "fn", one)))
    for prompt in server._prompt_manager.list_prompts():  # noqa: SLF001
        yield GuardedRoute(path=f"prompts/{prompt.name}", methods=("GET",), marks=marks(prompt.fn))


def routes_of_mcp(server: Any) -> list[Any]:
    """The routes of an `MCPServer` beside its protocol."""
    routes: list[Any] = server._custom_starlette_routes  # noqa: SLF001
    return routes


def of_table(table: Mapping[Any, Callable[..., Any]]) -> Iterator[GuardedRoute]:
    """ASGI or WSGI applications by path, or by method and path."""
    for key, app in table.items():
        method, path = key if isinstance(key, tuple) else ("*", key)
        yield GuardedRoute(path=str(path), methods=(str(method),), marks=marks(app))


def whole(app: Any) -> Iterator[GuardedRoute]:
    """A whole ASGI or WSGI application as one route: its own routes are not known."""
    yield GuardedRoute(path="/…", methods=("*",), marks=marks(app))


def _of_class(path: str, kind: type, around: tuple[Mark, ...]) -> Iterator[GuardedRoute]:
    """Each handler of a class of views, with the marks around it."""
    for name in METHODS:
        handler = getattr(kind, name, None)
        if handler is not None:
            handler_marks = (*around, *marks(kind), *marks(handler))
            yield GuardedRoute(path=path, methods=(name.upper(),), marks=handler_marks)
