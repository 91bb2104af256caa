"""Marks on an API's endpoints, which say what each needs: `check` finds the ones without.

`needs` sets its mark by itself. The other functions are for endpoints without a permission.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from valetkey.resource.server import ResourceServer

NAME: Final = "__valetkey__"

T = TypeVar("T")


class Mark(msgspec.Struct, frozen=True, eq=False):
    """One mark. `permissions` are those that the endpoint needs; () if it is open to everybody.
    `server` is None if the mark does not know their API."""

    permissions: tuple[str, ...]
    server: ResourceServer | None = None


def marked(endpoint: T, mark: Mark) -> T:
    """Adds a mark to an endpoint, and returns the endpoint."""
    setattr(endpoint, NAME, (*marks(endpoint), mark))
    return endpoint


def marks(endpoint: Any) -> tuple[Mark, ...]:
    """The marks of an endpoint, in the order in which they were added."""
    every: tuple[Mark, ...] = getattr(endpoint, NAME, ())
    return every


def open_to_all(endpoint: T) -> T:
    """Marks an endpoint, or a mounted application, that needs no key."""
    return marked(endpoint, Mark(()))


def uses(*permissions: str) -> Callable[[T], T]:
    """Marks an endpoint that checks permissions itself, by `principal.may(…)`."""
    return lambda endpoint: marked(endpoint, Mark(permissions))
