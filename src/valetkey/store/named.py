"""Rows that users own, found by their names: all by one statement, and so of one moment.

Whoever shows a token again wants the same rows again. Where they lie and how they are read follows
from their names alone, so it is remembered; what is in them is read each time.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

import apsw
from msgspec.structs import force_setattr

from valetkey.model import ids
from valetkey.model.grant import Grant
from valetkey.model.record import Record
from valetkey.model.user import User
from valetkey.model.want import One, Want
from valetkey.store.packed import packing, written
from valetkey.store.tree import COLUMNS, LAST, block_of

MANY: Final = 4096
"""Groups of names that are remembered, the last used ones."""

_FIELDS: Final[Mapping[type[Record], str]] = {User: "user", Grant: "grant"}
"""The fields that name a record of this kind."""


class Name(NamedTuple):
    """A name as text, and as it is kept: its place, and the rest."""

    text: str
    place: int
    rest: bytes | None


NOBODY: Final = Name("", 0, None)


class Column(NamedTuple):
    """A column of an index: where it is in the row, its field, and what mostly stands in it, with
    the text of that."""

    at: int
    field: str
    usual: bytes | None
    text: str


class Plan(NamedTuple):
    """How the row of a name is read."""

    name: Name
    decode: Callable[[bytes], Record]
    columns: tuple[Column, ...]


class Sought(NamedTuple):
    """What finds the rows of several names, and how each is read."""

    statement: str
    binds: tuple[int | bytes | None, ...]
    plans: tuple[Plan, ...]


def is_one(want: One[Any]) -> bool:
    """Whether it is of what users own, and may be a name: nothing longer is ever remembered."""
    return want.record.rank > 0 and len(want.key) == ids.LETTERS


def find(
    connection: apsw.Connection, wants: tuple[One[Any], ...]
) -> dict[Want, tuple[Record, ...]]:
    """What the names lead to, of which each `is_one`."""
    statement, binds, plans = _sought(wants)
    found: dict[Want, tuple[Record, ...]] = dict.fromkeys(wants, ())
    for row in connection.execute(statement, binds):
        number: int = row[0]
        found[wants[number]] = (_read(plans[number], row),)
    return found


def _read(plan: Plan, row: Sequence[Any]) -> Record:
    name, decode, columns = plan
    record = decode(row[2])
    # Nobody else has it yet.
    force_setattr(record, "id", name.text)
    force_setattr(record, "version", row[1])
    for at, field, usual, text in columns:
        value = row[at]
        if value is not None:
            known = value == usual
            force_setattr(record, field, text if known else written(field, value, name.place))
    return record


@lru_cache(maxsize=MANY)
def _sought(wants: tuple[One[Any], ...]) -> Sought:
    kinds: tuple[type[Record], ...] = tuple(want.record for want in wants)
    names = [_named(kind, want.key) for kind, want in zip(kinds, wants, strict=True)]
    binds: list[int | bytes | None] = []
    for kind, name in zip(kinds, names, strict=True):
        # What is no name of ours is nowhere.
        at = None if name.rest is None else block_of(name.place, kind.rank, name.rest)
        binds += (at, name.rest)
    near = {_FIELDS[kind]: name for kind, name in zip(kinds, names, strict=True) if kind in _FIELDS}
    plans = tuple(
        Plan(name, packing(kind).decoder.decode, _columns(kind, name.place, near))
        for kind, name in zip(kinds, names, strict=True)
    )
    return Sought(_statement(kinds), tuple(binds), plans)


def _named(kind: type[Record], key: str) -> Name:
    name = packing(kind).name(key)
    return NOBODY if name is None else Name(key, *name)


def _columns(kind: type[Record], place: int, names: Mapping[str, Name]) -> tuple[Column, ...]:
    """Mostly its user and its grant are wanted beside it."""
    columns = []
    for field in kind.indexes:
        name = names.get(field, NOBODY)
        usual = name.rest if name.place == place else None
        columns.append(Column(3 + COLUMNS.index(field), field, usual, name.text))
    return tuple(columns)


@cache
def _statement(kinds: tuple[type[Record], ...]) -> str:
    """Rows by block and key; each says which of the names it answers."""
    return " UNION ALL ".join(
        f"SELECT {number}, version, body, {_selected(kind)} FROM owned "  # noqa: S608
        f"WHERE spot BETWEEN ?{2 * number + 1} AND ?{2 * number + 1} + {LAST} "
        f"AND key = ?{2 * number + 2}"
        for number, kind in enumerate(kinds)
    )


def _selected(kind: type[Record]) -> str:
    return ", ".join(f'"{name}"' if name in kind.indexes else "NULL" for name in COLUMNS)
