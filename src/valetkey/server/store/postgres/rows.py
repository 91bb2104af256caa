"""The columns of a row, and how records become rows and rows become records.

Every table has `place` and `key` as its primary key, a `version`, and one column for each index.
For records that no user owns, the table also has `alias` (null for none) and `forget_at`, and
`body` holds the whole record as JSON. For records that a user owns, those two columns exist only if
the records use them, names are bytes, and `body` is packed (see `store.sqlite.packed`).
"""

from collections.abc import Callable
from functools import cache
from operator import itemgetter
from typing import Any, Final, TypeAlias

import msgspec

from valetkey.server.model.record import Record
from valetkey.server.store.port import UNREADABLE, check_names, damaged
from valetkey.server.store.row_cache import RowCache
from valetkey.server.store.sqlite.packed import packing, second_name


@cache
def columns(kind: type[Record]) -> tuple[str, ...]:
    """The columns of a kind."""
    named = () if kind.rank and kind.alias is Record.alias else ("alias",)
    swept = () if kind.rank and kind.forget_at is Record.forget_at else ("forget_at",)
    return ("place", *swept, "version", "key", *named, *kind.indexes, "body")


def row(record: Record, version: int) -> tuple[Any, ...]:
    """The values of these columns for a record. Raises ValueError for a malformed name,
    Unstorable."""
    kind = type(record)
    if not kind.rank:
        body = json(msgspec.structs.replace(record, version=version))
        names = record.key, record.alias or None, *(getattr(record, name) for name in kind.indexes)
        check_names(names)
        return (record.place, record.forget_at, version, *names, body)
    place, key, indexes, packed = packing(kind).pack(record)
    swept, alias = _swept_and_named(kind)
    forget_at = (record.forget_at,) if swept else ()
    second = (second_name(record.alias),) if alias else ()
    return place, *forget_at, version, key, *second, *indexes, packed


@cache
def _swept_and_named(kind: type[Record]) -> tuple[bool, bool]:
    names = columns(kind)
    return "forget_at" in names, "alias" in names


def json(value: object) -> str:
    """The value as JSON text."""
    return msgspec.json.encode(value).decode()


@cache
def _decoder(kind: type[Record]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def record_of(kind: type[Record], stored: Any) -> Record:
    """Decode a row that was read with the columns of `selected`, after a number. Raises Damaged."""
    if kind.rank:
        place, *row = _picked(kind)(stored)
        return packing(kind).unpack(place, row)
    try:
        record: Record = _decoder(kind).decode(stored[_PLAIN])
    except UNREADABLE as error:
        raise damaged(kind.table, error, key=stored[_AT["client"]]) from error
    if kind.named_by:
        # No other code has seen the record yet, so this is safe.
        msgspec.structs.force_setattr(record, kind.named_by, stored[_AT["client"]])
    return record


Rows: TypeAlias = RowCache[tuple[type[Record], bytes], tuple[tuple[Any, ...], Record]]
"""Rows by kind and key, each with its record."""


def cached_record_of(kind: type[Record], stored: Any, rows: Rows) -> Record:
    """Decode a row, or reuse its record. Raises Damaged."""
    if not kind.rank:
        return record_of(kind, stored)
    row = _picked(kind)(stored)
    name = kind, row[1]
    last = rows.get(name)
    if last is None or last[0] != row:
        last = rows.keep(name, (row, packing(kind).unpack(row[0], row[1:])))
    return last[1]


_SELECTED: Final = {
    "place": "bigint",
    "key": "bytea",
    "version": "int",
    "user": "bytea",
    "grant": "bytea",
    "client": "text",
    "packed": "bytea",
    "plain": "text",
}

_AT: Final = {name: number for number, name in enumerate(_SELECTED, 1)}
_PLAIN: Final = _AT["plain"]


@cache
def _picked(kind: type[Record]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that takes from a row what `Packing.unpack` needs: its place, and the rest."""
    names = ("place", "key", "version", "packed", *kind.indexes)
    return itemgetter(*(_AT[name] for name in names))


@cache
def selected(kind: type[Record]) -> str:
    """The columns that a read selects from the table `t` of a kind. All kinds select columns of the
    same names and types, so that one statement can join them by UNION."""
    # Records that no user owns also select the key, so that an error can name a damaged row.
    expressions = {"packed": "t.body"} if kind.rank else {"plain": "t.body", "client": "t.key"}
    if kind.rank:
        expressions |= {name: f't."{name}"' for name in ("place", "key", "version", *kind.indexes)}
    return ", ".join(expressions.get(name, f"NULL::{of}") for name, of in _SELECTED.items())


_TYPES: Final = {"n": "int", "place": "bigint", "version": "int", "forget_at": "bigint"}
_BYTES: Final = frozenset({"key", "alias", "user", "grant", "body"})


def type_of(kind: type[Record], name: str) -> str:
    """The SQL type of a column, or of a number that the statement itself adds."""
    return "bytea" if kind.rank and name in _BYTES else _TYPES.get(name, "text")
