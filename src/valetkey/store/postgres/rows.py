"""What lies in a row.

Every table has `place` and `key` as its primary key, `version`, and one column for each index. Of
what nobody owns it also has `alias` (null for none) and `forget_at`, and `body` is the whole record
as JSON. Of what users own it has those two only where the records have such, names are bytes, and
`body` is what `store.packed` makes of them.
"""

from functools import cache
from typing import Any, Final

import msgspec

from valetkey.model.record import Record
from valetkey.store.packed import packing, second_name


@cache
def columns(kind: type[Record]) -> tuple[str, ...]:
    """The columns of a kind."""
    named = () if kind.rank and kind.alias is Record.alias else ("alias",)
    swept = () if kind.rank and kind.forget_at is Record.forget_at else ("forget_at",)
    return ("place", *swept, "version", "key", *named, *kind.indexes, "body")


def row(record: Record, version: int) -> tuple[Any, ...]:
    """What these hold for a record. Raises ValueError for what is no name of ours."""
    kind = type(record)
    held: dict[str, Any] = {"version": version, "forget_at": record.forget_at}
    if kind.rank:
        held["place"], held["key"], indexed, held["body"] = packing(kind).pack(record)
        held |= zip(kind.indexes, indexed, strict=True)
        held["alias"] = second_name(record.alias)
    else:
        held |= {"place": record.place, "key": record.key, "alias": record.alias or None}
        held |= {name: getattr(record, name) for name in kind.indexes}
        held["body"] = json(msgspec.structs.replace(record, version=version))
    return tuple(held[name] for name in columns(kind))


def json(value: object) -> str:
    """As JSON."""
    return msgspec.json.encode(value).decode()


@cache
def _decoder(kind: type[Record]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def record_of(kind: type[Record], found: Any) -> Record:
    """The record in a row that `read` or `page` found."""
    if not kind.rank:
        told: Record = _decoder(kind).decode(found["plain"])
        return told
    indexed = (found[name] for name in kind.indexes)
    return packing(kind).unpack(
        found["place"], (found["key"], found["version"], found["packed"], *indexed)
    )


_SEEN: Final = {
    "place": "bigint",
    "key": "bytea",
    "version": "int",
    "user": "bytea",
    "grant": "bytea",
    "client": "text",
    "packed": "bytea",
    "plain": "text",
}


@cache
def selected(kind: type[Record]) -> str:
    """What a read asks of a kind: columns of the same names and types for all kinds."""
    if not kind.rank:
        held = {"plain": "body"}
    else:
        held = {"place": "place", "key": "key", "version": "version", "packed": "body"}
        held |= {name: f'"{name}"' for name in kind.indexes}
    return ", ".join(f'{held.get(name, f"NULL::{of}")} AS "{name}"' for name, of in _SEEN.items())


_TYPES: Final = {"n": "int", "place": "bigint", "version": "int", "forget_at": "bigint"}
_BYTES: Final = frozenset({"key", "alias", "user", "grant", "body"})


def type_of(kind: type[Record], name: str) -> str:
    """Of a column, or of a number of the statement's own."""
    return "bytea" if kind.rank and name in _BYTES else _TYPES.get(name, "text")
