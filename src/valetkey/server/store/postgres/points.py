"""Rows by their keys, which is nearly all that a busy node asks for, in one statement."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, TypeAlias

from valetkey.server.model.query import One, With
from valetkey.server.model.record import Record
from valetkey.server.store.postgres.rows import selected, type_of
from valetkey.server.store.postgres.statements import Statement, named
from valetkey.server.store.storable import is_name

Shape: TypeAlias = tuple[type[Record], tuple[tuple[str, type[Record]], ...]]
"""A kind of record, and what its fields name."""

BESIDE: Final = 1 << 20
"""More than there are wants in a read."""


def points(wants: Sequence[One[Any]]) -> Statement:
    """Any number of rows by their keys, in a text that depends on their kinds alone: the database
    prepares it once. Each row says which want it answers (`n`). What `With` wants beside it comes
    too: BESIDE is added to `n` for the first of the others, twice that for the second."""
    given: dict[Shape, list[tuple[int, int, Any]]] = {}
    for number, want in enumerate(wants):
        place, key = named(want.record, want.key)
        if key is not None and (not isinstance(key, str) or is_name(key)):
            others = want.others if type(want) is With else ()
            given.setdefault((want.record, others), []).append((number, place, key))
    shapes = tuple(sorted(given, key=_order))
    parameters = [list(column) for one in shapes for column in zip(*given[one], strict=True)]
    return Statement(_points(shapes), tuple(parameters))


def _order(shape: Shape) -> tuple[str, bool]:
    return shape[0].table, bool(shape[1])


@cache
def _points(shapes: tuple[Shape, ...]) -> str:
    once, parts = list[str](), list[str]()
    for first, (kind, others) in zip(range(1, 3 * len(shapes) + 1, 3), shapes, strict=True):
        types = f"${first}::int[], ${first + 1}::bigint[], ${first + 2}::{type_of(kind, 'key')}[]"
        found = (
            f"unnest({types}) AS r(n, at, named) "
            f"JOIN {kind.table} t ON t.place = r.at AND t.key = r.named"
        )
        if others:
            once.append(f"w{first} AS (SELECT r.n, t.* FROM {found})")  # noqa: S608
            found = f"w{first} t"
        parts.append(f"SELECT n, {selected(kind)} FROM {found}")  # noqa: S608
        parts += (
            f"SELECT w.n + {number * BESIDE}, {selected(other)} FROM w{first} w "  # noqa: S608
            f'JOIN {other.table} t ON t.place = w.place AND t.key = w."{field}"'
            for number, (field, other) in enumerate(others, 1)
        )
    common = f"WITH {', '.join(once)} " if once else ""
    return common + (" UNION ALL ".join(parts) or "SELECT 1 AS n WHERE false")
