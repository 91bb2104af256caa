"""Caches records that only an administrator changes, such as clients, so that not every request
reads them again.

A record is cached for one second at most, like keys and catalogs. When this process writes such a
record, it clears the cache at once. It also clears the cache when it loses a race, because a lost
race means that some record was out of date.
"""

import time
from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

from valetkey.server.model.audit import NOT_RECORDED, AuditDraft
from valetkey.server.model.change import Change, Stale
from valetkey.server.model.client import Client
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.query import Query, RecentOne, Results
from valetkey.server.model.record import Record
from valetkey.server.model.resource import ResourceServer
from valetkey.server.store.port import Store, StoreLayer

R = TypeVar("R", bound=Record)

FRESH: Final = 1.0
"""Seconds for which a record is cached."""

MOST: Final = 4096
"""The largest number of cached records."""


_names: Final[set[str]] = set()
"""Ids of clients and APIs that this process has read lately, up to MOST."""


def is_client(name: str) -> bool:
    """Whether a client or an API of this name was found in the store. For the log: whatever else
    somebody sends in place of a name may be a secret. Names that nobody used lately may be
    missing."""
    return name in _names


class CommitRecorder(Protocol):
    """Commits, and records it. `every`: also what has neither an event nor a draft."""

    every: bool

    async def commit(
        self, changes: Sequence[Change], events: Sequence[Event] = ()
    ) -> tuple[Throttle, ...]:
        """As `Store.commit`."""
        ...


class CachedStore(StoreLayer):
    """A store with a cache for `RecentOne` queries in front of it."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._kept: dict[Query, tuple[float, Results]] = {}
        self._kinds: set[type[Record]] = set()
        self._forgotten = 0
        self.recorder: CommitRecorder | None = None
        """Writes audit records, each in the commit that it is about."""

    async def read(self, *wants: Query) -> Results:
        if RecentOne not in map(type, wants):
            return await self.store.read(*wants)
        recalled: dict[Query, tuple[Record, ...]] = {}
        to_read: list[Query] = []
        lately: list[Query] = []
        now = time.monotonic()
        for want in wants:
            if type(want) is RecentOne:
                cached = self._kept.get(want)
                if cached is not None and now - cached[0] < FRESH:
                    if len(wants) == 1:
                        return cached[1]
                    recalled[want] = cached[1].records(want)
                    continue
                self._kinds.add(want.record)
                lately.append(want)
            to_read.append(want)
        if recalled and not to_read:
            return Results(recalled)
        before = self._forgotten
        answer = await self.store.read(*to_read)
        for want in lately:
            _learn(answer.records(want))
        if lately and before == self._forgotten:
            self._keep(answer, lately, now)
        return answer.with_records(recalled) if recalled else answer

    def _keep(self, answer: Results, wants: Sequence[Query], now: float) -> None:
        for want in wants:
            if records := answer.records(want):
                if len(self._kept) >= MOST:
                    self._kept.clear()
                self._kept[want] = now, Results({want: records})

    async def commit(
        self, changes: Sequence[Change], events: Sequence[Event] = ()
    ) -> tuple[Throttle, ...]:
        # Not in a function of its own: each costs every token request.
        recorded = self.recorder is not None and self.recorder.every
        for event in events:
            recorded = recorded or event.kind not in NOT_RECORDED
        for change in changes:
            recorded = recorded or type(change.record) is AuditDraft
        try:
            if recorded and self.recorder is not None:
                return await self.recorder.commit(changes, events)
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


def _learn(records: Sequence[Record]) -> None:
    for record in records:
        if isinstance(record, Client | ResourceServer):
            if len(_names) >= MOST:
                _names.clear()
            _names.add(record.id)
