"""What is begun outside of a task and goes on in one comes to the same as if it had been in one."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from valetkey.http.begun import begun

pytestmark = pytest.mark.anyio


async def to_the_end(work: Any) -> bool:
    """Whether anything was left of it; that is done as well."""
    rest = begun(work)
    if rest is not None:
        # From Python 3.12 on, nothing else becomes a task.
        assert inspect.iscoroutine(rest)
        await asyncio.create_task(rest)
    return rest is not None


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
        await asyncio.sleep(0)
    async with asyncio.timeout(1):  # There is a task by now.
        return await settled()


@pytest.mark.parametrize("wait", [settled, failing, slept])
async def test_what_waits_goes_on_in_a_task(wait: Callable[[], Awaitable[int]]) -> None:
    seen: list[int] = []

    async def work() -> None:
        seen.append(1)
        seen.append(await wait())

    assert await to_the_end(work())
    assert seen == [1, 7]


async def test_what_waits_for_nothing_is_done_at_once() -> None:
    seen: list[int] = []

    async def inner() -> int:
        return 7

    async def work() -> None:
        seen.append(await inner())

    assert begun(work()) is None
    assert seen == [7]


@pytest.mark.parametrize("raised", [LookupError, asyncio.CancelledError])
async def test_what_it_raises_is_raised(raised: type[BaseException]) -> None:
    async def work(*, late: bool) -> None:
        if late:
            await settled()
        raise raised

    with pytest.raises(raised):
        begun(work(late=False))
    with pytest.raises(raised):
        await to_the_end(work(late=True))


@pytest.mark.parametrize("tidies", [False, True])
async def test_who_cancels_it_cancels_the_work(*, tidies: bool) -> None:
    """Also where the work has to wait once more before it ends."""
    seen: list[str] = []

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            if tidies:
                await settled()
            seen.append("told")

    rest = begun(work())
    assert rest is not None
    task = asyncio.create_task(rest)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["told"]
