"""Compares a database with the files beside it, and narrows it by them after a restore."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.keys import CURRENT, Epoch
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import One, PageQuery
from valetkey.server.store.port import Store, Unavailable, every_record, milliseconds
from valetkey.server.store.revocations.facts import KINDS, Fact, born_of, missing, narrowed
from valetkey.server.store.revocations.files import MARGIN, Fault, Line, read_place
from valetkey.server.store.revocations.marks import (
    applied_until,
    begin_keeping,
    begin_restore,
    mark,
)
from valetkey.server.store.revocations.places import Place, reason

BATCH: Final = 100


class RowState(NamedTuple):
    """What the files say of one row: its last state, when that was (milliseconds since 1970), and
    the highest birth and version of it. `is_done`: the database has confirmed one of them."""

    state: dict[str, Any] | None
    at: int
    top: tuple[int, int]
    is_done: bool


class Shipped(NamedTuple):
    """What a place says. `first`, of its first line, and `known_until` are in milliseconds since
    1970, 0 for an empty one."""

    latest: dict[tuple[str, str], RowState]
    faults: tuple[Fault, ...]
    known_until: int
    first: int


class Incomplete(Unavailable):
    """The files have faults, so something that ended may be missing in them."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = tuple(faults)


class Revived(Unavailable):
    """The database is older than the files: what ended since would work again."""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What a restore applied. `narrowed` are numbers of rows by table. `known_until` and `lost`,
    the spans of which nothing is known, are in seconds since 1970; `epoch` is the epoch that began
    because of them, None if none did. `asked_again` is the number of grants that ended with it."""

    narrowed: dict[str, int]
    known_until: int
    lost: tuple[tuple[int, int], ...] = ()
    epoch: int | None = None
    asked_again: int = 0


def read_shipped(place: Place, key: bytes, *, after: int = 0, since: int = 0) -> Shipped:
    """Fold the facts after a moment; faults alone of those that reach to `since`. Raises
    Unavailable."""
    latest: dict[tuple[str, str], RowState] = {}
    faults: list[Fault] = []
    newest = first = 0
    try:
        for lines, fault in read_place(place, key, after=after):
            if fault is not None and not 0 < fault.until < since:
                faults.append(fault)
            if lines:
                first = first or lines[0].at
                newest = max(newest, lines[-1].at)
            _fold(latest, lines, after=after)
    except OSError as error:
        raise Unavailable(f"{place} cannot be read: {reason(error)}") from error
    return Shipped(latest, tuple(faults), newest, first)


def _fold(latest: dict[tuple[str, str], RowState], lines: Sequence[Line], *, after: int) -> None:
    settled: dict[str, set[int]] = {"done": set(), "void": set()}
    for line in lines:
        if line.kind in settled:
            settled[line.kind].update(line.content)
    for line in lines:
        if line.kind != "fact" or line.number in settled["void"] or line.at <= after:
            continue
        fact = msgspec.convert(line.content, Fact)
        mine = (fact.born, fact.version)
        is_done = line.number in settled["done"]
        old = latest.get((fact.table, fact.key))
        if old is None:
            latest[fact.table, fact.key] = RowState(fact.state, line.at, mine, is_done)
            continue
        is_later = (line.at, mine) >= (old.at, old.top)
        latest[fact.table, fact.key] = RowState(
            fact.state if is_later else old.state,
            max(old.at, line.at),
            max(old.top, mine),
            is_done or old.is_done,
        )


async def behind(
    store: Store, shipped: Shipped, now: int
) -> AsyncIterator[tuple[str, RowState, tuple[Change, ...]]]:
    """The rows that are less narrow than the files say: table, what the files say, the changes."""
    names = [name for name in shipped.latest if name[0] in KINDS]
    for start in range(0, len(names), BATCH):
        queries = {name: One(KINDS[name[0]], name[1]) for name in names[start : start + BATCH]}
        rows = await store.read(*queries.values())
        for name, query in queries.items():
            latest, row = shipped.latest[name], rows.one(query)
            if row is None:
                changes = missing(name, latest.state, now)
            elif (born_of(row), row.version) < latest.top:
                changes = narrowed(row, latest.state, now)
            else:
                continue
            if changes:
                yield name[0], latest, changes


async def check_not_revived(store: Store, place: Place, key: bytes) -> tuple[Fault, ...]:
    """Check that a server may start on the database. What was being written when a server died is
    settled: it ends. Returns the faults of the files. Raises Revived, Unavailable."""
    await begin_keeping(store, place)
    after, is_open = await applied_until(store)
    if not after and not is_open:
        raise Revived(f"the database is older than the first file in {place}")
    if is_open:
        raise Revived("the restore of this database has not ended")
    since = max(after, await _newest(store) - MARGIN)
    shipped = await asyncio.to_thread(read_shipped, place, key, after=since, since=since)
    open_changes: list[Change] = []
    count = 0
    async for _, latest, changes in behind(store, shipped, int(time.time())):
        if latest.is_done:
            count += 1
        else:
            open_changes += changes
    if count:
        raise Revived(
            f"the database is older than {place}: {count} things that ended since would work again"
        )
    await _commit(store, open_changes)
    return shipped.faults


async def apply(store: Store, place: Place, key: bytes, *, lost: bool = False) -> Applied:
    """Narrow a restored database by the files. Raises Incomplete if they have faults, unless what
    is missing is `lost`: then what may have ended in these spans ends. Raises Unavailable."""
    await begin_restore(store)
    after, _ = await applied_until(store)
    since = max(after, await _newest(store))
    shipped = await asyncio.to_thread(read_shipped, place, key, after=after, since=since)
    if not after or not (shipped.first or shipped.faults):
        shipped = shipped._replace(faults=(_before(place, shipped), *shipped.faults))
    if shipped.faults and not lost:
        raise Incomplete(shipped.faults)
    now = int(time.time())
    numbers: dict[str, int] = {}
    waiting: list[Change] = []
    async for table, _, changes in behind(store, shipped, now):
        numbers[table] = numbers.get(table, 0) + 1
        waiting += changes
        if len(waiting) >= BATCH:
            await _commit(store, waiting)
            waiting = []
    await _commit(store, waiting)
    # Requests that waited then may have been answered since.
    async for records in every_record(store, Pending):
        await _commit(store, [Remove(one) for one in records])
    epoch, ended = None, 0
    at = milliseconds()
    spans = tuple((one.since, one.until or at) for one in shipped.faults)
    if spans:
        epoch, ended = await _end(store, shipped, max(until for _, until in spans))
    await mark(store, max(shipped.known_until, milliseconds()))
    return Applied(
        narrowed=dict(sorted(numbers.items())),
        known_until=shipped.known_until // 1000,
        lost=tuple((start // 1000, until // 1000) for start, until in spans),
        epoch=epoch,
        asked_again=ended,
    )


async def lose(store: Store) -> None:
    """Note that the files are of no use for what was before: all of it has ended."""
    await mark(store, milliseconds())


def _before(place: Place, shipped: Shipped) -> Fault:
    until = shipped.first
    return Fault(str(place), "the backup is older than the first file, or all are gone", 0, until)


async def _end(store: Store, shipped: Shipped, until: int) -> tuple[int, int]:
    """Begin an epoch. Only grants of which something is known after `until` (milliseconds since
    1970) are taken over. Returns the epoch, and how many were not."""
    now = int(time.time())
    query = One(Epoch, CURRENT)
    before = (await store.read(query)).one(query)
    number = 1 if before is None else before.number + 1
    carried: set[str] = set()
    ended = 0
    async for grants in every_record(store, Grant):
        changes: list[Change] = []
        for one in grants:
            line = shipped.latest.get((Grant.table, one.id))
            if one.status == "stopped":
                continue
            if max(one.created, one.changed) * 1000 > until or (line and line.at > until):
                carried.add(one.id)
                changes.append(Update(replace(one, epoch=number)))
            else:
                ended += 1
        await _commit(store, changes)
    async for families in every_record(store, TokenFamily):
        closed: list[Change] = []
        for family in families:
            line = shipped.latest.get((TokenFamily.table, family.id))
            is_known = max(family.created, family.used) * 1000 > until or (line and line.at > until)
            if family.status != "closed" and family.grant in carried and not is_known:
                closed.append(Update(replace(family, status="closed", because="a restore")))
        await _commit(store, closed)
    if before is None:
        await store.commit([Create(Epoch(number=number, since=now))])
    else:
        await store.commit([Update(replace(before, number=number, since=now))])
    return number, ended


async def _commit(store: Store, changes: Iterable[Change]) -> None:
    if wanted := list(changes):
        await store.commit(wanted)


async def _newest(store: Store) -> int:
    newest = (await store.page(PageQuery(record=Event, limit=1))).records
    return newest[0].at * 1000 if newest else 0
