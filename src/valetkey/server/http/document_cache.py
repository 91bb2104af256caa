"""What is remembered of other hosts: documents for as long as their headers say, failures for
seconds."""

from collections import OrderedDict
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec

from valetkey.server.model.query import Document, DocumentKind, Unreachable

K = TypeVar("K")

Key: TypeAlias = tuple[DocumentKind, str]

FAILED: Final = 5.0
"""Seconds for which a failure is remembered."""

FAILURES: Final = 1024
"""Failures that are remembered, the newest."""


class Kept(msgspec.Struct):
    """A remembered document: until when it is good, and when somebody last went for it."""

    document: Document
    until: float
    tried: float


class Documents:
    """The documents that were asked for last: at most so many, of so many bytes together."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._bytes = 0

    def get(self, key: Key) -> Kept | None:
        """What is remembered, good or not."""
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def put(self, key: Key, kept: Kept) -> None:
        """Remembers it, and forgets what was asked for longest ago."""
        self._forget(key)
        self._kept[key] = kept
        self._bytes += len(kept.document.body)
        while len(self._kept) > self._most or self._bytes > self._most_bytes:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: Key) -> None:
        kept = self._kept.pop(key, None)
        self._bytes -= 0 if kept is None else len(kept.document.body)


class Failures(Generic[K]):
    """What failed lately, and why."""

    def __init__(self) -> None:
        self._failed: OrderedDict[K, tuple[float, Unreachable]] = OrderedDict()

    def get(self, key: K, now: float) -> Unreachable | None:
        """Why it failed, where that was seconds ago."""
        until, why = self._failed.get(key, (0.0, None))
        return why if now < until else None

    def put(self, key: K, why: Unreachable, now: float) -> None:
        """Remembers that it failed."""
        self._failed.pop(key, None)
        self._failed[key] = now + FAILED, why
        while len(self._failed) > FAILURES:
            self._failed.popitem(last=False)
