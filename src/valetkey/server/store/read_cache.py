"""What a rule may know of a moment ago: records that an administrator changes, such as clients, are
not read again for every request.

A record is recalled for a second at the most, as keys and catalogs are. What this process writes it
forgets at once; and all, when it has lost a race, because then something was older than it seemed.
"""

import time
from collections.abc import Sequence
from typing import Final, TypeVar

from valetkey.server.model.change import Change, Stale
from valetkey.server.model.change_log import Log
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.query import Page, PageQuery, Query, RecentOne, Results
from valetkey.server.model.record import Record
from valetkey.server.store.port import Store

R = TypeVar("R", bound=Record)

FRESH: Final = 1.0
"""Seconds for which a record is recalled."""

MOST: Final = 4096
"""Records that are recalled."""


class Recall:
    """A store, before which some records are remembered."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._kept: dict[Query, tuple[float, Results]] = {}
        self._kinds: set[type[Record]] = set()
        self._forgotten = 0

    async def read(self, *wants: Query) -> Results:
        if RecentOne not in map(type, wants):
            return await self.store.read(*wants)
        recalled: dict[Query, tuple[Record, ...]] = {}
        asked: list[Query] = []
        lately: list[Query] = []
        now = time.monotonic()
        for want in wants:
            if type(want) is RecentOne:
                kept = self._kept.get(want)
                if kept is not None and now - kept[0] < FRESH:
                    if len(wants) == 1:
                        return kept[1]
                    recalled[want] = kept[1].records(want)
                    continue
                self._kinds.add(want.record)
                lately.append(want)
            asked.append(want)
        if recalled and not asked:
            return Results(recalled)
        before = self._forgotten
        found = await self.store.read(*asked)
        if lately and before == self._forgotten:
            self._keep(found, lately, now)
        return found.with_records(recalled) if recalled else found

    def _keep(self, found: Results, wants: Sequence[Query], now: float) -> None:
        for want in wants:
            if records := found.records(want):
                if len(self._kept) >= MOST:
                    self._kept.clear()
                self._kept[want] = now, Results({want: records})

    async def commit(
        self, changes: Sequence[Change], events: Sequence[Event] = ()
    ) -> tuple[Throttle, ...]:
        try:
            return await self.store.commit(changes, events)
        except Stale:
            self._forget()
            raise
        finally:
            for change in changes:
                if type(change.record) in self._kinds:
                    self._forget()
                    break

    def _forget(self) -> None:
        self._forgotten += 1
        self._kept.clear()

    async def page(self, query: PageQuery[R]) -> Page[R]:
        return await self.store.page(query)

    async def log(self, after: int, *, limit: int = 100) -> Log:
        return await self.store.log(after, limit=limit)

    async def sweep(self, now: int, *, told: int = 0) -> int:
        return await self.store.sweep(now, told=told)

    async def close(self) -> None:
        await self.store.close()
