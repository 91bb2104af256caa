"""Rows that users own, found by their names: all by one statement, and so of one moment.

Whoever shows a token again wants the same rows again. Where they lie follows from their names
alone, so it is remembered; the rows themselves are read each time. One that is as it was, byte by
byte, is the record that it was: a record never changes.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, Final, TypeGuard

import apsw
import msgspec

from valetkey.model import ids
from valetkey.model.record import Record
from valetkey.model.want import One, Want
from valetkey.store.packed import Packing, packing
from valetkey.store.tree import COLUMNS, LAST, block_of

MANY: Final = 12288
"""Names that are remembered, the last used ones."""

AGAIN: Final = 3
"""Names from which a group is remembered: the three of a token are wanted again and again, those of
a refresh only once in its token's life."""

NOWHERE: Final = 0, b""
"""Where what is no name of ours would be: no row has such a key."""


class Sought(msgspec.Struct):
    """Where the row of a name lies, and the row that was found there last, with its record."""

    packing: Packing
    place: int
    key: bytes
    block: int
    last: tuple[Sequence[Any], tuple[Record, ...]] = (), ()


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
    where = _where if len(wants) < AGAIN else _remembered
    sought = [where(want) for want in wants]
    binds: list[int | bytes] = []
    for one in sought:
        binds += (one.block, one.key)
    found: dict[Want, tuple[Record, ...]] = dict.fromkeys(wants, ())
    for row in connection.execute(_statement(len(wants)), binds):
        one, want = sought[row[0]], wants[row[0]]
        if one.last[0] != row:
            one.last = row, (one.packing.read(want.key, one.place, row[1:]),)
        found[want] = one.last[1]
    return found


def _where(want: One[Any]) -> Sought:
    kind: type[Record] = want.record
    its = packing(kind, COLUMNS)
    place, key = its.name(want.key) or NOWHERE
    return Sought(its, place, key, block_of(place, kind.rank, key))


_remembered: Final = lru_cache(maxsize=MANY)(_where)


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
