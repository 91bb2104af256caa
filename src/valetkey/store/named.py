"""Rows that users own, found by their names: all by one statement, and so of one moment.

Whoever shows a token again wants the same rows again. Where they lie and how they are read follows
from their names alone, so it is remembered; the rows themselves are read each time.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple, TypeGuard

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

AGAIN: Final = 3
"""Names from which a group is remembered: the three of a token are wanted again and again, the two
of a refresh only once in its token's life."""

_FIELDS: Final[Mapping[type[Record], str]] = {User: "user", Grant: "grant"}
"""The fields that name a record of this kind."""


class Name(NamedTuple):
    """A name as text, and as it is kept: its place, and the rest."""

    text: str
    place: int
    rest: bytes | None


NOWHERE: Final = 0, b""
"""Where what is no name of ours would be: no row has such a key."""

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
    """What finds the rows of several names, and how each is read. `last` has what was found last: a
    record never changes, so as long as its row is the same, byte by byte, it is the record."""

    statement: str
    binds: tuple[int | bytes | None, ...]
    plans: tuple[Plan, ...]
    last: list[tuple[Sequence[Any], tuple[Record, ...]] | None]


def are_names(wants: tuple[Want, ...]) -> TypeGuard[tuple[One[Any], ...]]:
    """Whether there are any, all of what users own, and all of them may be names: nothing longer is
    ever remembered."""
    for want in wants:
        if not isinstance(want, One) or not want.record.rank or len(want.key) != ids.LETTERS:
            return False
    return bool(wants)


def find(
    connection: apsw.Connection, wants: tuple[One[Any], ...]
) -> dict[Want, tuple[Record, ...]]:
    """What the names lead to; all of them `are_names`."""
    if len(wants) < AGAIN:
        return _once(connection, wants)
    statement, binds, plans, last = _sought(wants)
    found: list[tuple[Record, ...]] = [()] * len(wants)
    for row in connection.execute(statement, binds):
        number: int = row[0]
        before = last[number]
        if before is None or before[0] != row:
            before = last[number] = row, (_read(plans[number], row),)
        found[number] = before[1]
    return dict(zip(wants, found, strict=True))


def _once(
    connection: apsw.Connection, wants: tuple[One[Any], ...]
) -> dict[Want, tuple[Record, ...]]:
    kinds: list[type[Record]] = [want.record for want in wants]
    packings = [packing(kind) for kind in kinds]
    names = [one.name(want.key) or NOWHERE for one, want in zip(packings, wants, strict=True)]
    binds: list[int | bytes] = []
    for one, (place, rest) in zip(packings, names, strict=True):
        binds += (block_of(place, one.kind.rank, rest), rest)
    found: list[tuple[Record, ...]] = [()] * len(wants)
    for number, *row in connection.execute(_statement(len(wants)), binds):
        place, rest = names[number]
        held = (row[2 + COLUMNS.index(name)] for name in packings[number].columns)
        found[number] = (packings[number].unpack(place, (rest, row[0], row[1], *held)),)
    return dict(zip(wants, found, strict=True))


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
    return Sought(_statement(len(kinds)), tuple(binds), plans, [None] * len(wants))


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
def _statement(count: int) -> str:
    """Rows by block and key; each says which of the names it answers."""
    names = ", ".join(f"({number}, ?, ?)" for number in range(count))
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    # CROSS: the names first, each of which leads to its place in the tree.
    return (
        f"WITH wanted(number, block, name) AS (VALUES {names}) "  # noqa: S608
        f"SELECT number, version, body, {columns} FROM wanted CROSS JOIN owned "
        f"WHERE spot BETWEEN block AND block + {LAST} AND key = name"
    )
