"""Goes through the counts of all limits, a few at a time, and forgets those of keys that are over.

A stop does not wait for it: what an API counts in the same moment must not be in its way. Every
node does it; what one has forgotten, another does not find.
"""

import asyncio
from typing import Final

from valetkey.server.http import log
from valetkey.server.http.shell import Shell
from valetkey.server.model.limit_state import Allowance
from valetkey.server.model.query import PageQuery
from valetkey.server.oauth.grants import expired_counters
from valetkey.server.store.port import Unavailable
from valetkey.spec.errors import TemporarilyUnavailable

STEP: Final = 50
"""Rows at a time."""

PAUSE: Final = 5.0
"""Seconds between two steps."""

REST: Final = 3600.0
"""Seconds between two rounds."""


async def run(shell: Shell) -> None:
    """Round after round."""
    before = ""
    while True:
        try:
            before = await step(shell, before)
        except (Unavailable, TemporarilyUnavailable) as error:
            log.warning("leftovers put off", detail=str(error))
        await asyncio.sleep(PAUSE if before else REST)


async def step(shell: Shell, before: str) -> str:
    """Forgets what is over among the rows that follow; where the next step begins, "" where all was
    gone through. Raises Unavailable, TemporarilyUnavailable."""
    query = PageQuery(record=Allowance, before=before, limit=STEP, walk=True)
    page = await shell.store.page(query)
    # What ends by itself is the sweep's.
    endless = [one for one in page.records if not one.forget_at]
    if endless:
        await shell.settle(lambda _: expired_counters.counts(endless))
    return page.next
