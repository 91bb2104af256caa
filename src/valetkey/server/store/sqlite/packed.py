"""Packs records that users own into rows: names as bytes, the rest as a MessagePack array.

The array holds the fields in the order of the class. Fields that a column of the row already holds
(its version and names) are empty in the array. A name has 16 bytes, four of which are its place;
next to a column with the place, the other 12 are enough.
"""

from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from typing import Any, Final, TypeAlias

import msgspec
from msgspec.structs import force_setattr, replace

from valetkey.server.model import ids
from valetkey.server.model.record import Record
from valetkey.server.model.user import User
from valetkey.server.store.port import UNREADABLE, check_names, damaged, is_name

_START: Final = {"user": ids.USER, "grant": ids.OWNED}
"""The fields that hold a name, and the offset of the place in that name."""

_REST: Final = ids.LENGTH - ids.PLACE

_encode: Final = msgspec.msgpack.Encoder().encode


ColumnValue: TypeAlias = bytes | str | None
"""The value of an index column."""

Row: TypeAlias = tuple[int, bytes, Sequence[ColumnValue], bytes]
"""A record: place, key, the columns of its packing in order, body."""


class Packing(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of record is packed. `columns` are the fields that have a column in the row,
    None for a column that the kind does not use. `indexed` are their positions behind the version
    and the body. Each field comes with the offset of the place in its name, None if it is no
    name."""

    table: str
    start: int
    columns: tuple[tuple[str, int | None] | None, ...]
    blank: dict[str, Any]
    indexed: tuple[tuple[int, str, int | None], ...]
    decode: Callable[[bytes], Record]

    def name(self, key: str) -> tuple[int, bytes] | None:
        """The place and the key of a row; None if no record can have this name."""
        return ids.split_id(key, self.start)

    def pack(self, record: Record) -> Row:
        """Pack a record into a row. Raises ValueError for a malformed name."""
        place, key = _place_and_rest(record.key, self.start)
        columns = [
            one and _column_value(getattr(record, one[0]), one[1], place) for one in self.columns
        ]
        return place, key, columns, _encode(replace(record, **self.blank))

    def unpack(self, place: int, row: Sequence[Any]) -> Record:
        """Unpack a record from a row: its key, version, body, and columns."""
        return self.read(ids.join_id(place, row[0], self.start), place, row[1:])

    def read(self, name: str, place: int, row: Sequence[Any]) -> Record:
        """Decode the record `name` from its version, body, and columns. Raises Damaged."""
        try:
            record = self.decode(row[1])
        except UNREADABLE as error:
            raise damaged(self.table, error, key=name) from error
        # No other code has seen the record yet, so this is safe.
        force_setattr(record, "id", name)
        force_setattr(record, "version", row[0])
        for at, field, start in self.indexed:
            value = row[at]
            if value is not None:
                force_setattr(record, field, _written(value, start, place))
        return record


@cache
def packing(kind: type[Record], columns: tuple[str, ...] = ()) -> Packing:
    """The packing of a kind that users own, for rows with these columns; by default, those of its
    indexes."""
    has = [
        (name, _START.get(name)) if name in kind.indexes else None
        for name in columns or kind.indexes
    ]
    return Packing(
        table=kind.table,
        start=ids.USER if kind is User else ids.OWNED,
        columns=tuple(has),
        blank={"id": "", "version": 0, **dict.fromkeys(kind.indexes, "")},
        indexed=tuple((at, *one) for at, one in enumerate(has, 2) if one is not None),
        decode=msgspec.msgpack.Decoder(kind).decode,
    )


def _column_value(value: str, start: int | None, place: int) -> ColumnValue:
    """The column value of a field in a row of the place. Raises ValueError for a malformed name,
    Unstorable."""
    if start is None:
        check_names((value,))
        return value
    if not value:
        return None
    its, rest = _place_and_rest(value, start)
    return rest if its == place else ids.to_bytes(value)


def _place_and_rest(name: str, start: int) -> tuple[int, bytes]:
    apart = ids.split_id(name, start)
    if apart is None:
        raise ValueError(f"{name!r} is not a valid name")
    return apart


def _written(value: bytes | str, start: int | None, place: int) -> str:
    """The field as text, from its column value in a row of the place."""
    if isinstance(value, str):
        return value
    if start is not None and len(value) == _REST:
        return ids.join_id(place, value, start)
    return ids.to_text(value)


def sought(kind: type[Record], index: str, value: str) -> tuple[int | None, Any] | None:
    """Where to look for rows whose index has this value: their place (None if it may be any), and
    their column value. Returns None if there can be no such row. Raises ValueError for an unknown
    index."""
    if index not in kind.indexes:
        raise ValueError(f"{kind.table} has no index {index!r}")
    start = _START.get(index)
    if start is None:
        return (None, value) if is_name(value) else None
    return ids.split_id(value, start)


def second_name(alias: str) -> bytes | None:
    """An alias as stored: a truncated digest; None for no alias. A caller that finds a record by it
    compares the record's alias."""
    return sha256(alias.encode(errors="surrogatepass")).digest()[:_REST] if alias else None
