"""What is made when it is first asked for: once, whoever waits or goes away meanwhile."""

import asyncio
import threading
from typing import Any

import pytest

from valetkey.server.http.lazy_app import LazyApp

pytestmark = pytest.mark.anyio


class Making:
    """Makes an application, once it may; how often, and where."""

    def __init__(self, *troubles: Exception) -> None:
        self.may = threading.Event()
        self.troubles = list(troubles)
        self.threads: list[threading.Thread] = []
        self.served = 0

    def __call__(self) -> Any:
        self.threads.append(threading.current_thread())
        assert self.may.wait(10)
        if self.troubles:
            raise self.troubles.pop()
        return self.serve

    async def serve(self, *_: Any) -> None:
        self.served += 1


async def ask(later: LazyApp) -> None:
    await later({}, None, None)  # type: ignore[arg-type]


async def test_it_is_made_once_beside_all_else_for_all_who_wait() -> None:
    making = Making()
    later = LazyApp(making)
    first, *others = (asyncio.create_task(ask(later)) for _ in range(3))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    making.may.set()
    await asyncio.gather(*others)
    await ask(later)
    assert first.cancelled()
    assert making.served == 3
    assert len(making.threads) == 1
    assert making.threads[0] is not threading.current_thread()


async def test_what_failed_is_tried_again() -> None:
    making = Making(RuntimeError("no memory"))
    making.may.set()
    later = LazyApp(making)
    with pytest.raises(RuntimeError, match="no memory"):
        await ask(later)
    await ask(later)
    assert making.served == 1
