"""The ways into an application that is none of Starlette's, and what was said of each."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from valetkey.resource.marks import Mark, marks

METHODS: Final = ("get", "post", "put", "patch", "delete", "trace")
"""Handlers of a class of views that say something about what it opens."""


class Guarded(msgspec.Struct, frozen=True, kw_only=True):
    """One way into the application. `marks` is empty where nobody said what it needs."""

    path: str
    methods: tuple[str, ...]
    marks: tuple[Mark, ...]

    @property
    def permissions(self) -> tuple[str, ...]:
        """All that it asks for."""
        return tuple(dict.fromkeys(one for mark in self.marks for one in mark.permissions))


def of_flask(app: Any) -> Iterator[Guarded]:
    """The rules of a Flask application. The files that it serves by itself are open to all."""
    for rule in app.url_map.iter_rules():
        view, path = app.view_functions[rule.endpoint], rule.rule
        methods = tuple(sorted(rule.methods - {"HEAD", "OPTIONS"}))
        kind = getattr(view, "view_class", None)
        if rule.endpoint == "static":
            yield Guarded(path=path, methods=methods, marks=(Mark(()),))
        elif kind is None:
            yield Guarded(path=path, methods=methods, marks=marks(view))
        else:
            yield from _of_class(path, kind, marks(view))


def of_django(patterns: Iterable[Any], prefix: str = "/") -> Iterator[Guarded]:
    """The views behind Django's `urlpatterns`, those of Django REST framework among them."""
    for one in patterns:
        path = prefix + str(one.pattern)
        if hasattr(one, "url_patterns"):
            yield from of_django(one.url_patterns, path)
            continue
        view = one.callback
        kind = getattr(view, "view_class", None) or getattr(view, "cls", None)
        if kind is None:
            yield Guarded(path=path, methods=("*",), marks=marks(view))
        else:
            whole = [
                mark for each in getattr(kind, "permission_classes", ()) for mark in marks(each)
            ]
            yield from _of_class(path, kind, (*marks(view), *whole))


def of_mcp(server: Any) -> Iterator[Guarded]:
    """The tools of an `MCPServer`, its resources and its prompts. What it publishes itself names
    them without their functions, which have the marks."""
    for tool in server._tool_manager.list_tools():  # noqa: SLF001
        yield Guarded(path=f"tools/{tool.name}", methods=("CALL",), marks=marks(tool.fn))
    known = server._resource_manager  # noqa: SLF001
    for at, one in (
        *((str(one.uri), one) for one in known.list_resources()),
        *((one.uri_template, one) for one in known.list_templates()),
    ):
        yield Guarded(path=at, methods=("READ",), marks=marks(getattr(one, "fn", one)))
    for prompt in server._prompt_manager.list_prompts():  # noqa: SLF001
        yield Guarded(path=f"prompts/{prompt.name}", methods=("GET",), marks=marks(prompt.fn))


def routes_of_mcp(server: Any) -> list[Any]:
    """What an `MCPServer` serves beside its protocol."""
    routes: list[Any] = server._custom_starlette_routes  # noqa: SLF001
    return routes


def of_table(table: Mapping[Any, Callable[..., Any]]) -> Iterator[Guarded]:
    """Applications of ASGI or WSGI by their path, or by method and path."""
    for key, app in table.items():
        method, path = key if isinstance(key, tuple) else ("*", key)
        yield Guarded(path=str(path), methods=(str(method),), marks=marks(app))


def whole(app: Any) -> Iterator[Guarded]:
    """An application of ASGI or WSGI as one way in: nobody knows what it does with a path."""
    yield Guarded(path="/…", methods=("*",), marks=marks(app))


def _of_class(path: str, kind: type, around: tuple[Mark, ...]) -> Iterator[Guarded]:
    """Each handler of a class of views, with what was said around it."""
    for name in METHODS:
        handler = getattr(kind, name, None)
        if handler is not None:
            told = (*around, *marks(kind), *marks(handler))
            yield Guarded(path=path, methods=(name.upper(),), marks=told)
