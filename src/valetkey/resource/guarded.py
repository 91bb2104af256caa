"""The ways into an application of Flask or Django, and what was said of each."""

from collections.abc import Iterable, Iterator
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


def _of_class(path: str, kind: type, around: tuple[Mark, ...]) -> Iterator[Guarded]:
    """Each handler of a class of views, with what was said around it."""
    for name in METHODS:
        handler = getattr(kind, name, None)
        if handler is not None:
            told = (*around, *marks(kind), *marks(handler))
            yield Guarded(path=path, methods=(name.upper(),), marks=told)
