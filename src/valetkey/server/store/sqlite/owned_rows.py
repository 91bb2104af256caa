"""Reads rows that users own by their names, all in one statement and so from one moment.

A client that presents a token again needs the same rows again. The location of a row follows from
its name alone, so locations are cached; the rows themselves are read each time. If a row has the
same bytes as before, its record is reused, because records are immutable.
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
"""The number of names that are cached, the most recently used ones."""

NOWHERE: Final = 0, b""
"""The location for a malformed name: no row has this key."""


class Sought(msgspec.Struct):
    """The location of a row, and the last row that was read there, with its record."""

    packing: Packing
    place: int
    key: bytes
    block: int
    last: tuple[Sequence[Any], tuple[Record, ...]] = (), ()


def are_names(wants: tuple[Query, ...]) -> TypeGuard[tuple[One[Any], ...]]:
    """Whether there are queries, and all of them name records that users own. A name of another
    length is never cached."""
    for want in wants:
        if not isinstance(want, One) or not want.record.rank or len(want.key) != ids.LETTERS:
            return False
    return bool(wants)


def find(connection: apsw.Connection, wants: tuple[One[Any], ...]) -> Results:
    """Read the rows of queries that satisfy `are_names`."""
    first = wants[0]
    if type(first) is With and len(wants) == 1:
        return _found_with(connection, first)
    sought = [_where(want) for want in wants]
    binds: list[int | bytes] = []
    for one in sought:
        binds += (one.block, one.key)
    records: dict[Query, tuple[Record, ...]] = dict.fromkeys(wants, ())
    for row in connection.execute(_statement(len(wants)), binds):
        one, want = sought[row[0]], wants[row[0]]
        if one.last[0] != row:
            one.last = row, (one.packing.read(want.key, one.place, row[1:]),)
        records[want] = one.last[1]
    return Results(records)


def _located(want: One[Any]) -> Sought:
    kind: type[Record] = want.record
    its = packing(kind, COLUMNS)
    place, key = its.name(want.key) or NOWHERE
    return Sought(its, place, key, block_of(place, kind.rank, key))


_where: Final[Callable[[One[Any]], Sought]] = lru_cache(maxsize=MANY)(_located)


def _found_with(connection: apsw.Connection, want: With[Any]) -> Results:
    """Read a row and the related rows that `With` names. They are not cached: a refresh token needs
    them once in its life."""
    kind: type[Record] = want.record
    its = packing(kind, COLUMNS)
    place, key = its.name(want.key) or NOWHERE
    binds: list[int | bytes] = [block_of(place, kind.rank, key), key]
    binds += [first_of(place, other.rank) for _, other in want.others]
    records: dict[Query, tuple[Record, ...]] = {want: ()}
    more: dict[Query, tuple[Record, ...]] = {}
    for row in connection.execute(_statement_with(want.others), binds):
        record = its.read(want.key, place, row)
        records[want] = (record,)
        for at, (field, other) in enumerate(want.others, 1):
            beside = row[at * _WIDTH : (at + 1) * _WIDTH]
            if beside[0] is not None:
                name = getattr(record, field)
                more[One(other, name)] = (packing(other, COLUMNS).read(name, place, beside),)
    return Results(records, more=more)


_ROW_COLUMNS: Final = ("version", "body", *COLUMNS)
_WIDTH: Final = len(_ROW_COLUMNS)


def _select_columns(table: str) -> str:
    return ", ".join(f'{table}."{name}"' for name in _ROW_COLUMNS)


@cache
def _statement(count: int) -> str:
    """SQL that selects rows by block and key; each row has the number of the query that it
    answers."""
    names = ", ".join(f"({number}, ?, ?)" for number in range(count))
    # CROSS JOIN makes SQLite start from the names, each of which leads to its place in the tree.
    return (
        f"WITH wanted(number, block, name) AS (VALUES {names}) "  # noqa: S608
        f"SELECT number, {_select_columns('t')} FROM wanted CROSS JOIN owned t "
        f"WHERE spot BETWEEN block AND block + {LAST} AND key = name"
    )


@cache
def _statement_with(others: tuple[tuple[str, type[Record]], ...]) -> str:
    """SQL that selects a row by block and key, and beside it the rows of the same place that its
    columns name, each within the range of its kind."""
    tables = ["t", *(f"o{number}" for number in range(len(others)))]
    # The + keeps SQLite from building a temporary index for a range.
    joins = [
        f"LEFT JOIN owned {other} ON {other}.spot BETWEEN ?{number} AND ?{number} + {STRETCH - 1} "
        f'AND +{other}.key = t."{field}"'
        for number, (other, (field, _)) in enumerate(zip(tables[1:], others, strict=True), 3)
    ]
    return (
        f"SELECT {', '.join(map(_select_columns, tables))} FROM owned t {' '.join(joins)} "  # noqa: S608
        f"WHERE t.spot BETWEEN ?1 AND ?1 + {LAST} AND t.key = ?2"
    )
