"""Changes. Those of records have a precondition each: a lost race is `Stale`, never a lost update.
Those of counters have none, so that requests that share one lose no race for it."""

from typing import TypeAlias

import msgspec

from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import DAILY, Event
from valetkey.server.model.record import Record


class Create(msgspec.Struct, frozen=True):
    """Write a record whose key and alias nobody has. Single use holds by it."""

    record: Record


class Update(msgspec.Struct, frozen=True):
    """Replace the record that was read: nobody may have changed it since (same `version`)."""

    record: Record


class Remove(msgspec.Struct, frozen=True):
    """Forget the record that was read: nobody may have changed or removed it since."""

    record: Record


class Count(msgspec.Struct, frozen=True):
    """Add `record.tried` to the counter of that bucket; begin with the record where there is no
    such counter, or its window ended by `record.since`. Always holds. The commit returns the
    counter."""

    record: Throttle


class Uncount(msgspec.Struct, frozen=True):
    """Take `record.tried` from the counter of that bucket, down to 0. Always holds: where there is
    no such counter, or its window ended by `record.since`, there is nothing to do."""

    record: Throttle


class Tally(msgspec.Struct, frozen=True):
    """Write the event, or count it once more where its name is there. Always holds, so that nobody
    loses a race for it. How often it was is its `version`."""

    record: Event


def record_event(event: Event) -> "Create | Tally":
    """What writes an event."""
    return Tally(event) if event.kind in DAILY else Create(event)


Versioned: TypeAlias = Create | Update | Remove
"""Changes of records, which have a precondition."""

Change: TypeAlias = Versioned | Count | Uncount | Tally


class Stale(Exception):
    """Somebody else was first: read again, decide again. Nothing of the commit was written."""

    def __init__(self, change: Change) -> None:
        super().__init__(f"{type(change).__name__} {change.record.table}")
        self.change = change
