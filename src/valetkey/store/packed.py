"""What a user owns, as it lies in a row: names as bytes, the rest as a MessagePack array.

The array holds the fields in the order of the class. What a column of the row says already, its
version and the names in it, is left empty there. A name is 16 bytes, of which four tell the place:
beside a place, the other 12 do.
"""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import force_setattr, replace

from valetkey.model import ids
from valetkey.model.record import Record
from valetkey.model.user import User

_START: Final = {"user": ids.USER, "grant": ids.OWNED}
"""The fields that hold a name of ours, and where in it the place begins."""

_REST: Final = ids.LENGTH - ids.PLACE

_encode: Final = msgspec.msgpack.Encoder().encode


class Row(NamedTuple):
    """A record. `columns` are those of its packing, in order."""

    place: int
    key: bytes
    columns: tuple[bytes | str | None, ...]
    body: bytes


class Packing(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of record is packed. `columns` are the fields that columns of a row hold, None
    for one that the kind does not have; `seen` is where these are behind a version and a body."""

    kind: type[Record]
    start: int
    columns: tuple[str | None, ...]
    blank: dict[str, Any]
    seen: tuple[tuple[int, str], ...]
    decoder: msgspec.msgpack.Decoder[Any]

    def name(self, key: str) -> tuple[int, bytes] | None:
        """The place and the key of a row; None for what can be no record's name."""
        return ids.parted(key, self.start)

    def pack(self, record: Record) -> Row:
        """The row of a record. Raises ValueError for what is no name of ours."""
        place, key = _known(record.key, self.start)
        columns = tuple(
            [
                None if name is None else column(name, getattr(record, name), place)
                for name in self.columns
            ]
        )
        return Row(place, key, columns, _encode(replace(record, **self.blank)))

    def unpack(self, place: int, row: Sequence[Any]) -> Record:
        """The record of a row: its key, version, body, and columns."""
        return self.read(ids.joined(place, row[0], self.start), place, row[1:])

    def read(self, name: str, place: int, row: Sequence[Any]) -> Record:
        """The record of that name: its version, body, and columns."""
        record: Record = self.decoder.decode(row[1])
        # Nobody else has it yet.
        force_setattr(record, "id", name)
        force_setattr(record, "version", row[0])
        for at, field in self.seen:
            value = row[at]
            if value is not None:
                force_setattr(record, field, written(field, value, place))
        return record


@cache
def packing(kind: type[Record], columns: tuple[str, ...] = ()) -> Packing:
    """That of a kind which a user owns, in rows with these columns: those of its indexes, where
    none are named."""
    has = tuple(name if name in kind.indexes else None for name in columns or kind.indexes)
    return Packing(
        kind=kind,
        start=ids.USER if kind is User else ids.OWNED,
        columns=has,
        blank={"id": "", "version": 0, **dict.fromkeys(kind.indexes, "")},
        seen=tuple((at, name) for at, name in enumerate(has, 2) if name is not None),
        decoder=msgspec.msgpack.Decoder(kind),
    )


def column(name: str, value: str, place: int) -> bytes | str | None:
    """What the column of that field holds in a row of the place. Raises ValueError for what is no
    name of ours."""
    start = _START.get(name)
    if start is None:
        return value
    if not value:
        return None
    its, rest = _known(value, start)
    return rest if its == place else ids.to_bytes(value)


def _known(name: str, start: int) -> tuple[int, bytes]:
    apart = ids.parted(name, start)
    if apart is None:
        raise ValueError(f"{name!r} is no name of ours")
    return apart


def written(name: str, value: bytes | str, place: int) -> str:
    """The field of that name as text, from what its column holds in a row of the place."""
    if isinstance(value, str):
        return value
    if len(value) == _REST:
        return ids.joined(place, value, _START[name])
    return ids.to_text(value)


def sought(kind: type[Record], index: str, value: str) -> tuple[int | None, Any] | None:
    """The place of the rows whose field has that value, None where they are in many, and what their
    column holds; None where there can be no such row. Raises ValueError for what is no index."""
    if index not in kind.indexes:
        raise ValueError(f"{kind.table} has no index {index!r}")
    start = _START.get(index)
    if start is None:
        return None, value
    return ids.parted(value, start)


def second_name(alias: str) -> bytes | None:
    """A second name as it is kept, however long it is; None for none. Whoever finds a record by it
    looks whether it has that name."""
    return sha256(alias.encode(errors="surrogatepass")).digest()[:_REST] if alias else None
