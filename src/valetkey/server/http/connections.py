"""Connections, by address. Each is a file, and a process may open a limited number: one address
uses up neither all of them, nor its own share by connections without a request (ATTACKS A99)."""

import ipaddress
import time
from collections.abc import Callable
from typing import Final, Protocol

from valetkey.server.http import log
from valetkey.server.http.waiting_room import Shares

RESERVED: Final = 128
"""Files that are left for the database, outbound connections, and files that are read."""

MAX_OF_ADDRESS: Final = 1000
"""Connections of one address, and no more than a quarter of all: a company may sit behind it."""

LOG_PAUSE: Final = 60.0
"""Seconds after a log entry about closed connections until the next one."""


class Connected(Protocol):
    """A connection. It may be closed while no request waits for its reply."""

    @property
    def may_close(self) -> bool: ...

    def abort(self) -> None: ...


class Connections:
    """The connections of a process. `is_shared` says whether many callers share an address, which
    is then a proxy's."""

    def __init__(
        self, files: int, *, is_shared: Callable[[str], bool] = lambda address: False
    ) -> None:
        """`files` is how many files the process may open."""
        self._most = max(files - RESERVED, files // 2)
        self._of_one = min(MAX_OF_ADDRESS, max(self._most // 4, 1))
        self._is_shared = is_shared
        self._of: dict[str, dict[Connected, None]] = {}
        self._shares = Shares()
        self._count = 0
        self._silent_until = 0.0

    def enter(self, connection: Connected, address: str) -> None:
        """Adds a connection. If that is one too many, closes the oldest that may be closed, of its
        address or of the address that has most; or the new one, if none may be closed."""
        place = _place(address)
        mine = self._of.setdefault(place, {})
        mine[connection] = None
        self._shares.change(place, 1)
        self._count += 1
        if len(mine) > self._of_one and not self._is_shared(address):
            self._close_one(place)
        elif self._count > self._most:
            self._close_one(self._shares.fullest())

    def leave(self, connection: Connected, address: str) -> None:
        """Removes a connection that has ended."""
        place = _place(address)
        mine = self._of.get(place, {})
        if connection in mine:
            del mine[connection]
            self._shares.change(place, -1)
            self._count -= 1
        if not mine:
            self._of.pop(place, None)

    def _close_one(self, place: str) -> None:
        mine = self._of[place]
        newest = next(reversed(mine))
        one = next((each for each in mine if each.may_close), newest)
        one.abort()
        now = time.monotonic()
        if now >= self._silent_until:
            self._silent_until = now + LOG_PAUSE
            log.warning("too many connections, closing some", address=place, count=len(mine))


def _place(address: str) -> str:
    """The address, or the /64 of an IPv6 address, which belongs to one subscriber."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address, 64), strict=False))
    except ValueError:
        return address
