"""A rule of the kit reads from top to bottom and asks for what it needs to know. Whoever drives it
may wait for the answer on an event loop, or on a thread that has none.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec

T = TypeVar("T")


class Unknown:
    """What is not known here, and has to be asked for."""


UNKNOWN: Final = Unknown()


class Step(msgspec.Struct, Generic[T], frozen=True, eq=False):
    """Something that a rule needs to know. `here` answers from what that event loop has learnt
    already, on any thread; `ask` finds out, in that loop. Both may raise."""

    here: Callable[[asyncio.AbstractEventLoop], T | Unknown]
    ask: Callable[[], Awaitable[T]]


Rule: TypeAlias = Generator[Step[Any], Any, T]


async def awaited(rule: Rule[T]) -> T:
    """What the rule decides, its questions asked in the running event loop."""
    loop = asyncio.get_running_loop()
    try:
        step = next(rule)
        while True:
            found = step.here(loop)
            step = rule.send(await step.ask() if found is UNKNOWN else found)
    except StopIteration as end:
        decided: T = end.value
        return decided
