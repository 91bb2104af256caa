"""Caches of what other hosts answered: documents for as long as their headers allow, failures for
seconds."""

from collections import OrderedDict
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec

from valetkey.server.model.query import Document, DocumentKind, Unreachable

K = TypeVar("K")

Key: TypeAlias = tuple[DocumentKind, str]

FAILURE_SECONDS: Final = 5.0
"""Seconds for which a failure is cached."""

MAX_FAILURES: Final = 1024
"""Failures in a cache: the newest."""


class CachedDocument(msgspec.Struct):
    """A cached document: until when it is fresh, and when it was last fetched."""

    document: Document
    until: float
    tried: float


class DocumentCache:
    """The most recently used documents: at most `most` of them, with `most_bytes` in total."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._entries: OrderedDict[Key, CachedDocument] = OrderedDict()
        self._bytes = 0

    def get(self, key: Key) -> CachedDocument | None:
        """The cached document, fresh or not."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: Key, entry: CachedDocument) -> None:
        """Caches a document, and drops the least recently used ones if there are too many."""
        self._forget(key)
        self._entries[key] = entry
        self._bytes += len(entry.document.body)
        while len(self._entries) > self._most or self._bytes > self._most_bytes:
            self._forget(next(iter(self._entries)))

    def _forget(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        self._bytes -= 0 if entry is None else len(entry.document.body)


class FailureCache(Generic[K]):
    """Recent failures, and their reasons."""

    def __init__(self) -> None:
        self._failed: OrderedDict[K, tuple[float, Unreachable]] = OrderedDict()

    def get(self, key: K, now: float) -> Unreachable | None:
        """Why it failed, None if it did not fail in the last seconds."""
        until, why = self._failed.get(key, (0.0, None))
        return why if now < until else None

    def put(self, key: K, why: Unreachable, now: float) -> None:
        """Caches a failure."""
        self._failed.pop(key, None)
        self._failed[key] = now + FAILURE_SECONDS, why
        while len(self._failed) > MAX_FAILURES:
            self._failed.popitem(last=False)
