"""Rows that users own, found by their names: all by one statement, and so of one moment.

Whoever shows a token again wants the same rows again. Where they lie follows from their names
alone, so it is remembered; the rows themselves are read each time. One that is as it was, byte by
byte, is the record that it was: a record never changes.
"""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, Final, TypeGuard

import apsw
import msgspec

from valetkey.server.model import ids
from valetkey.server.model.query import One, Query, Results, With
from valetkey.server.model.record import Record
from valetkey.server.store.sqlite.packed import Packing, packing
from valetkey.server.store.sqlite.tree import COLUMNS, LAST, STRETCH, block_of, first_of

MANY: Final = 12288
"""Names that are remembered, the last used ones."""

NOWHERE: Final = 0, b""
"""Where what is no name of ours would be: no row has such a key."""


class Sought(msgspec.Struct):
    """Where the row of a name lies, and the row that was found there last, with its record."""

    packing: Packing
    place: int
    key: bytes
    block: int
    last: tuple[Sequence[Any], tuple[Record, ...]] = (), ()


def are_names(wants: tuple[Query, ...]) -> TypeGuard[tuple[One[Any], ...]]:
    """Whether there are any, all of what users own, and all of them may be names: nothing longer is
    ever remembered."""
    for want in wants:
        if not isinstance(want, One) or not want.record.rank or len(want.key) != ids.LETTERS:
            return False
    return bool(wants)


def find(connection: apsw.Connection, wants: tuple[One[Any], ...]) -> Results:
    """What the names lead to; all of them `are_names`."""
    first = wants[0]
    if type(first) is With and len(wants) == 1:
        return _found_with(connection, first)
    sought = [_where(want) for want in wants]
    binds: list[int | bytes] = []
    for one in sought:
        binds += (one.block, one.key)
    found: dict[Query, tuple[Record, ...]] = dict.fromkeys(wants, ())
    for row in connection.execute(_statement(len(wants)), binds):
        one, want = sought[row[0]], wants[row[0]]
        if one.last[0] != row:
            one.last = row, (one.packing.read(want.key, one.place, row[1:]),)
        found[want] = one.last[1]
    return Results(found)


def _located(want: One[Any]) -> Sought:
    kind: type[Record] = want.record
    its = packing(kind, COLUMNS)
    place, key = its.name(want.key) or NOWHERE
    return Sought(its, place, key, block_of(place, kind.rank, key))


_where: Final[Callable[[One[Any]], Sought]] = lru_cache(maxsize=MANY)(_located)


def _found_with(connection: apsw.Connection, want: With[Any]) -> Results:
    """What the name leads to, and what is wanted next. Nothing of it is remembered: it is wanted
    once in the life of a refresh token."""
    kind: type[Record] = want.record
    its = packing(kind, COLUMNS)
    place, key = its.name(want.key) or NOWHERE
    binds: list[int | bytes] = [block_of(place, kind.rank, key), key]
    binds += [first_of(place, other.rank) for _, other in want.others]
    found: dict[Query, tuple[Record, ...]] = {want: ()}
    more: dict[Query, tuple[Record, ...]] = {}
    for row in connection.execute(_statement_with(want.others), binds):
        record = its.read(want.key, place, row)
        found[want] = (record,)
        for at, (field, other) in enumerate(want.others, 1):
            beside = row[at * _WIDTH : (at + 1) * _WIDTH]
            if beside[0] is not None:
                name = getattr(record, field)
                more[One(other, name)] = (packing(other, COLUMNS).read(name, place, beside),)
    return Results(found, more=more)


_HELD: Final = ("version", "body", *COLUMNS)
_WIDTH: Final = len(_HELD)


def _held(table: str) -> str:
    return ", ".join(f'{table}."{name}"' for name in _HELD)


@cache
def _statement(count: int) -> str:
    """Rows by block and key; each says which of the names it answers."""
    names = ", ".join(f"({number}, ?, ?)" for number in range(count))
    # CROSS: the names first, each of which leads to its place in the tree.
    return (
        f"WITH wanted(number, block, name) AS (VALUES {names}) "  # noqa: S608
        f"SELECT number, {_held('t')} FROM wanted CROSS JOIN owned t "
        f"WHERE spot BETWEEN block AND block + {LAST} AND key = name"
    )


@cache
def _statement_with(others: tuple[tuple[str, type[Record]], ...]) -> str:
    """A row by block and key, and beside it those of the same place that its columns name, each
    within the stretch of its kind."""
    tables = ["t", *(f"o{number}" for number in range(len(others)))]
    # + keeps the database from making an index of its own for a stretch.
    joins = [
        f"LEFT JOIN owned {other} ON {other}.spot BETWEEN ?{number} AND ?{number} + {STRETCH - 1} "
        f'AND +{other}.key = t."{field}"'
        for number, (other, (field, _)) in enumerate(zip(tables[1:], others, strict=True), 3)
    ]
    return (
        f"SELECT {', '.join(map(_held, tables))} FROM owned t {' '.join(joins)} "  # noqa: S608
        f"WHERE t.spot BETWEEN ?1 AND ?1 + {LAST} AND t.key = ?2"
    )
