"""What can be stored: frozen records, each of which says how it is found again."""

from typing import Any, ClassVar

import msgspec
from msgspec.structs import asdict, fields

from valetkey.server.model import ids


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row. A store keeps the whole record, and finds it by what the record says here.

    `table` names it; `key` finds it, and is unique; `place` is its partition; `alias` is a second
    unique name or "" for none; `indexes` names the fields by which many are found; `forget_at` is
    the second from which a sweep may forget it, 0 for never. That may be later than the record is
    good for: rules look at the time themselves. `version` counts the changes: the store writes it,
    a rule only hands it back.

    `rank` is 0 for what no user owns. What a user owns lies together, in the order of the ranks,
    which are never given anew. It is kept as an array of its fields in their order: a new field
    comes last, with a default, and none is ever moved or taken away.
    """

    table: ClassVar[str]
    indexes: ClassVar[tuple[str, ...]] = ()
    rank: ClassVar[int] = 0

    version: int = 0

    @property
    def key(self) -> str:
        raise NotImplementedError

    @classmethod
    def place_of(cls, key: str) -> int:
        """The partition in which the record of this key lies."""
        return 0

    @classmethod
    def place_of_index(cls, index: str, value: str) -> int | None:
        """The partition in which all records with this value lie, None where they lie in many."""
        return None

    @classmethod
    def place_of_alias(cls, alias: str) -> int | None:
        """The partition in which the record of this alias lies, None where that is not known."""
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
    """A record of one user, or of nobody yet. `id` is made by `ids.owned_id`."""

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
    """Its fields by their names, as JSON has them; those that have their default are left out."""
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
    """The second from which a sweep may forget what lives from `since` until `expires`, where that
    end moves with each use: rounded up, by less than an eighth of the life. So it seldom moves, and
    a row that is found by it keeps its place in the index."""
    eighth = (expires - since) // 8
    step = 1 << max(0, eighth.bit_length() - 1)
    return -(-expires // step) * step
