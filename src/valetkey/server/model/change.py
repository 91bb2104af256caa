"""Changes that a commit writes.

Each change of a record has a precondition: a lost race raises `Stale`, so no update is lost.
Changes of counters have none, so requests that share a counter never race for it.
"""

from typing import TypeAlias

import msgspec

from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import DAILY, Event
from valetkey.server.model.record import Record


class Create(msgspec.Struct, frozen=True):
    """Write a new record. Its key and alias must be free: this is how single use is enforced."""

    record: Record


class Update(msgspec.Struct, frozen=True):
    """Replace a record. It must not have changed since it was read (same `version`)."""

    record: Record


class Remove(msgspec.Struct, frozen=True):
    """Delete a record. It must not have changed since it was read."""

    record: Record


class Count(msgspec.Struct, frozen=True):
    """Add `record.tried` to the counter of that bucket. If there is no such counter, or its window
    ended by `record.since`, start it with the record. It never fails. The commit returns the
    counter."""

    record: Throttle


class Uncount(msgspec.Struct, frozen=True):
    """Subtract `record.tried` from the counter of that bucket, down to 0. It never fails: if there
    is no such counter, or its window ended by `record.since`, it does nothing."""

    record: Throttle


class Tally(msgspec.Struct, frozen=True):
    """Write the event, or count it again if its id exists. It never fails. The `version` of the
    event is the number of times that it happened."""

    record: Event


def record_event(event: Event) -> "Create | Tally":
    """The change that writes an event."""
    return Tally(event) if event.kind in DAILY else Create(event)


Versioned: TypeAlias = Create | Update | Remove
"""Changes with a precondition."""

Change: TypeAlias = Versioned | Count | Uncount | Tally


class Stale(Exception):
    """Another commit was first: read and decide again. This commit wrote nothing."""

    def __init__(self, change: Change) -> None:
        super().__init__(f"{type(change).__name__} {change.record.table}")
        self.change = change
