"""Requests that came together take each step together, and come to what they would come to in tasks
of their own."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Final

import pytest

from valetkey.server.http.fast.turns import MOST, Turns
from valetkey.server.store.batching import yield_once

pytestmark = pytest.mark.anyio


CALLER: Final = ContextVar("caller", default="")


async def ended() -> None:
    """By then all is done."""
    await asyncio.sleep(0.02)


async def settled() -> int:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, 7)
    return await future


async def failing() -> int:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_exception, LookupError("gone"))
    try:
        return await future
    except LookupError:
        return 7


async def slept() -> int:
    for _ in range(3):
        await yield_once()
    await asyncio.sleep(0.001)
    await asyncio.sleep(0)
    return await settled()


async def in_a_thread() -> int:
    return await asyncio.to_thread(lambda: 7)


async def of_another() -> int:
    task = asyncio.create_task(settled())
    first, second = await asyncio.gather(asyncio.shield(task), task)
    return first if first == second else 0


async def at_once() -> int:
    return 7


@pytest.mark.parametrize("wait", [settled, failing, slept, in_a_thread, of_another, at_once])
async def test_what_it_waits_for_it_gets(wait: Callable[[], Awaitable[int]]) -> None:
    seen: list[int] = []

    async def work() -> None:
        seen.append(1)
        seen.append(await wait())

    Turns().begin(work())
    assert seen == []
    for _ in range(500):
        if len(seen) < 2:
            await ended()
    assert seen == [1, 7]


async def of_steps(name: str, steps: int, seen: list[str]) -> None:
    for step in range(steps):
        if step:
            await yield_once()
        seen.append(f"{name}{step}")


async def test_a_step_is_made_for_all_before_the_next() -> None:
    seen: list[str] = []
    turns = Turns()
    for name, steps in (("a", 3), ("b", 1), ("c", 2)):
        turns.begin(of_steps(name, steps, seen))
    await ended()
    assert seen == ["a0", "b0", "c0", "a1", "c1", "a2"]


async def test_in_tasks_too() -> None:
    seen: list[str] = []
    await asyncio.gather(of_steps("a", 2, seen), of_steps("b", 2, seen))
    assert seen == ["a0", "b0", "a1", "b1"]


async def test_who_waited_for_the_same_goes_on_together() -> None:
    seen: list[str] = []
    written: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work(name: str) -> None:
        await written
        await of_steps(name, 2, seen)

    turns = Turns()
    turns.begin(work("a"))
    turns.begin(work("b"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert seen == []
    written.set_result(None)
    await ended()
    assert seen == ["a0", "b0", "a1", "b1"]


async def test_nobody_waits_for_more_than_a_few() -> None:
    seen: list[str] = []
    turns = Turns()
    for _ in range(MOST):
        turns.begin(of_steps("a", 2, seen))
    turns.begin(of_steps("b", 1, seen))
    asyncio.get_running_loop().call_soon(seen.append, "others")
    await ended()
    assert seen == ["a0"] * MOST + ["a1"] * MOST + ["others", "b0"]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("raised", [LookupError, asyncio.CancelledError])
async def test_what_one_raises_is_told_and_the_others_go_on(
    raised: type[BaseException], *, late: bool
) -> None:
    seen: list[str] = []
    told: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, said: told.append(type(said["exception"])))

    async def work() -> None:
        if late:
            await settled()
        raise raised

    turns = Turns()
    turns.begin(work())
    turns.begin(of_steps("a", 2, seen))
    await ended()
    assert seen == ["a0", "a1"]
    assert told == [raised]


@pytest.mark.parametrize("wait", [yield_once, settled, slept, in_a_thread])
async def test_a_request_does_not_see_what_another_set(wait: Callable[[], Awaitable[Any]]) -> None:
    seen: list[str] = []

    async def work(name: str) -> None:
        seen.append(CALLER.get())
        CALLER.set(name)
        await wait()
        seen.append(CALLER.get())

    turns = Turns()
    for name in "ab":
        turns.begin(work(name))
    await ended()
    turns.begin(work("c"))
    await ended()
    assert sorted(seen) == ["", "", "", "a", "b", "c"]
    assert CALLER.get() == ""


async def test_what_needs_a_task_fails() -> None:
    """Which is why tests/architecture/test_fast_path.py looks for it."""
    told: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, said: told.append(type(said["exception"])))

    async def work() -> None:
        async with asyncio.timeout(1):
            await settled()

    Turns().begin(work())
    await ended()
    assert told == [RuntimeError]
