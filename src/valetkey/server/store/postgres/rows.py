"""What lies in a row.

Every table has `place` and `key` as its primary key, `version`, and one column for each index. Of
what nobody owns it also has `alias` (null for none) and `forget_at`, and `body` is the whole record
as JSON. Of what users own it has those two only where the records have such, names are bytes, and
`body` is what `store.packed` makes of them.
"""

from collections.abc import Callable
from functools import cache
from operator import itemgetter
from typing import Any, Final

import msgspec

from valetkey.server.model.record import Record
from valetkey.server.store.sqlite.packed import packing, second_name
from valetkey.server.store.storable import UNREADABLE, check_names, damaged


@cache
def columns(kind: type[Record]) -> tuple[str, ...]:
    """The columns of a kind."""
    named = () if kind.rank and kind.alias is Record.alias else ("alias",)
    swept = () if kind.rank and kind.forget_at is Record.forget_at else ("forget_at",)
    return ("place", *swept, "version", "key", *named, *kind.indexes, "body")


def row(record: Record, version: int) -> tuple[Any, ...]:
    """What these hold for a record. Raises ValueError for what is no name of ours, Unstorable."""
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
    held = columns(kind)
    return "forget_at" in held, "alias" in held


def json(value: object) -> str:
    """As JSON."""
    return msgspec.json.encode(value).decode()


@cache
def _decoder(kind: type[Record]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def record_of(kind: type[Record], found: Any) -> Record:
    """The record in a row, of which `selected` says what it holds, after a number. Raises
    Damaged."""
    if kind.rank:
        place, *row = _picked(kind)(found)
        return packing(kind).unpack(place, row)
    try:
        told: Record = _decoder(kind).decode(found[_PLAIN])
    except UNREADABLE as error:
        raise damaged(kind.table, error, key=found[_AT["client"]]) from error
    return told


RECENT: Final = 12288
"""Rows that are remembered, as many as on SQLite."""


class Recent:
    """Rows that were read lately, with their records: whoever shows a token again wants the same
    rows again. One that is as it was, byte by byte, is the record that it was."""

    def __init__(self) -> None:
        self._last: dict[tuple[type[Record], bytes], tuple[tuple[Any, ...], Record]] = {}

    def record_of(self, kind: type[Record], found: Any) -> Record:
        """The record in a row. Raises Damaged."""
        if not kind.rank:
            return record_of(kind, found)
        row = _picked(kind)(found)
        name = kind, row[1]
        last = self._last.get(name)
        if last is None or last[0] != row:
            if len(self._last) >= RECENT:
                self._last.clear()
            last = self._last[name] = row, packing(kind).unpack(row[0], row[1:])
        return last[1]


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

_AT: Final = {name: number for number, name in enumerate(_SEEN, 1)}
_PLAIN: Final = _AT["plain"]


@cache
def _picked(kind: type[Record]) -> Callable[[Any], tuple[Any, ...]]:
    """What `Packing.unpack` wants of a row: its place, and the rest."""
    wanted = ("place", "key", "version", "packed", *kind.indexes)
    return itemgetter(*(_AT[name] for name in wanted))


@cache
def selected(kind: type[Record]) -> str:
    """What a read asks of a kind, the table `t`: the same columns, of the same types, for all."""
    # Of what nobody owns the key, so that a row that cannot be read can be named.
    held = {"packed": "t.body"} if kind.rank else {"plain": "t.body", "client": "t.key"}
    if kind.rank:
        held |= {name: f't."{name}"' for name in ("place", "key", "version", *kind.indexes)}
    return ", ".join(held.get(name, f"NULL::{of}") for name, of in _SEEN.items())


_TYPES: Final = {"n": "int", "place": "bigint", "version": "int", "forget_at": "bigint"}
_BYTES: Final = frozenset({"key", "alias", "user", "grant", "body"})


def type_of(kind: type[Record], name: str) -> str:
    """Of a column, or of a number of the statement's own."""
    return "bytea" if kind.rank and name in _BYTES else _TYPES.get(name, "text")
