"""How many files this process may open: each connection is one."""

import asyncio
import contextlib
import os
import resource
from typing import Final

from valetkey.server.http import log

ENOUGH: Final = 65_536
"""The limit that is asked for, where the system lets us: memory ends before these are used up."""

FEW: Final = 4096
"""Below this limit there is a warning."""

LOOK: Final = 1.0
"""Seconds between two looks whether there is room."""


def limit() -> int:
    """How many this process may open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def raise_limit() -> int:
    """Raises it as far as that goes without rights of an administrator; what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft < most:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return limit()


def room() -> bool:
    """Whether another one can be opened now."""
    try:
        os.close(os.dup(2))
    except OSError:  # EMFILE of this process, ENFILE of the machine
        return False
    return True


async def watch(seconds: float = LOOK) -> None:
    """Looks for ever, and says when there is no room, and when there is again: the connections that
    the system drops meanwhile nobody sees."""
    full = False
    while True:
        if room() is full:
            full = not full
            if full:
                log.warning("no file can be opened: connections are dropped", limit=limit())
            else:
                log.info("files can be opened again")
        await asyncio.sleep(seconds)
