"""The jobs of the writer of an SQLite database: commits and sweeps."""

import asyncio
from collections.abc import Sequence
from typing import Final

import apsw
import msgspec

from valetkey.server.model import ids
from valetkey.server.model.change import (
    Change,
    Count,
    Create,
    Remove,
    Stale,
    Tally,
    Uncount,
    Update,
    Versioned,
    record_event,
)
from valetkey.server.model.change_log import entries_of
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.store.change_log import forget_at, marked
from valetkey.server.store.port import RECORDS
from valetkey.server.store.sqlite import counters, tree
from valetkey.server.store.sqlite.table import plain, table
from valetkey.wire.change_log import Entry

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
        self._changes = (*changes, *map(record_event, events))
        self.counters: list[Throttle] = []
        self._entries = entries_of(self._changes)
        self.single = len(self._changes) == 1 and not self._entries

    def run(self, cursor: apsw.Cursor) -> int:
        self.counters.clear()
        for change in self._changes:
            match change:
                case Count(record=more):
                    self.counters.append(counters.count(cursor, more))
                case Uncount(record=less):
                    counters.uncount(cursor, less)
                case Tally(record=event):
                    if not tree.Tree.of(Event).tally(cursor, event):
                        raise Stale(change)
                case Create() | Update() | Remove():
                    if not _written(cursor, change):
                        raise Stale(change)
        if self._entries:
            _log(cursor, self._entries)
        return len(self._changes)


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
