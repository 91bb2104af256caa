"""Callers that wait, by network. If there are too many, the network that has most loses one: so a
caller with many addresses cannot push out one that has a single address.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

from valetkey.server.http.shell import Shell
from valetkey.server.model.counters import networks_of
from valetkey.server.oauth.authorize.request_stages import forget
from valetkey.spec.errors import TemporarilyUnavailable

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


# A quota for pending requests without a known party: of people who have not signed in, and of
# unverified apps that push them. Anyone can begin as many as they like, so their number is limited;
# the network that has most loses its oldest (ATTACKS A23, A98).
#
# Each node counts those that it began, in memory. After a restart, older ones are not counted: they
# end by themselves within the lifetime of an interaction.

MOST_PENDING: Final = 20_000
"""Pending requests of all networks together."""

OF_ONE: Final = 2_000
"""Pending requests of one network: a whole company may sit behind one address."""


class AnonymousRequests:
    """The pending requests, by network."""

    def __init__(self, *, most: int = MOST_PENDING, of_one: int = OF_ONE) -> None:
        self._most, self._of_one = most, of_one
        self._crowd: Crowd[str] = Crowd()

    def add(self, name: str, address: str) -> str:
        """Adds a request. Returns the name of the one to remove for it, "" for none: the oldest of
        its network, or of the network that has most."""
        self._crowd.join(name, address)
        mine = self._crowd.beside(name)
        if len(mine) > self._of_one:
            return self._remove(next(iter(mine)))
        return (
            self._remove(next(iter(self._crowd.fullest()))) if len(self._crowd) > self._most else ""
        )

    def _remove(self, name: str) -> str:
        self._crowd.leave(name)
        return name


class PendingQuota:
    """The quota of one kind of request."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._requests = AnonymousRequests()

    async def add(self, name: str, address: str) -> None:
        """Adds a request, and removes an older one if there are too many."""
        oldest = self._requests.add(name, address)
        if oldest:
            await self._shell.settle(lambda context: forget(oldest))


# Delays for anonymous callers. A limited number of them may wait; beyond that, the network that
# has most loses one. So a flood slows down only the networks that it comes from.

MOST_ATTEMPTS: Final = 512
"""Callers that wait at the same time, of all networks together."""


class WaitingLine:
    """Callers that wait for something: at most `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._crowd: Crowd[asyncio.Future[None]] = Crowd()

    def join(self, address: str) -> asyncio.Future[None]:
        """A future for a caller at the address to wait for. If too many wait, the newest one of the
        network that has most gets TemporarilyUnavailable."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._crowd.join(mine, address)
        if len(self._crowd) > self._most:
            last = next(reversed(self._crowd.fullest()))
            self._crowd.leave(last)
            if not last.done():
                last.set_exception(
                    TemporarilyUnavailable("too many are trying from your network: wait a moment")
                )
        return mine

    def leave(self, mine: asyncio.Future[None]) -> None:
        """Removes a future that no caller waits for anymore."""
        self._crowd.leave(mine)


class WorkSlots:
    """Turns for work of which `at_once` may run: callers wait for one, at most `waiting` anonymous
    ones."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._at_once = at_once
        self._running = 0
        self._line = WaitingLine(waiting)
        self._queue: deque[asyncio.Future[None]] = deque()

    async def take(self, address: str = "") -> None:
        """Waits for a turn. `address` is an anonymous caller's, "" for a known one. Raises
        TemporarilyUnavailable, see `WaitingLine.join`."""
        if self._running < self._at_once:
            self._running += 1
            return
        loop = asyncio.get_running_loop()
        mine = self._line.join(address) if address else loop.create_future()
        self._queue.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self.give()  # It was its turn already.
            raise
        finally:
            self._line.leave(mine)

    def give(self) -> None:
        """Passes a turn on."""
        while self._queue:
            first = self._queue.popleft()
            if not first.done():
                first.set_result(None)
                return
        self._running -= 1


class Delay:
    """Delays attempts before they are checked."""

    def __init__(self, *, most: int = MOST_ATTEMPTS) -> None:
        self._line = WaitingLine(most)

    async def wait(self, seconds: float, address: str) -> None:
        """Returns after these seconds. Raises TemporarilyUnavailable, see `WaitingLine.join`."""
        if seconds <= 0:
            return
        mine = self._line.join(address)
        timer = mine.get_loop().call_later(seconds, _finish, mine)
        try:
            await mine
        finally:
            timer.cancel()
            self._line.leave(mine)


def _finish(mine: asyncio.Future[None]) -> None:
    if not mine.done():
        mine.set_result(None)
