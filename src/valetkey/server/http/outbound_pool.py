"""Pools of outbound exchanges, one for each purpose: what anonymous callers cause takes nothing
from what others need (ATTACKS A97)."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.server.http.outbound import Refused, Resolve, system_resolver
from valetkey.server.model.network import network_of
from valetkey.server.model.query import Party
from valetkey.wire.https import Target

Purpose: TypeAlias = Party | Literal["delivery"]


class Size(msgspec.Struct, frozen=True):
    """How many exchanges may run at once, with all hosts (`most`) and with one (`of_one`), and how
    many names may be resolved at once: each takes a thread, for as long as the system takes."""

    most: int
    of_one: int
    names: int


SIZES: Final[dict[Purpose, Size]] = {
    "declared": Size(24, 8, 8),
    "known": Size(16, 4, 4),
    "stranger": Size(8, 4, 4),
    "delivery": Size(16, 16, 4),
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
    """Counts the documents that are fetched for each network, in the memory of this process."""

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
            raise NoRoom("too many unknown documents for one network")
