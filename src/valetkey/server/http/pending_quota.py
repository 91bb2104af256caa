"""Requests that wait in nobody's name: for people who have not signed in, and those that apps send
ahead for whom nobody vouches. Anybody can begin as many as they like, so only so many are kept; the
network that has most gives up its oldest (ATTACKS A23, A98).

Each node looks after those that it began. A restart forgets what it knew of them: they end by
themselves within the lifetime of an interaction.
"""

from typing import Final

from valetkey.server.http.shell import Shell
from valetkey.server.http.waiting_room import Crowd
from valetkey.server.oauth.authorize.request_stages import forget

MOST: Final = 20_000
"""Of all networks together."""

OF_ONE: Final = 2_000
"""Of one network: a whole company may sit behind one address."""


class Strangers:
    """Which requests wait, and where they come from."""

    def __init__(self, *, most: int = MOST, of_one: int = OF_ONE) -> None:
        self._most, self._of_one = most, of_one
        self._crowd: Crowd[str] = Crowd()

    def began(self, name: str, address: str) -> str:
        """One more waits. The name of the one that has to go for it, "" for none: the oldest of its
        own network, or of the network that has most."""
        self._crowd.join(name, address)
        mine = self._crowd.beside(name)
        if len(mine) > self._of_one:
            return self._gone(next(iter(mine)))
        return (
            self._gone(next(iter(self._crowd.fullest()))) if len(self._crowd) > self._most else ""
        )

    def _gone(self, name: str) -> str:
        self._crowd.leave(name)
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
