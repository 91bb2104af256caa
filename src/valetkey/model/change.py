"""Changes, each with its own precondition: a lost race is `Stale`, never a lost update."""

from typing import TypeAlias

import msgspec

from valetkey.model.record import Record


class Create(msgspec.Struct, frozen=True):
    """Write a record whose key and alias nobody has. Single use holds by it."""

    record: Record


class Update(msgspec.Struct, frozen=True):
    """Replace the record that was read: nobody may have changed it since (same `version`)."""

    record: Record


class Remove(msgspec.Struct, frozen=True):
    """Forget the record that was read: nobody may have changed or removed it since."""

    record: Record


Change: TypeAlias = Create | Update | Remove


class Stale(Exception):
    """Somebody else was first: read again, decide again. Nothing of the commit was written."""

    def __init__(self, change: Change) -> None:
        super().__init__(f"{type(change).__name__} {change.record.table}")
        self.change = change
