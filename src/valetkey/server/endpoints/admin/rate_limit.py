"""How many calls each caller may make, and the headers that say so
(draft-ietf-httpapi-ratelimit-headers).

Counted in memory, by each process of a server: it holds off scripts that run away, and needs no
write.
"""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from valetkey.server.http.reply import Headers

WINDOW: Final = 60
"""Seconds of a window."""


class CallRules(msgspec.Struct, frozen=True, kw_only=True):
    """What callers need, and how much they may call in a minute."""

    two_factors: bool = True
    per_minute: int = 600


class Remaining(NamedTuple):
    """What is remaining of a caller's window: calls, and seconds. Below 0 is too many."""

    calls: int
    seconds: int


class RateLimiter:
    """Counts the calls of each caller in the present minute."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = per_minute
        self._clock = clock
        self._window = -1
        self._calls: dict[str, int] = {}

    def count(self, caller: str) -> Remaining:
        """Counts a call."""
        now = int(self._clock())
        window, elapsed = divmod(now, WINDOW)
        if window != self._window:
            self._window = window
            self._calls.clear()
        calls = self._calls[caller] = self._calls.get(caller, 0) + 1
        return Remaining(self._most - calls, WINDOW - elapsed)

    def headers(self, remaining: Remaining) -> Headers:
        """The headers of an answer."""
        state = f'"calls";r={max(0, remaining.calls)};t={remaining.seconds}'
        return (
            (b"ratelimit-policy", f'"calls";q={self._most};w={WINDOW}'.encode()),
            (b"ratelimit", state.encode()),
        )
