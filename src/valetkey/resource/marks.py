"""Marks on an API's endpoints: what each needs, so that it can be checked that none was forgotten.

`needs` leaves its mark by itself. The others are for what has no permission to ask for.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from valetkey.resource.server import ResourceServer

NAME: Final = "__valetkey__"

T = TypeVar("T")


class Mark(msgspec.Struct, frozen=True, eq=False):
    """`permissions` are those that the endpoint asks for; none where it is open to everybody.
    `server` is None where the mark does not know whose they are."""

    permissions: tuple[str, ...]
    server: ResourceServer | None = None


def marked(endpoint: T, mark: Mark) -> T:
    """The endpoint, with its mark beside those that it has already."""
    setattr(endpoint, NAME, (*marks(endpoint), mark))
    return endpoint


def marks(endpoint: Any) -> tuple[Mark, ...]:
    """The marks of an endpoint, in the order in which they were left."""
    found: tuple[Mark, ...] = getattr(endpoint, NAME, ())
    return found


def open_to_all(endpoint: T) -> T:
    """Marks an endpoint, or a mounted application, that needs no key."""
    return marked(endpoint, Mark(()))


def uses(*permissions: str) -> Callable[[T], T]:
    """Marks an endpoint that asks for permissions itself, by `principal.may(…)`."""
    return lambda endpoint: marked(endpoint, Mark(permissions))
