"""What a server does beside its requests: it removes what nobody needs any more."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Final

from valetkey.server.http import bulk_stops, log, organizations
from valetkey.server.http.secret_uses import SECONDS, RecentSecretUses
from valetkey.server.http.shell import Shell
from valetkey.server.model.change import Count, Stale
from valetkey.server.model.erasure import Erasure
from valetkey.server.model.grant import Grant
from valetkey.server.model.leasing import Allowance
from valetkey.server.model.query import PageQuery
from valetkey.server.oauth.admin.erasure import do_due, is_due
from valetkey.server.oauth.grants.limits import announce_ends as ends
from valetkey.server.oauth.grants.limits import forget_ended_counts
from valetkey.server.store.port import Store, Unavailable
from valetkey.spec.errors import TemporarilyUnavailable

STEP: Final = 50
"""Rows of one step."""

PAUSE: Final = 5.0
"""Seconds between two steps."""

REST: Final = 3600.0
"""Seconds between two rounds."""


def tasks(
    shell: Shell, *, event_seconds: Callable[[], int]
) -> tuple[Coroutine[None, None, None], ...]:
    """What every server does, whatever its settings are."""
    return (
        sweep(shell.store, event_seconds=event_seconds),
        remove_ended_counts(shell),
        erase_due(shell),
        write_statistics(shell),
        bulk_stops.run(shell),
        organizations.run(shell),
        record_secret_uses(shell.store, shell.secret_uses),
    )


async def record_secret_uses(store: Store, uses: RecentSecretUses) -> None:
    """Writes on which day a client secret was used, again and again."""
    while True:
        await asyncio.sleep(SECONDS)
        rows = uses.take(int(time.time()))
        try:
            if rows:
                await store.commit([Count(row) for row in rows])
        except Unavailable as error:
            uses.write_again()
            log.warning("uses of secrets postponed", detail=str(error))


async def remove_ended_counts(shell: Shell) -> None:
    """Goes through all counters of limits, again and again, and removes those whose grants have
    ended.

    Revoking a grant does not wait for this, so that what an API counts at the same moment cannot
    delay it. Every node does it; what one has removed, another does not find."""
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


async def announce_ends(shell: Shell) -> None:
    """Goes through all grants, again and again, and notifies the users of those that end soon."""
    before = ""
    while True:
        try:
            before = await announce_step(shell, before)
        except (Unavailable, TemporarilyUnavailable) as error:
            log.warning("announcements postponed", detail=str(error))
        await asyncio.sleep(PAUSE if before else REST)


async def announce_step(shell: Shell, before: str) -> str:
    """Looks at the grants after `before`. Returns where the next step begins, "" at the end. Raises
    Unavailable, TemporarilyUnavailable."""
    query = PageQuery(record=Grant, before=before, limit=STEP, walk=True)
    page = await shell.store.page(query)
    soon = [one for one in page.records if one.limits.until]
    if soon:
        await shell.settle(lambda context: ends(soon, context))
    return page.next


async def run_steps(
    step: Callable[[], Awaitable[bool]], *, what: str, pause: float, rest: float
) -> None:
    """Goes through records in steps, which several servers may do at the same time: a step returns
    whether there is more to do now, and is lost if it raises Stale. `pause` are the seconds between
    two steps, `rest` those between two looks for something to do. `what` names it in the log."""
    while True:
        more = False
        try:
            with contextlib.suppress(Stale):  # Another server is at it.
                more = await step()
        except (Unavailable, TemporarilyUnavailable) as error:
            log.warning(f"{what} postponed", detail=str(error))
        await asyncio.sleep(pause if more else rest)


SWEEP_SECONDS: Final = 10.0
"""Seconds between two sweeps of what has expired."""

SWEEP_PAUSE: Final = 0.05
"""Seconds between the steps of a sweep."""


async def sweep(store: Store, *, event_seconds: Callable[[], int]) -> None:
    """Removes what has expired, and events that are older than `event_seconds`."""
    pause = SWEEP_SECONDS
    while True:
        await asyncio.sleep(pause)
        try:
            now = int(time.time())
            oldest = now - event_seconds()
            # If something was removed, there may be more: go on soon.
            removed = await store.sweep(now, events_before=oldest)
            pause = SWEEP_PAUSE if removed else SWEEP_SECONDS
        except Unavailable as error:
            log.warning("sweep postponed", detail=str(error))


ERASURE_SECONDS: Final = 30.0
"""Seconds between two looks for accounts to erase."""


async def erase_due(shell: Shell) -> None:
    """Erases accounts whose grace has ended, and purges what was kept about erased ones. Every node
    does it; what one has done, another does not find."""
    while True:
        await asyncio.sleep(ERASURE_SECONDS)
        try:
            await erase_now(shell)
        except (Unavailable, TemporarilyUnavailable) as error:
            log.warning("erasure postponed", detail=str(error))


async def erase_now(shell: Shell) -> None:
    """Does what is due now. Raises Unavailable, TemporarilyUnavailable."""
    before = ""
    while True:
        page = await shell.store.page(PageQuery(record=Erasure, before=before, limit=STEP))
        now = (await shell.context()).env.now
        for row in page.records:
            more = is_due(row, now)
            while more:
                done, _ = await shell.settle(partial(do_due, row.user))
                more = done.more
        before = page.next
        if not before:
            return


STATISTICS_SECONDS: Final = 10
"""Seconds between two writes of what was counted in memory."""


async def write_statistics(shell: Shell) -> None:
    """Adds what was counted in memory to the database, again and again, and when it is stopped."""
    try:
        while True:
            for _ in range(STATISTICS_SECONDS):
                await asyncio.sleep(1)
                shell.collector.count_issued()
            await _write_statistics(shell)
    finally:
        await _write_statistics(shell)


async def _write_statistics(shell: Shell) -> None:
    # What fails is tried again the next time.
    try:
        await shell.collector.flush(shell.store)
    except (Unavailable, TemporarilyUnavailable) as error:
        log.warning("statistics postponed", detail=str(error))
