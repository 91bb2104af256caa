"""Requests that wait in nobody's name: for people who have not signed in, and those that apps send
ahead for whom nobody vouches. Anybody can begin as many as they like, so only the newest are kept
(ATTACKS A23).

Each node looks after those that it began. A restart forgets what it knew of them: they end by
themselves within the lifetime of an interaction.
"""

from collections import OrderedDict, deque
from typing import Final

from valetkey.http.shell import Shell
from valetkey.oauth.authorize.asked import forget
from valetkey.oauth.pace import network

MOST: Final = 20_000
"""Of all networks together."""

OF_ONE: Final = 2_000
"""Of one network: a whole company may sit behind one address."""


class Strangers:
    """Which requests wait, oldest first, and where they come from."""

    def __init__(self, *, most: int = MOST, of_one: int = OF_ONE) -> None:
        self._most, self._of_one = most, of_one
        self._all: OrderedDict[str, str] = OrderedDict()
        self._from: dict[str, deque[str]] = {}

    def began(self, name: str, address: str) -> str:
        """One more waits. The name of the one that has to go for it, "" for none."""
        place = network(address)
        mine = self._from.setdefault(place, deque())
        mine.append(name)
        self._all[name] = place
        if len(mine) > self._of_one:
            return self._gone(mine[0])
        return self._gone(next(iter(self._all))) if len(self._all) > self._most else ""

    def _gone(self, name: str) -> str:
        place = self._all.pop(name)
        # The oldest of all is the oldest of its network.
        self._from[place].popleft()
        if not self._from[place]:
            del self._from[place]
        return name


class Room:
    """Where strangers wait, of one kind of request."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._strangers = Strangers()

    async def made(self, name: str, address: str) -> None:
        """One more waits: an older one may have to go for it."""
        oldest = self._strangers.began(name, address)
        if oldest:
            await self._shell.settle(lambda context: forget(oldest))
