"""What a user owns, as it lies in a row: names as bytes, the rest as a MessagePack array.

The array holds the fields in the order of the class. What a column of the row says already, its
version and the names in it, is left empty there. A name is 16 bytes, of which four tell the place:
beside a place, the other 12 do.
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
from valetkey.server.store.storable import UNREADABLE, check_names, damaged, is_name

_START: Final = {"user": ids.USER, "grant": ids.OWNED}
"""The fields that hold a name of ours, and where in it the place begins."""

_REST: Final = ids.LENGTH - ids.PLACE

_encode: Final = msgspec.msgpack.Encoder().encode


Held: TypeAlias = bytes | str | None
"""What a column for an index holds."""

Row: TypeAlias = tuple[int, bytes, Sequence[Held], bytes]
"""A record: place, key, the columns of its packing in order, body."""


class Packing(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of record is packed. `columns` are the fields that columns of a row hold, None
    for one that the kind does not have; `seen` is where these are behind a version and a body. Each
    is with where in its name the place begins, None where it is no name of ours."""

    table: str
    start: int
    columns: tuple[tuple[str, int | None] | None, ...]
    blank: dict[str, Any]
    seen: tuple[tuple[int, str, int | None], ...]
    decode: Callable[[bytes], Record]

    def name(self, key: str) -> tuple[int, bytes] | None:
        """The place and the key of a row; None for what can be no record's name."""
        return ids.split_id(key, self.start)

    def pack(self, record: Record) -> Row:
        """The row of a record. Raises ValueError for what is no name of ours."""
        place, key = _known(record.key, self.start)
        columns = [one and _held(getattr(record, one[0]), one[1], place) for one in self.columns]
        return place, key, columns, _encode(replace(record, **self.blank))

    def unpack(self, place: int, row: Sequence[Any]) -> Record:
        """The record of a row: its key, version, body, and columns."""
        return self.read(ids.join_id(place, row[0], self.start), place, row[1:])

    def read(self, name: str, place: int, row: Sequence[Any]) -> Record:
        """The record of that name: its version, body, and columns. Raises Damaged."""
        try:
            record = self.decode(row[1])
        except UNREADABLE as error:
            raise damaged(self.table, error, key=name) from error
        # Nobody else has it yet.
        force_setattr(record, "id", name)
        force_setattr(record, "version", row[0])
        for at, field, start in self.seen:
            value = row[at]
            if value is not None:
                force_setattr(record, field, _written(value, start, place))
        return record


@cache
def packing(kind: type[Record], columns: tuple[str, ...] = ()) -> Packing:
    """That of a kind which a user owns, in rows with these columns: those of its indexes, where
    none are named."""
    has = [
        (name, _START.get(name)) if name in kind.indexes else None
        for name in columns or kind.indexes
    ]
    return Packing(
        table=kind.table,
        start=ids.USER if kind is User else ids.OWNED,
        columns=tuple(has),
        blank={"id": "", "version": 0, **dict.fromkeys(kind.indexes, "")},
        seen=tuple((at, *one) for at, one in enumerate(has, 2) if one is not None),
        decode=msgspec.msgpack.Decoder(kind).decode,
    )


def _held(value: str, start: int | None, place: int) -> Held:
    """What the column of a field holds in a row of the place. Raises ValueError for what is no name
    of ours, Unstorable."""
    if start is None:
        check_names((value,))
        return value
    if not value:
        return None
    its, rest = _known(value, start)
    return rest if its == place else ids.to_bytes(value)


def _known(name: str, start: int) -> tuple[int, bytes]:
    apart = ids.split_id(name, start)
    if apart is None:
        raise ValueError(f"{name!r} is no name of ours")
    return apart


def _written(value: bytes | str, start: int | None, place: int) -> str:
    """The field as text, from what its column holds in a row of the place."""
    if isinstance(value, str):
        return value
    if start is not None and len(value) == _REST:
        return ids.join_id(place, value, start)
    return ids.to_text(value)


def sought(kind: type[Record], index: str, value: str) -> tuple[int | None, Any] | None:
    """The place of the rows whose field has that value, None where they are in many, and what their
    column holds; None where there can be no such row. Raises ValueError for what is no index."""
    if index not in kind.indexes:
        raise ValueError(f"{kind.table} has no index {index!r}")
    start = _START.get(index)
    if start is None:
        return (None, value) if is_name(value) else None
    return ids.split_id(value, start)


def second_name(alias: str) -> bytes | None:
    """A second name as it is kept, however long it is; None for none. Whoever finds a record by it
    looks whether it has that name."""
    return sha256(alias.encode(errors="surrogatepass")).digest()[:_REST] if alias else None
