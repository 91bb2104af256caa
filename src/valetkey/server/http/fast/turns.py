"""Requests that came together take each step together, and none needs a task.

A step that was just taken is still in the processor's caches and takes half of the time: so all
requests parse, then all decide, then all sign, as `yield_once` divides their code. A request
that waits (for the store) joins the others that have their turn when its result is there.

Each request runs in a copy of the context, as a task does: a ContextVar that one request sets is
not seen by the next. What needs a task fails here (`asyncio.timeout`, `asyncio.current_task`, task
groups, anyio's cancel scopes): tests/architecture/test_fast_path.py looks for it.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import Context, copy_context
from typing import Any, Final, TypeAlias

Work: TypeAlias = Coroutine[Any, Any, None]

MOST: Final = 32
"""How many requests take their steps together: no request waits for more of them than that."""


class Turns:
    """The requests that take their next step when the loop has gone round."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Work, Context]] = []

    def begin(self, work: Work, context: Context | None = None) -> None:
        """Takes the work's next step with all work that is here by then, in its own copy of the
        context. It runs in no task."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._go)
        self._waiting.append((work, copy_context() if context is None else context))

    def _go(self) -> None:
        together, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._go)
        while together:
            together = [one for one in together if self._step(*one)]

    def _step(self, work: Work, context: Context) -> bool:
        """Takes a step. Returns whether it ended with `yield_once`."""
        try:
            future = context.run(work.send, None)
        except StopIteration:
            return False
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # It ends no other request.
            problem = {"message": "a request ended before its reply", "exception": error}
            asyncio.get_running_loop().call_exception_handler(problem)
            return False
        if future is None:
            return True
        # As a task does (asyncio.futures): others may wait for the same future.
        future._asyncio_future_blocking = False  # noqa: SLF001
        future.add_done_callback(lambda _: self.begin(work, context))
        return False
