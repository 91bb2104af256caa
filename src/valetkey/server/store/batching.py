"""Yielding to the event loop, so that work that arrives together goes into one batch."""

from collections.abc import Generator
from types import coroutine
from typing import Final

SILENT: Final = "the database does not answer"
"""The error text for a caller that has waited too long for a statement."""

TURNS: Final = 4


@coroutine
def yield_once() -> Generator[None, None, None]:
    """Let everything else that is ready run first. A task waits for one round of its loop."""
    yield


async def let_batch_fill() -> None:
    """Let the event loop run for a few rounds, so that requests that arrive meanwhile join the
    batch. An idle loop needs no time for this."""
    for _ in range(TURNS):
        await yield_once()
