"""How many calls each caller may make, and the headers that say so
(draft-ietf-httpapi-ratelimit-headers).

Counted in memory that the workers of a server share: it holds off scripts that run away, and needs
no write.
"""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from valetkey.server.admin.chosen_passwords import ChosenPasswords
from valetkey.server.http.reply import Headers
from valetkey.server.http.shared_counts import SharedCounts

WINDOW: Final = 60
"""Seconds of a window."""


class CallRules(msgspec.Struct, frozen=True, kw_only=True):
    """What callers need, how much they may call in a minute, and how they choose passwords for
    users. `counts` are those of all workers, None for a server without workers."""

    two_factors: bool = True
    per_minute: int = 600
    counts: SharedCounts | None = None
    passwords: ChosenPasswords | None = None


class Remaining(NamedTuple):
    """What is remaining of a caller's window: calls, and seconds. Below 0 is too many."""

    calls: int
    seconds: int


class RateLimiter:
    """Counts the calls of each caller in the present minute."""

    def __init__(
        self,
        per_minute: int,
        counts: SharedCounts,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` is the same for all processes of the machine."""
        self._most = per_minute
        self._counts = counts
        self._clock = clock

    def count(self, caller: str) -> Remaining:
        """Counts a call."""
        window, elapsed = divmod(int(self._clock()), WINDOW)
        return Remaining(self._most - self._counts.add(caller, window), WINDOW - elapsed)

    def headers(self, remaining: Remaining) -> Headers:
        """The headers of an answer."""
        state = f'"calls";r={max(0, remaining.calls)};t={remaining.seconds}'
        return (
            (b"ratelimit-policy", f'"calls";q={self._most};w={WINDOW}'.encode()),
            (b"ratelimit", state.encode()),
        )
