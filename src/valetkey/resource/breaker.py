"""A circuit breaker: while a server is silent, calls that need it fail at once.

A request without an answer opens the breaker. A background task then probes the server, one probe
at a time. Once a probe is answered, a single call goes through as a trial, and its answer closes
the breaker. While the server is silent, only the first request and the trials wait."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

import httpx2

from valetkey.resource.errors import Unreachable

SLOW: Final = 0.25
"""Seconds within which a failure does not open the breaker: it costs a caller nothing."""

PAUSES: Final = (0.0, 0.1, 0.2, 0.4, 0.8)
"""Seconds until the next probe, after zero, one, two … failures in a row."""

log = logging.getLogger("valetkey.resource")


class BreakerOpen(Unreachable):
    """The server did not answer a moment ago, so it was not asked."""


class Breaker:
    """The breaker of one server, in one event loop."""

    def __init__(self, origin: str, probe: Callable[[], Awaitable[None]]) -> None:
        """`probe` sends any request, and raises HTTPError or TimeoutError without an answer."""
        self._origin = origin
        self._probe = probe
        self._state: Literal["closed", "open", "trial"] = "closed"
        self._trying = False
        self._failures = 0
        self._answered = float("-inf")
        self._probing: asyncio.Task[None] | None = None

    @contextmanager
    def call(self) -> Iterator[None]:
        """Wraps a request that a caller waits for. Raises BreakerOpen."""
        trial = self._enter()
        try:
            with self.background():
                yield
        finally:
            if trial:
                self._trying = False

    @contextmanager
    def background(self) -> Iterator[None]:
        """Wraps a request that no caller waits for. It is always sent, and its outcome counts."""
        began = time.monotonic()
        try:
            yield
        except (httpx2.HTTPError, TimeoutError):
            self.failed(began)
            raise
        except Unreachable:
            # The server has answered, though not usefully.
            self.answered()
            raise
        self.answered()

    def answered(self) -> None:
        """The server has answered."""
        self._answered = time.monotonic()
        self._failures = 0
        if self._state != "closed":
            self._state = "closed"
            self._stop_probing()
            log.warning("%s answers again", self._origin)

    def failed(self, since: float) -> None:
        """Nothing has come from the server `since` then (of the monotonic clock)."""
        # A server that answers others meanwhile is slow, not silent.
        if self._state == "open" or self._answered >= since or time.monotonic() - since < SLOW:
            return
        if self._state == "closed":
            log.warning("%s does not answer: what needs it fails until it does", self._origin)
        self._state = "open"
        self._probing = asyncio.get_running_loop().create_task(self._probe_on())

    def close(self) -> None:
        """Probes no longer."""
        self._stop_probing()
        self._state = "closed"

    def _enter(self) -> bool:
        """Whether this call is the trial. Raises BreakerOpen."""
        if self._state == "closed":
            return False
        if self._state == "open" or self._trying:
            raise BreakerOpen(f"{self._origin} does not answer")
        self._trying = True
        return True

    async def _probe_on(self) -> None:
        while self._state == "open":
            pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
            self._failures += 1
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - not all at once
            try:
                await self._probe()
            except (httpx2.HTTPError, TimeoutError):
                continue
            # Requests from before the answer no longer count.
            self._answered = time.monotonic()
            self._state = "trial"

    def _stop_probing(self) -> None:
        probing, self._probing = self._probing, None
        if probing is not None:
            probing.cancel()
