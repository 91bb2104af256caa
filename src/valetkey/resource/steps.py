"""A rule of the kit reads from top to bottom. What an event loop has learnt already it looks up, on
any thread; the rest it asks for. Whoever drives it may wait for the answer in that loop, or on a
thread that has none.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

Loop: TypeAlias = asyncio.AbstractEventLoop
Ask: TypeAlias = Callable[[], Awaitable[Any]]
"""Finds out what is not known here, in the event loop. May raise."""

Rule: TypeAlias = Generator[Ask, Any, T]


async def awaited(rule: Rule[T]) -> T:
    """What the rule decides, its questions asked in the running event loop."""
    try:
        ask = next(rule)
        while True:
            ask = rule.send(await ask())
    except StopIteration as end:
        decided: T = end.value
        return decided
