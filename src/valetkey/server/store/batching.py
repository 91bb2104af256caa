"""A turn: whoever came at the same time does the step before it first."""

from collections.abc import Generator
from types import coroutine


@coroutine
def turn() -> Generator[None, None, None]:
    """Waits until they have. A task waits so for one round of its loop."""
    yield
