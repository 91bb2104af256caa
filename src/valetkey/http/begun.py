"""Work that is begun at once, and needs a task only for what is left of it.

Most answers wait for nothing: what they need is read where they are. A task for each would cost as
much as to read it.
"""

from collections.abc import Callable, Coroutine, Generator
from functools import partial
from types import coroutine
from typing import Any


def begun(work: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None] | None:
    """Goes as far as is possible without a wait: what is left, or None where all is done. Nothing
    on that way may ask for its task."""
    try:
        waits_for = work.send(None)
    except StopIteration:
        return None
    return _rest(work, waits_for)


async def _rest(work: Coroutine[Any, Any, None], waits_for: Any) -> None:
    """From Python 3.12 on, a generator becomes no task, whatever else it can do."""
    await _steps(work, waits_for)


@coroutine
def _steps(work: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    while True:
        try:
            given = yield waits_for
        except BaseException as error:  # Its task is cancelled: the work itself has to know.
            step: Callable[[], Any] = partial(work.throw, error)
        else:
            step = partial(work.send, given)
        try:
            waits_for = step()
        except StopIteration:
            return
