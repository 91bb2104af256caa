"""Removes the counters of limits whose grants have ended, a few at a time.

Revoking a grant does not wait for this, so that what an API counts at the same moment cannot delay
it. Every node does it; what one has removed, another does not find.
"""

import asyncio
from typing import Final

from valetkey.server.http import log
from valetkey.server.http.shell import Shell
from valetkey.server.model.limit_state import Allowance
from valetkey.server.model.query import PageQuery
from valetkey.server.oauth.grants.limits import forget_ended_counts
from valetkey.server.store.port import Unavailable
from valetkey.spec.errors import TemporarilyUnavailable

STEP: Final = 50
"""Rows of one step."""

PAUSE: Final = 5.0
"""Seconds between two steps."""

REST: Final = 3600.0
"""Seconds between two rounds."""


async def run(shell: Shell) -> None:
    """Goes through all counters, again and again."""
    before = ""
    while True:
        try:
            before = await step(shell, before)
        except (Unavailable, TemporarilyUnavailable) as error:
            log.warning("expired counters postponed", detail=str(error))
        await asyncio.sleep(PAUSE if before else REST)


async def step(shell: Shell, before: str) -> str:
    """Removes the expired counters among the rows after `before`. Returns where the next step
    begins, "" at the end. Raises Unavailable, TemporarilyUnavailable."""
    query = PageQuery(record=Allowance, before=before, limit=STEP, walk=True)
    page = await shell.store.page(query)
    # The sweep removes those that expire by themselves.
    endless = [one for one in page.records if not one.forget_at]
    if endless:
        await shell.settle(lambda _: forget_ended_counts(endless))
    return page.next
