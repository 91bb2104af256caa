"""Requests that came together take each step together, and none needs a task.

A step that was just made is in the processor's caches, and made again in half of the time: so all
parse, then all decide, then all sign, as their `turn`s part it. What waits for something (for the
store) joins those who have their turn when it is there.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeAlias

Work: TypeAlias = Coroutine[Any, Any, None]

MOST: Final = 32
"""How many go together: nobody waits for more of them than that."""


class Turns:
    """Those whose turn it is when the loop has gone round."""

    def __init__(self) -> None:
        self._waiting: list[Work] = []

    def begin(self, work: Work) -> None:
        """It goes on with all who are here by then. It has no task, and may not ask for one."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._go)
        self._waiting.append(work)

    def _go(self) -> None:
        together, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._go)
        while together:
            together = [work for work in together if self._stepped(work)]

    def _stepped(self, work: Work) -> bool:
        """Makes a step; whether it is the others' turn now."""
        try:
            waits_for = work.send(None)
        except StopIteration:
            return False
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # Of the others it ends none.
            said = {"message": "a request ended before its reply", "exception": error}
            asyncio.get_running_loop().call_exception_handler(said)
            return False
        if waits_for is None:
            return True
        # As a task does (asyncio.futures): others may wait for the same.
        waits_for._asyncio_future_blocking = False  # noqa: SLF001
        waits_for.add_done_callback(lambda _: self.begin(work))
        return False
