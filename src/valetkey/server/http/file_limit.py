"""The limit of open files: each connection is one."""

import asyncio
import contextlib
import os
import resource
from typing import Final

from valetkey.server.http import log

ENOUGH: Final = 65_536
"""The limit to set, if the system allows it: memory runs out before so many files do."""

FEW: Final = 4096
"""Below this limit there is a warning."""

LOOK: Final = 1.0
"""Seconds between two checks whether a file can be opened."""


def limit() -> int:
    """How many files this process may open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def raise_limit() -> int:
    """Raises the limit as far as possible without an administrator's rights. Returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft < most:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return limit()


def room() -> bool:
    """Whether another file can be opened now."""
    try:
        os.close(os.dup(2))
    except OSError:  # EMFILE of this process, ENFILE of the machine
        return False
    return True


async def watch(seconds: float = LOOK) -> None:
    """Checks again and again. Logs when no file can be opened, and when one can again: the system
    drops connections in between, which the server does not see."""
    full = False
    while True:
        if room() is full:
            full = not full
            if full:
                log.warning("no file can be opened, connections are dropped", limit=limit())
            else:
                log.info("files can be opened again")
        await asyncio.sleep(seconds)
