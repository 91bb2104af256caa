"""A limit for records that strangers can cause, so that nobody can fill the audit log.

Each process writes so many of a kind in a while. What comes above that is counted, and the sealer
writes one record with the number (see `Flood.take`).
"""

import time
from typing import Final

BURST: Final = 600
"""Records of one kind that a process writes at once."""

RATE: Final = 20.0
"""Records of one kind that a process writes in a second, for as long as it lasts."""

LIMITED: Final = frozenset({"sign-in-refused", "code-refused"})
"""Kinds of events that strangers can cause."""


class Flood:
    """The kinds of events, and how many more of each may be written now."""

    def __init__(self) -> None:
        self._tokens: dict[str, tuple[float, float]] = {}
        self._dropped: dict[str, int] = {}

    def admits(self, kind: str) -> bool:
        """Whether an event of this kind gets a record of its own; otherwise it is counted."""
        if kind not in LIMITED:
            return True
        now = time.monotonic()
        tokens, since = self._tokens.get(kind, (float(BURST), now))
        tokens = min(float(BURST), tokens + (now - since) * RATE)
        if tokens < 1:
            self._tokens[kind] = tokens, now
            self._dropped[kind] = self._dropped.get(kind, 0) + 1
            return False
        self._tokens[kind] = tokens - 1, now
        return True

    def take(self) -> dict[str, int]:
        """How many of each kind were counted since the last call."""
        dropped, self._dropped = self._dropped, {}
        return dropped

    def put_back(self, counts: dict[str, int]) -> None:
        """Count these again, which could not be written."""
        for kind, number in counts.items():
            self._dropped[kind] = self._dropped.get(kind, 0) + number
