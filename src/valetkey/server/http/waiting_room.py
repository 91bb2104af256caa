"""Callers that wait, by network. If there are too many, the network that has most loses one: so a
caller with many addresses cannot push out one that has a single address."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from valetkey.server.model.network import networks_of

T = TypeVar("T", bound=Hashable)


class Shares:
    """Counts by name, and the name with the highest count. No step takes time in proportion to the
    number of names, as it would with a plain dictionary."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}
        self._with: dict[int, OrderedDict[str, None]] = {}
        self._most = 0

    def change(self, name: str, by: int) -> int:
        """Adds 1 or -1 to the count of a name. Returns the new count."""
        before = self._of.pop(name, 0)
        if before:
            same = self._with[before]
            del same[name]
            if not same:
                del self._with[before]
        now = before + by
        if now:
            self._of[name] = now
            self._with.setdefault(now, OrderedDict())[name] = None
        self._most = max(self._most, now)
        while self._most and self._most not in self._with:
            self._most -= 1
        return now

    def fullest(self) -> str:
        """The name with the highest count; of several, the one that has had it for longest."""
        return next(iter(self._with[self._most]))


class Crowd(Generic[T]):
    """Callers that wait, each at an address."""

    def __init__(self) -> None:
        self._at: dict[T, tuple[str, ...]] = {}
        self._within: dict[str, Shares] = {"": Shares()}
        self._members: dict[str, OrderedDict[T, None]] = {}

    def __len__(self) -> int:
        return len(self._at)

    def __contains__(self, one: T) -> bool:
        return one in self._at

    def join(self, one: T, address: str) -> None:
        """Adds a caller."""
        way = tuple(reversed(networks_of(address)))
        self._at[one] = way
        self._members.setdefault(way[-1], OrderedDict())[one] = None
        for outer, inner in _steps(way):
            self._within.setdefault(outer, Shares()).change(inner, 1)

    def leave(self, one: T) -> None:
        """Removes a caller, if it is there."""
        way = self._at.pop(one, None)
        if way is None:
            return
        members = self._members[way[-1]]
        del members[one]
        if not members:
            del self._members[way[-1]]
        for outer, inner in reversed(_steps(way)):
            if not self._within[outer].change(inner, -1):
                self._within.pop(inner, None)

    def beside(self, one: T) -> OrderedDict[T, None]:
        """All callers of the same network, the oldest first."""
        return self._members[self._at[one][-1]]

    def fullest(self) -> OrderedDict[T, None]:
        """All callers of one network, the oldest first: of the widest networks the one that has
        most, within it the next narrower one that has most, and so on."""
        name = ""
        while name in self._within:
            name = self._within[name].fullest()
        return self._members[name]


def _steps(way: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(zip(("", *way[:-1]), way, strict=True))
