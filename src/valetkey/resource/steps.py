"""Rules of the kit: generators that read from top to bottom.

A rule looks up what an event loop has learnt already, on any thread, and yields an Ask for the
rest. Its driver awaits the answer in that loop, or waits for it on another thread.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

Loop: TypeAlias = asyncio.AbstractEventLoop
Ask: TypeAlias = Callable[[], Awaitable[Any]]
"""Asks the server, in the event loop. May raise."""

Rule: TypeAlias = Generator[Ask, Any, T]


async def run(rule: Rule[T]) -> T:
    """Runs a rule in the running event loop, and returns its decision."""
    try:
        ask = next(rule)
        while True:
            ask = rule.send(await ask())
    except StopIteration as end:
        decided: T = end.value
        return decided
