"""Base classes of records: what a store keeps, and the names by which it finds it."""

from typing import Any, ClassVar

import msgspec
from msgspec.structs import asdict, fields

from valetkey.server.model import ids


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row of a table.

    `key` is unique within `table`. `place` is the partition. `alias` is a second unique name, ""
    for none. `indexes` are fields by which a store finds many records. A sweep may delete the
    record from the second `forget_at` on, 0 for never; that may be later than it expires, so rules
    check the time themselves. `version` counts the changes: the store writes it, rules don't change
    it.

    `read_ahead` are fields, each with the kind of record whose key it holds. A rule that asks for
    such a record alone mostly wants those next, so a store may bring them at once, all of one
    moment.

    `named_by` is a field that a store sets to the key of the row, whatever the body says, "" for
    none: only for records that no user owns.

    `rank` is 0 for records that no user owns. The records of a user lie together, ordered by rank.
    Ranks are never reused. A store keeps such a record as an array of its fields: add a new field
    at the end, with a default, and never move or remove one.
    """

    table: ClassVar[str]
    indexes: ClassVar[tuple[str, ...]] = ()
    read_ahead: ClassVar[tuple[tuple[str, "type[Record]"], ...]] = ()
    rank: ClassVar[int] = 0
    named_by: ClassVar[str] = ""

    version: int = 0

    @property
    def key(self) -> str:
        raise NotImplementedError

    @classmethod
    def place_of(cls, key: str) -> int:
        """The partition of the record with this key."""
        return 0

    @classmethod
    def place_of_index(cls, index: str, value: str) -> int | None:
        """The partition of all records with this value, None if they are in several."""
        return None

    @classmethod
    def place_of_alias(cls, alias: str) -> int | None:
        """The partition of the record with this alias, None if unknown."""
        return cls.place_of("")

    @property
    def place(self) -> int:
        return self.place_of(self.key)

    @property
    def alias(self) -> str:
        return ""

    @property
    def forget_at(self) -> int:
        return 0


class OwnedRecord(Record, frozen=True, kw_only=True, omit_defaults=True, array_like=True):
    """A record that a user owns, or will own. Its `id` (see `ids.owned_id`) tells the partition."""

    id: str

    @property
    def key(self) -> str:
        return self.id

    @classmethod
    def place_of(cls, key: str) -> int:
        return ids.place_of_owned(key)

    @classmethod
    def place_of_index(cls, index: str, value: str) -> int | None:
        match index:
            case "user":
                return ids.place_of_user(value)
            case "grant":
                return ids.place_of_owned(value)
            case _:
                return None


def stored_fields(record: Record) -> dict[str, Any]:
    """The fields of a record as JSON values, without those that have their default."""
    values = zip(fields(record), asdict(record).values(), strict=True)
    return {
        one.encode_name: msgspec.to_builtins(value)
        for one, value in values
        if value != _default(one)
    }


def _default(field: msgspec.structs.FieldInfo) -> Any:
    made = field.default_factory
    return field.default if made is msgspec.NODEFAULT else made()


def round_up_expiry(expires: int, *, since: int) -> int:
    """The second from which a sweep may delete a record whose expiry moves with each use. It rounds
    up by less than an eighth of the lifetime, so it seldom changes, and the row keeps its place in
    the index."""
    eighth = (expires - since) // 8
    step = 1 << max(0, eighth.bit_length() - 1)
    return -(-expires // step) * step
