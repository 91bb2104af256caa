"""Changes that a commit writes.

Each change of a record has a precondition: a lost race raises `Stale`, so no update is lost.
Changes of counters have none, so requests that share a counter never race for it.
"""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import DAILY, Event
from valetkey.server.model.record import Record
from valetkey.server.model.statistic import UNCOUNTED, Statistic, counted_in


class Create(msgspec.Struct, frozen=True):
    """Write a new record. Its key and alias must be free: this is how single use is enforced."""

    record: Record


class Update(msgspec.Struct, frozen=True):
    """Replace a record. It must not have changed since it was read (same `version`). With
    `as_it_is`, it is the record that was read: the commit fails if another one writes it, and the
    change log has nothing to say."""

    record: Record
    as_it_is: bool = False


class Remove(msgspec.Struct, frozen=True):
    """Delete a record. It must not have changed since it was read."""

    record: Record


def put(record: Record, before: Record | None) -> Create | Update:
    """The change that writes a record in the place of the one that was read, None for none."""
    if before is None:
        return Create(record)
    return Update(msgspec.structs.replace(record, version=before.version))


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


class Index(msgspec.Struct, frozen=True):
    """Write the search terms of a record again (see `model.search`), unless the record has changed
    since it was read. It never fails."""

    record: Record


class Add(msgspec.Struct, frozen=True):
    """Add the numbers of the row to those of the stored one, or write it. It never fails."""

    record: Statistic


def written_changes(changes: "Sequence[Change]", events: Sequence[Event]) -> "tuple[Change, ...]":
    """All that a commit of these changes and events writes: the events too, and what is counted of
    them."""
    written, is_counted = list(changes), False
    for event in events:
        written.append(Tally(event) if event.kind in DAILY else Create(event))
        is_counted = is_counted or event.kind not in UNCOUNTED
    if is_counted:
        written += map(Add, counted_in(changes, events))
    return tuple(written)


Versioned: TypeAlias = Create | Update | Remove
"""Changes with a precondition."""

Change: TypeAlias = Versioned | Count | Uncount | Tally | Index | Add


class Stale(Exception):
    """Another commit was first: read and decide again. This commit wrote nothing."""

    def __init__(self, change: Change) -> None:
        super().__init__(f"{type(change).__name__} {change.record.table}")
        self.change = change
