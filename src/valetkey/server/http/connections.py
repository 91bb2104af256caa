"""Who is connected, by address. Each connection is a file, of which a process has so many: one
address uses up neither those of all, nor its own by connections that ask nothing (ATTACKS A99)."""

import ipaddress
import time
from collections.abc import Callable
from typing import Final, Protocol

from valetkey.server.http import log
from valetkey.server.http.waiting_room import Shares

RESERVED: Final = 128
"""Files that are none of connections: the database, other hosts, what is read."""

OF_ONE: Final = 1000
"""Connections of one address, and no more than a quarter of all: a company may sit behind it."""

SAID: Final = 60.0
"""Seconds for which nothing is said again of connections that had to go."""


class Connected(Protocol):
    """A connection. It may go where nobody waits for an answer on it."""

    @property
    def may_go(self) -> bool: ...

    def abort(self) -> None: ...


class Connections:
    """The connections of a process. `is_shared` says of which addresses many come: they are
    proxies."""

    def __init__(
        self, files: int, *, is_shared: Callable[[str], bool] = lambda address: False
    ) -> None:
        """`files` is how many files the process may open."""
        self._most = max(files - RESERVED, files // 2)
        self._of_one = min(OF_ONE, max(self._most // 4, 1))
        self._is_shared = is_shared
        self._of: dict[str, dict[Connected, None]] = {}
        self._shares = Shares()
        self._count = 0
        self._silent_until = 0.0

    def enter(self, connection: Connected, address: str) -> None:
        """One more. The oldest that may go has to, of its own address or of whoever has most, where
        there are too many; where none may, the new one."""
        place = _place(address)
        mine = self._of.setdefault(place, {})
        mine[connection] = None
        self._shares.change(place, 1)
        self._count += 1
        if len(mine) > self._of_one and not self._is_shared(address):
            self._end_one(place)
        elif self._count > self._most:
            self._end_one(self._shares.fullest())

    def leave(self, connection: Connected, address: str) -> None:
        """It has ended."""
        place = _place(address)
        mine = self._of.get(place, {})
        if connection in mine:
            del mine[connection]
            self._shares.change(place, -1)
            self._count -= 1
        if not mine:
            self._of.pop(place, None)

    def _end_one(self, place: str) -> None:
        mine = self._of[place]
        newest = next(reversed(mine))
        one = next((each for each in mine if each.may_go), newest)
        one.abort()
        now = time.monotonic()
        if now >= self._silent_until:
            self._silent_until = now + SAID
            log.warning("too many connections: some are ended", address=place, count=len(mine))


def _place(address: str) -> str:
    """The address; of IPv6 the /64, which is one line's."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address, 64), strict=False))
    except ValueError:
        return address
