"""A quota for pending requests without a known party: of people who have not signed in, and of
unverified apps that push them. Anyone can begin as many as they like, so their number is limited;
the network that has most loses its oldest (ATTACKS A23, A98).

Each node counts those that it began, in memory. After a restart, older ones are not counted: they
end by themselves within the lifetime of an interaction.
"""

from typing import Final

from valetkey.server.http.shell import Shell
from valetkey.server.http.waiting_room import Crowd
from valetkey.server.oauth.authorize.request_stages import forget

MOST: Final = 20_000
"""Pending requests of all networks together."""

OF_ONE: Final = 2_000
"""Pending requests of one network: a whole company may sit behind one address."""


class AnonymousRequests:
    """The pending requests, by network."""

    def __init__(self, *, most: int = MOST, of_one: int = OF_ONE) -> None:
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
