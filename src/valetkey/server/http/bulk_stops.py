"""Bulk stops: finds the grants of a filter, and stops them one by one."""

import asyncio
from collections.abc import Sequence
from functools import partial
from os import urandom
from typing import Final

import msgspec

from valetkey.server.http import log
from valetkey.server.http.shell import Shell
from valetkey.server.model import search
from valetkey.server.model.bulk_stop import BulkStop, GrantFilter
from valetkey.server.model.change import Update
from valetkey.server.model.grant import Grant
from valetkey.server.model.last_use import DAY, LastUse
from valetkey.server.model.query import One, PageQuery, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.grants.changes import GrantChanged, change_status
from valetkey.server.store.port import Store, Unavailable
from valetkey.spec.errors import TemporarilyUnavailable

STEP: Final = 50
"""Grants of one page."""

LEASE: Final = 30
"""Seconds for which a server may work on a bulk stop without a sign of life."""

PAUSE: Final = 2.0
"""Seconds between two looks for a bulk stop."""

MOST: Final = 100
"""Bulk stops that are looked at."""


class GrantMatches(msgspec.Struct, frozen=True, kw_only=True):
    """Some grants of a filter; `next` is where the next page begins, `total` their number, up to
    `search.MOST_COUNTED` + 1."""

    grants: tuple[Grant, ...]
    next: str
    total: int | None = None


class WrongFilter(ValueError):
    """There is no index for these conditions together."""


async def find_grants(
    store: Store, what: GrantFilter, *, before: str = "", limit: int = STEP, count: bool = False
) -> GrantMatches:
    """A page of live grants: the newest first, with `unused_since` the one that was used longest
    ago. Raises WrongFilter, WrongCursor, Unavailable."""
    if not what.unused_since:
        query = _query(what, before=before, limit=limit, count=count)
        page = await store.page(query)
        return GrantMatches(grants=page.records, next=page.next, total=page.total)
    if what.permission:
        raise WrongFilter("unused_since and permission do not go together")
    facet = search.of_app(search.USED_APP, what.app) if what.app else search.USED
    until = facet + search.on_day(what.unused_since // DAY)
    unused = search.SearchQuery(
        record=LastUse, first=facet, end=until, before=before, limit=limit, count=count
    )
    uses = await store.page(unused)
    queries = [One(Grant, one.grant) for one in uses.records]
    results = await store.read(*queries) if queries else None
    grants = [] if results is None else [results.one(one) for one in queries]
    live = tuple(
        one
        for one in grants
        if one is not None and one.status != "stopped" and one.created <= what.unused_since
    )
    return GrantMatches(grants=live, next=uses.next, total=uses.total)


def _query(what: GrantFilter, *, before: str, limit: int, count: bool) -> PageQuery[Grant]:
    if what.permission:
        prefix = search.of_permission(what.permission, what.app)
        make = search.exactly if what.app else search.beginning
        return make(Grant, prefix, newest=True, before=before, limit=limit, count=count)
    if what.app:
        term = search.of_app(search.LIVE, what.app)
        return search.exactly(Grant, term, newest=True, before=before, limit=limit, count=count)
    return search.beginning(
        Grant, search.LIVE, newest=True, before=before, limit=limit, count=count
    )


# --- the work ------------------------------------------------------------------------------------


class Stopping(Outcome, frozen=True, kw_only=True, eq=False):
    """What came of one grant. `mine`: this server still works on the bulk stop."""

    mine: bool = True


async def run(shell: Shell) -> None:
    """Works on bulk stops, again and again. One server at a time works on each."""
    worker = urandom(8).hex()
    while True:
        try:
            await work(shell, worker)
        except (Unavailable, TemporarilyUnavailable) as error:
            log.warning("bulk stop postponed", detail=str(error))
        await asyncio.sleep(PAUSE)


async def work(shell: Shell, worker: str) -> None:
    """Works on each bulk stop that is running and that no other server works on. Raises
    Unavailable, TemporarilyUnavailable."""
    page = await shell.store.page(PageQuery(record=BulkStop, limit=MOST))
    for one in page.records:
        if one.status == "running":
            leased, _ = await shell.settle(partial(_lease, one.id, worker))
            if leased.mine:
                await _stop_all(shell, one, worker)


async def _stop_all(shell: Shell, order: BulkStop, worker: str) -> None:
    before = ""
    while True:
        matches = await find_grants(shell.store, order.filter, before=before)
        for grant in _in_order(matches.grants, order):
            outcome, _ = await shell.settle(partial(_stop, order.id, worker, grant=grant))
            if not outcome.mine:
                return
        before = matches.next
        if not before:
            break
    await shell.settle(partial(_finish, order.id, worker))


def _in_order(grants: Sequence[Grant], order: BulkStop) -> list[Grant]:
    """Those that were there at the preview. Unused ones were also made before that moment."""
    until = order.filter.unused_since or order.created
    return [one for one in grants if one.created <= min(until, order.created)]


def _leased_row(name: str, worker: str) -> Rule[BulkStop | None]:
    query = One(BulkStop, name)
    row = (yield (query,)).one(query)
    return row if row is not None and row.status == "running" and row.worker == worker else None


def _lease(name: str, worker: str, context: Context) -> Rule[Stopping]:
    query = One(BulkStop, name)
    row = (yield (query,)).one(query)
    now = context.env.now
    if row is None or row.status != "running" or (row.worker != worker and now < row.leased):
        return Stopping(mine=False)
    leased = msgspec.structs.replace(row, worker=worker, leased=now + LEASE)
    return Stopping(changes=(Update(leased),))


def _stop(name: str, worker: str, context: Context, *, grant: Grant) -> Rule[Stopping]:
    """Stops one grant, and counts it in the same commit."""
    row = yield from _leased_row(name, worker)
    if row is None:
        return Stopping(mine=False)
    outcome = yield from change_status(
        grant.id,
        "stop",
        user=grant.user,
        by="administrator",
        context=context,
        reason=row.reason,
    )
    if not isinstance(outcome, GrantChanged) or not outcome.changes:
        return Stopping()
    now = context.env.now
    counted = msgspec.structs.replace(row, stopped=row.stopped + 1, leased=now + LEASE, changed=now)
    return Stopping(changes=(*outcome.changes, Update(counted)), events=outcome.events)


def _finish(name: str, worker: str, context: Context) -> Rule[Stopping]:
    row = yield from _leased_row(name, worker)
    if row is None:
        return Stopping(mine=False)
    finished = msgspec.structs.replace(row, status="finished", changed=context.env.now)
    return Stopping(changes=(Update(finished),))
