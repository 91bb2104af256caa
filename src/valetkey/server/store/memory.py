"""A store in memory, for tests. It is also the simplest implementation of the interface."""

import itertools
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from valetkey.server.model.change import (
    Add,
    Change,
    Count,
    Create,
    Index,
    Remove,
    Stale,
    Tally,
    Uncount,
    Update,
    Versioned,
    written_changes,
)
from valetkey.server.model.change_log import Log, entries_of, piece
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.query import Many, One, OneByAlias, Page, PageQuery, Query, Results
from valetkey.server.model.record import Record
from valetkey.server.model.search import (
    MOST_COUNTED,
    SearchQuery,
    cursor,
    start,
    stored_key,
    terms_of,
    written_key,
)
from valetkey.server.model.statistic import Statistic, added
from valetkey.server.store.port import Unstorable, check_names, forget_at, marked
from valetkey.wire.change_log import Entry

R = TypeVar("R", bound=Record)


class MemoryStore:
    """Holds records for as long as the process runs."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, Record]] = {}
        self._log: list[Entry] = []
        self._head = 0

    async def read(self, *wants: Query) -> Results:
        return Results({want: self._find(want) for want in wants})

    async def commit(
        self, changes: Sequence[Change], events: Sequence[Event] = ()
    ) -> tuple[Throttle, ...]:
        after = {name: dict(rows) for name, rows in self._tables.items()}
        counters: list[Throttle] = []
        for change in written_changes(changes, events):
            rows = after.setdefault(change.record.table, {})
            match change:
                case Count(record=more):
                    counters.append(_add(rows, more))
                case Uncount(record=less):
                    _take(rows, less)
                case Tally(record=event):
                    _tally(rows, event)
                case Add(record=row):
                    _add_numbers(rows, row)
                case Index():
                    pass  # A search looks at the records themselves.
                case Create() | Update() | Remove():
                    self._apply(rows, change)
        self._tables = after
        for entry in marked(entries_of(changes)):
            self._head += 1
            self._log.append(msgspec.structs.replace(entry, seq=self._head))
        return tuple(counters)

    async def page(self, query: PageQuery[R]) -> Page[R]:
        if isinstance(query, SearchQuery):
            return self._search(query)
        _check(query.record, query.index)
        rows = [
            record
            for record in self._rows(query.record)
            if isinstance(record, query.record)
            and _has(record, query.index, query.value)
            and (not query.before or record.key < query.before)
        ]
        rows.sort(key=lambda record: record.key, reverse=True)
        chosen = rows[: query.limit]
        return Page(tuple(chosen), chosen[-1].key if len(rows) > query.limit else "")

    def _search(self, query: SearchQuery[R]) -> Page[R]:
        places = sorted(
            (term, stored_key(row))
            for row in self._rows(query.record)
            for term in terms_of(row)
            if query.first <= term < query.end
        )
        at = start(query)
        rest = [one for one in places if (one < at if query.newest else one > at)]
        rest = rest[::-1] if query.newest else rest
        chosen = rest[: query.limit]
        keys = dict.fromkeys(written_key(query.record, key) for _, key in chosen)
        rows = self._tables.get(query.record.table, {})
        records = tuple(row for key in keys if isinstance(row := rows[key], query.record))
        total = min(len(places), MOST_COUNTED + 1) if query.count else None
        return Page(records, cursor(chosen[-1]) if len(rest) > query.limit else "", total)

    async def sweep(self, now: int, *, events_before: int = 0) -> int:
        forgotten = 0
        for name, rows in self._tables.items():
            remaining = {
                key: row for key, row in rows.items() if not _is_over(row, now, events_before)
            }
            forgotten += len(rows) - len(remaining)
            self._tables[name] = remaining
        return forgotten + self._forget(now)

    async def log(self, after: int, *, limit: int = 100) -> Log:
        rows = [entry for entry in self._log if entry.seq >= after][: limit + 1]
        first = self._log[0].seq if self._log else self._head + 1
        return piece(rows, after=after, head=self._head, first=first)

    async def close(self) -> None:
        return None

    def _forget(self, now: int) -> int:
        over = [*itertools.takewhile(lambda entry: forget_at(entry) <= now, self._log)]
        del self._log[: len(over)]
        return len(over)

    def _find(self, want: Query) -> tuple[Record, ...]:
        match want:
            case One(record=kind, key=key):
                row = self._tables.get(kind.table, {}).get(key)
                return () if row is None else (row,)
            case OneByAlias(record=kind, alias=alias):
                return tuple(row for row in self._rows(kind) if alias and row.alias == alias)
            case Many(record=kind, index=index, value=value):
                _check(kind, index)
                rows = [row for row in self._rows(kind) if _has(row, index, value)]
                return tuple(sorted(rows, key=lambda row: row.key))

    def _rows(self, kind: type[Record]) -> list[Record]:
        return list(self._tables.get(kind.table, {}).values())

    def _apply(self, rows: dict[str, Record], change: Versioned) -> None:
        record = change.record
        _check_storable(record)
        before = rows.get(record.key)
        taken = any(row.alias == record.alias for key, row in rows.items() if key != record.key)
        alias_taken = bool(record.alias) and taken
        match change:
            case Create():
                if before is not None or alias_taken:
                    raise Stale(change)
                rows[record.key] = msgspec.structs.replace(record, version=1)
            case Update():
                if before is None or before.version != record.version or alias_taken:
                    raise Stale(change)
                rows[record.key] = msgspec.structs.replace(record, version=record.version + 1)
            case Remove():
                if before is None or before.version != record.version:
                    raise Stale(change)
                del rows[record.key]


def _check_storable(record: Record) -> None:
    check_names((record.key, record.alias, *(getattr(record, one) for one in record.indexes)))
    encode = msgspec.msgpack.encode if record.rank else msgspec.json.encode
    try:
        encode(record)
        record.forget_at.to_bytes(8, signed=True)
    except (UnicodeEncodeError, OverflowError) as error:
        raise Unstorable(str(error)) from error


def _tally(rows: dict[str, Record], event: Event) -> None:
    _check_storable(event)
    before = rows.get(event.key, event)
    rows[event.key] = msgspec.structs.replace(before, version=before.version + 1)


def _add(rows: dict[str, Record], more: Throttle) -> Throttle:
    _check_storable(more)
    before = rows.get(more.key)
    if isinstance(before, Throttle) and before.is_running(more.since):
        counter = _with(before, more.tried)
    else:
        version = 0 if before is None else before.version
        counter = msgspec.structs.replace(more, version=version + 1)
    rows[more.key] = counter
    return counter


def _add_numbers(rows: dict[str, Record], more: Statistic) -> None:
    _check_storable(more)
    before = rows.get(more.key)
    if isinstance(before, Statistic):
        numbers = added(before.numbers, more.numbers)
        more = msgspec.structs.replace(before, numbers=numbers)
    rows[more.key] = msgspec.structs.replace(more, version=more.version + 1)


def _take(rows: dict[str, Record], less: Throttle) -> None:
    before = rows.get(less.key)
    if isinstance(before, Throttle) and before.is_running(less.since):
        rows[less.key] = _with(before, -less.tried)


def _with(counter: Throttle, more: int) -> Throttle:
    tried, version = max(0, counter.tried + more), counter.version + 1
    return msgspec.structs.replace(counter, tried=tried, version=version)


def _is_over(record: Record, now: int, events_before: int) -> bool:
    return 0 < record.forget_at <= now or (isinstance(record, Event) and record.at < events_before)


def _has(record: Record, index: str, value: str) -> bool:
    return not index or getattr(record, index) == value


def _check(kind: type[Record], index: str) -> None:
    if index and index not in kind.indexes:
        raise ValueError(f"{kind.table} has no index {index!r}")
