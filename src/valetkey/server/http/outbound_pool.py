"""Pools of outbound exchanges, one for each purpose: what anonymous callers cause takes nothing
from what others need (ATTACKS A97).
"""

import contextlib
from collections import Counter, OrderedDict
from collections.abc import Iterator
from typing import Final, Generic, Literal, TypeAlias, TypeVar

import msgspec

from valetkey.server.http.outbound import Refused, Resolve, system_resolver
from valetkey.server.model.counters import network_of
from valetkey.server.model.query import Document, DocumentKind, Party, Unreachable
from valetkey.wire.address import Target

Purpose: TypeAlias = Party | Literal["delivery", "sign-in", "account checks"]


class Size(msgspec.Struct, frozen=True):
    """How many exchanges may run at once, with all hosts (`most`) and with one (`of_one`), and how
    many names may be resolved at once: each takes a thread, for as long as the system takes."""

    most: int
    of_one: int
    names: int


SIZES: Final[dict[Purpose, Size]] = {
    "declared": Size(24, 8, 8),
    "upstream": Size(16, 8, 4),
    "known": Size(16, 4, 4),
    "stranger": Size(8, 4, 4),
    "delivery": Size(16, 16, 4),
    "sign-in": Size(32, 16, 4),
    "account checks": Size(32, 32, 2),
}

PACE: Final = 30
PACE_SECONDS: Final = 60.0
"""Unknown documents that are fetched for one network in that time."""


class NoRoom(Refused):
    """The exchange was not tried: its pool is full."""

    def __init__(self, why: str) -> None:
        super().__init__(why, temporary=True)


class Pool:
    """The running exchanges of one purpose."""

    def __init__(self, size: Size, resolve: Resolve | None) -> None:
        self._size = size
        self._busy: Counter[str] = Counter()
        self.resolve = resolve or system_resolver(size.names)

    @contextlib.contextmanager
    def room(self, to: Target) -> Iterator[None]:
        """Reserves room for an exchange with that host. Raises NoRoom if there is none."""
        if self._busy.total() >= self._size.most or self._busy[to.host] >= self._size.of_one:
            raise NoRoom("too many exchanges are running")
        self._busy[to.host] += 1
        try:
            yield
        finally:
            self._busy[to.host] -= 1
            self._busy += Counter()  # Drops the hosts that are at 0.


class Pace:
    """Counts the requests that are made for each network, in the memory of this process."""

    def __init__(self) -> None:
        self._counted: Counter[str] = Counter()
        self._until = 0.0

    def count(self, address: str, now: float) -> None:
        """Adds one for the network of this address. Raises NoRoom beyond the limit."""
        if now >= self._until:
            self._counted, self._until = Counter(), now + PACE_SECONDS
        place = network_of(address)
        self._counted[place] += 1
        if self._counted[place] > PACE:
            raise NoRoom("too many requests for one network")

    def give_back(self, address: str) -> None:
        """Takes one back for the network of this address: what was counted did no harm."""
        place = network_of(address)
        self._counted[place] = max(0, self._counted[place] - 1)


# Caches of what other hosts answered: documents for as long as their headers allow, failures for
# seconds.

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
