"""Reads rows that users own by their names, all in one statement and so from one moment.

The location of a row follows from its name alone, so it is cached with the row (see `row_cache`).
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, TypeAlias, TypeGuard

import apsw
import msgspec

from valetkey.server.model import ids
from valetkey.server.model.query import One, Query, Results
from valetkey.server.model.record import Record
from valetkey.server.store.row_cache import RowCache
from valetkey.server.store.sqlite.packed import Packing, packing
from valetkey.server.store.sqlite.tree import COLUMNS, LAST, STRETCH, block_of, first_of

NOWHERE: Final = 0, b""
"""The location for a malformed name: no row has this key."""


class Sought(msgspec.Struct):
    """The location of a row, and the last row that was read there, with its record."""

    packing: Packing
    place: int
    key: bytes
    block: int
    last: tuple[Sequence[Any], tuple[Record, ...]] = (), ()


Rows: TypeAlias = RowCache[One[Any], Sought]


def are_names(wants: tuple[Query, ...]) -> TypeGuard[tuple[One[Any], ...]]:
    """Whether there are queries, and all of them name records that users own. A name of another
    length is never cached."""
    for want in wants:
        if not isinstance(want, One) or not want.record.rank or len(want.key) != ids.LETTERS:
            return False
    return bool(wants)


def find(cursor: apsw.Cursor, wants: tuple[One[Any], ...], rows: Rows) -> Results:
    """Read the rows of queries that satisfy `are_names`."""
    if len(wants) == 1 and wants[0].record.read_ahead:
        return _find_with_others(cursor, wants[0])
    sought = [rows.get(want) or rows.keep(want, _located(want)) for want in wants]
    binds: list[int | bytes] = []
    for one in sought:
        binds += (one.block, one.key)
    records: dict[Query, tuple[Record, ...]] = dict.fromkeys(wants, ())
    # All rows at once: a statement that is not at its end would hold back what others write.
    selected: list[Any] = cursor.execute(_statement(len(wants)), binds).fetchall()
    for row in selected:
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


def _find_with_others(cursor: apsw.Cursor, want: One[Any]) -> Results:
    """Read a row and those that it reads ahead. They are not cached: a refresh token needs them
    once in its life."""
    kind: type[Record] = want.record
    its = packing(kind, COLUMNS)
    place, key = its.name(want.key) or NOWHERE
    binds: list[int | bytes] = [block_of(place, kind.rank, key), key]
    binds += [first_of(place, other.rank) for _, other in kind.read_ahead]
    records: dict[Query, tuple[Record, ...]] = {want: ()}
    more: dict[Query, tuple[Record, ...]] = {}
    for row in cursor.execute(_statement_with(kind.read_ahead), binds).fetchall():
        record = its.read(want.key, place, row)
        records[want] = (record,)
        for at, (field, other) in enumerate(kind.read_ahead, 1):
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
