"""The jobs of the writer of an SQLite database: commits and sweeps."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import apsw
import msgspec

from valetkey.server.model import ids
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
from valetkey.server.model.change_log import entries_of
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.query import One
from valetkey.server.model.search import SEARCHED
from valetkey.server.model.statistic import Statistic, added
from valetkey.server.store.port import RECORDS, check_names, forget_at, marked
from valetkey.server.store.sqlite import tree
from valetkey.server.store.sqlite.search import write_terms
from valetkey.server.store.sqlite.table import plain, table
from valetkey.wire.change_log import Entry

# Counters in SQLite: one statement adds to a counter or subtracts from it.

_COUNT: Final = """
INSERT INTO throttles AS t (key, version, forget_at, body) VALUES (?1, 1, ?3, ?5)
ON CONFLICT (key) DO UPDATE SET
    version = t.version + 1,
    forget_at = iif(t.forget_at > ?2, t.forget_at, ?3),
    body = CAST(json_set(
        CAST(iif(t.forget_at > ?2, t.body, ?5) AS TEXT),
        '$.tried',
        iif(t.forget_at > ?2, json_extract(CAST(t.body AS TEXT), '$.tried'), 0) + ?4,
        '$.version',
        t.version + 1
    ) AS BLOB)
RETURNING body
"""
_UNCOUNT: Final = """
UPDATE throttles AS t SET
    version = t.version + 1,
    body = CAST(json_set(
        CAST(t.body AS TEXT),
        '$.tried',
        max(0, json_extract(CAST(t.body AS TEXT), '$.tried') - ?3),
        '$.version',
        t.version + 1
    ) AS BLOB)
WHERE key = ?1 AND t.forget_at > ?2
"""

_counter: Final = msgspec.json.Decoder(Throttle)


def count(cursor: apsw.Cursor, more: Throttle) -> Throttle:
    """Add to the counter, or start it. Returns the counter afterwards. Raises Unstorable."""
    check_names((more.key,))
    body = msgspec.json.encode(msgspec.structs.replace(more, version=1))
    binds = (more.key, more.since, more.forget_at, more.tried, body)
    rows: list[Any] = cursor.execute(_COUNT, binds).fetchall()
    return _counter.decode(rows[0][0])


def uncount(cursor: apsw.Cursor, less: Throttle) -> None:
    """Subtract from the counter, if its window is still open."""
    cursor.execute(_UNCOUNT, (less.key, less.since, less.tried))


_NUMBERS: Final = "SELECT body FROM statistics WHERE key = ?"
_REPLACE: Final = "UPDATE statistics SET version = ?, body = ? WHERE key = ?"

_statistic: Final = msgspec.json.Decoder(Statistic)


def add(cursor: apsw.Cursor, more: Statistic) -> None:
    """Add to the numbers of the row, or write it. Raises Unstorable."""
    check_names((more.key, more.start))
    rows: list[Any] = cursor.execute(_NUMBERS, (more.key,)).fetchall()
    if not rows:
        _written(cursor, Create(more))
        return
    before = _statistic.decode(rows[0][0])
    after = msgspec.structs.replace(
        before, numbers=added(before.numbers, more.numbers), version=before.version + 1
    )
    cursor.execute(_REPLACE, (after.version, msgspec.json.encode(after), more.key))


SWEEP_ROWS: Final = 200
"""The largest number of rows of each table that one sweep deletes."""


class WriteJob:
    """Something to write, and the future that waits for its outcome. A `slow` job is not written on
    the event loop. A `single` job is one statement, which is atomic without a savepoint."""

    slow = False
    single = False

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.future: asyncio.Future[int] = loop.create_future()
        self.outcome: int | Exception = 0

    def run(self, cursor: apsw.Cursor) -> int:
        """Write; return the number of rows. Raises Stale if a precondition fails."""
        raise NotImplementedError

    def resolve(self) -> None:
        """Set the future's result. Runs on the event loop of the caller."""
        if self.future.done():
            return
        if isinstance(self.outcome, Exception):
            self.future.set_exception(self.outcome)
        else:
            self.future.set_result(self.outcome)


class Commit(WriteJob):
    """Changes and events of one request, all or nothing."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, changes: Sequence[Change], events: Sequence[Event]
    ) -> None:
        super().__init__(loop)
        self._changes = written_changes(changes, events)
        self.counters: list[Throttle] = []
        self._entries = entries_of(self._changes)
        self.single = len(self._changes) == 1 and not self._entries
        if self.single and type(self._changes[0].record) in SEARCHED:
            self.single = False

    def run(self, cursor: apsw.Cursor) -> int:
        self.counters.clear()
        for change in self._changes:
            if isinstance(change, Create | Update | Remove):
                if not _written(cursor, change):
                    raise Stale(change)
                if type(change.record) in SEARCHED:
                    write_terms(cursor, change)
            else:
                self._run_commuting(cursor, change)
        if self._entries:
            _log(cursor, self._entries)
        return len(self._changes)

    def _run_commuting(
        self, cursor: apsw.Cursor, change: Count | Uncount | Tally | Add | Index
    ) -> None:
        match change:
            case Count(record=more):
                self.counters.append(count(cursor, more))
            case Uncount(record=less):
                uncount(cursor, less)
            case Tally(record=event):
                if not tree.Tree.of(Event).tally(cursor, event):
                    raise Stale(change)
            case Add(record=row):
                add(cursor, row)
            case Index(record=record):
                want = One(type(record), record.key)
                current = table(type(record)).find(cursor.connection, want)
                if current and current[0].version == record.version:
                    write_terms(cursor, change)


_SWEEP_LOG: Final = (
    "DELETE FROM log WHERE seq IN (SELECT seq FROM log WHERE seq < coalesce((SELECT seq FROM log "
    "WHERE forget_at > ? ORDER BY seq LIMIT 1), 9e18) ORDER BY seq LIMIT ?) RETURNING 1"
)

_SWEEPS: Final = (
    *(plain(kind).sweep for kind in RECORDS if not kind.rank),
    tree.SWEEP,
    _SWEEP_LOG,
)


class Sweep(WriteJob):
    """A small step of forgetting: what expired before `now`, and events of before `told`."""

    slow = True

    def __init__(self, loop: asyncio.AbstractEventLoop, now: int, *, events_before: int) -> None:
        super().__init__(loop)
        self._steps: list[tuple[str, int | bytes]] = [(one, now) for one in _SWEEPS]
        if events_before:
            self._steps.append((tree.SWEEP_EVENTS, ids.time_prefix(events_before)))

    def run(self, cursor: apsw.Cursor) -> int:
        return sum(
            len(cursor.execute(statement, (until, SWEEP_ROWS)).fetchall())
            for statement, until in self._steps
        )


_NEXT: Final = "UPDATE log_head SET seq = seq + 1 RETURNING seq"
_APPEND: Final = "INSERT INTO log (seq, forget_at, body) VALUES (?, ?, ?)"


def _log(cursor: apsw.Cursor, entries: Sequence[Entry]) -> None:
    """Append entries to the change log. There is one writer at a time, and a rolled-back job
    returns its numbers, so the numbers have no gap."""
    for entry in marked(entries):
        ((seq,),) = cursor.execute(_NEXT)
        cursor.execute(_APPEND, (seq, forget_at(entry), msgspec.json.encode(entry)))


def _written(cursor: apsw.Cursor, change: Versioned) -> bool:
    """Write one change; return whether its precondition held."""
    try:
        return table(type(change.record)).write(cursor, change)
    except apsw.ConstraintError:
        return False  # The alias is taken.
