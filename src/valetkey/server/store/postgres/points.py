"""Reads rows by their keys in one statement. Nearly all reads of a busy node are of this kind."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, TypeAlias

from valetkey.server.model.query import One, With
from valetkey.server.model.record import Record
from valetkey.server.store.postgres.rows import selected, type_of
from valetkey.server.store.postgres.statements import Statement, place_and_key
from valetkey.server.store.storable import is_name

Shape: TypeAlias = tuple[type[Record], tuple[tuple[str, type[Record]], ...]]
"""A kind of record, and the other records that its fields name."""

BESIDE: Final = 1 << 20
"""A number larger than the number of queries in a read."""


def points(wants: Sequence[One[Any]]) -> Statement:
    """Build a statement that reads any number of rows by their keys.

    Its text depends only on the kinds of record, so the database prepares it once. The column `n`
    of each row is the number of the query that it answers. For the related records of a `With`
    query, BESIDE is added to `n` for the first one, twice BESIDE for the second."""
    by_shape: dict[Shape, list[tuple[int, int, Any]]] = {}
    for number, want in enumerate(wants):
        place, key = place_and_key(want.record, want.key)
        if key is not None and (not isinstance(key, str) or is_name(key)):
            others = want.others if type(want) is With else ()
            by_shape.setdefault((want.record, others), []).append((number, place, key))
    shapes = tuple(sorted(by_shape, key=_order))
    parameters = [list(column) for one in shapes for column in zip(*by_shape[one], strict=True)]
    return Statement(_points(shapes), tuple(parameters))


def _order(shape: Shape) -> tuple[str, bool]:
    return shape[0].table, bool(shape[1])


@cache
def _points(shapes: tuple[Shape, ...]) -> str:
    once, parts = list[str](), list[str]()
    for first, (kind, others) in zip(range(1, 3 * len(shapes) + 1, 3), shapes, strict=True):
        types = f"${first}::int[], ${first + 1}::bigint[], ${first + 2}::{type_of(kind, 'key')}[]"
        source = (
            f"unnest({types}) AS r(n, at, named) "
            f"JOIN {kind.table} t ON t.place = r.at AND t.key = r.named"
        )
        if others:
            once.append(f"w{first} AS (SELECT r.n, t.* FROM {source})")  # noqa: S608
            source = f"w{first} t"
        parts.append(f"SELECT n, {selected(kind)} FROM {source}")  # noqa: S608
        parts += (
            f"SELECT w.n + {number * BESIDE}, {selected(other)} FROM w{first} w "  # noqa: S608
            f'JOIN {other.table} t ON t.place = w.place AND t.key = w."{field}"'
            for number, (field, other) in enumerate(others, 1)
        )
    common = f"WITH {', '.join(once)} " if once else ""
    return common + (" UNION ALL ".join(parts) or "SELECT 1 AS n WHERE false")
