"""The SQL statements. Each read and each commit is one statement, whatever its size.

Names in statements are constants of the record classes; values are always parameters.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from valetkey.server.model import ids
from valetkey.server.model.event import Event
from valetkey.server.model.query import Many, One, OneByAlias, PageQuery, Query
from valetkey.server.model.record import Record
from valetkey.server.model.user import User
from valetkey.server.store.port import is_name
from valetkey.server.store.postgres.rows import selected, type_of
from valetkey.server.store.sqlite.packed import packing, second_name, sought


class Statement(NamedTuple):
    """A text and its parameters."""

    sql: str
    parameters: tuple[Any, ...]


# --- reads ---------------------------------------------------------------------------------------


MANY: Final = 16
"""The number of wants of one shape from which on they are parameters of one SELECT: PostgreSQL
needs a second to plan a statement of a thousand."""


def read(wants: Sequence[Query]) -> Statement:
    """All wants in one statement. Each row says which want it answers (`n`)."""
    parameters, parts = list[Any](), list[str]()
    shapes: dict[tuple[type[Query], type[Record], str | None], list[tuple[int, Query]]] = {}
    for number, want in enumerate(wants):
        index = want.index if isinstance(want, Many) else None
        shapes.setdefault((type(want), want.record, index), []).append((number, want))
    for (_, kind, index), some in shapes.items():
        lists = [(number, want) for number, want in some if isinstance(want, Many)]
        if len(lists) >= MANY and index:
            parts.append(_select_each_list(kind, lists, parameters))
        elif len(some) >= MANY and not lists:
            parts.append(_select_each(kind, some, parameters))
        else:
            parts += (_select(number, want, parameters) for number, want in some)
    return Statement(" UNION ALL ".join(parts), tuple(parameters))


def _select_each(
    kind: type[Record], wants: Sequence[tuple[int, Query]], parameters: list[Any]
) -> str:
    """The records with these keys, or with these aliases. A LIMIT makes the database look for each
    of them by the index, however few rows it believes the table to have."""
    found = [(number, *_place_and_name(want)) for number, want in wants]
    rows = [row for row in found if row[2] is not None]
    column = "alias" if isinstance(wants[0][1], OneByAlias) else "key"
    first = len(parameters) + 1
    parameters += [list(values) for values in zip(*rows, strict=True)] or [[], [], []]
    types = f"${first}::int[], ${first + 1}::bigint[], ${first + 2}::{type_of(kind, column)}[]"
    # No place: this kind of alias doesn't say where its record is.
    near = "" if rows and rows[0][1] is None else "t.place = r.at AND "
    return (
        f"SELECT r.n, {selected(kind)} FROM unnest({types}) AS r(n, at, named) CROSS JOIN LATERAL "  # noqa: S608
        f'(SELECT * FROM {kind.table} t WHERE {near}t."{column}" = r.named LIMIT 1) AS t'
    )


def _select_each_list(
    kind: type[Record], wants: Sequence[tuple[int, Many[Any]]], parameters: list[Any]
) -> str:
    """The records with each of these values of one index. The OFFSET makes the database look for
    each value by the index, as the LIMIT above does."""
    rows, index = list[tuple[int, int | None, Any]](), wants[0][1].index
    for number, want in wants:
        found = _indexed(kind, index, want.value)
        if _is_possible(value := found[index]):
            rows.append((number, found["place"], value))
    first = len(parameters) + 1
    parameters += [list(values) for values in zip(*rows, strict=True)] or [[], [], []]
    types = f"${first}::int[], ${first + 1}::bigint[], ${first + 2}::{type_of(kind, index)}[]"
    # No place: the index doesn't say where its records are.
    near = "" if rows and rows[0][1] is None else "t.place = r.at AND "
    return (
        f"SELECT r.n, {selected(kind)} FROM unnest({types}) AS r(n, at, named) CROSS JOIN LATERAL "  # noqa: S608
        f'(SELECT * FROM {kind.table} t WHERE {near}t."{index}" = r.named OFFSET 0) AS t'
    )


def _is_possible(value: Any) -> bool:
    """Whether a column can have this value."""
    return value is not None and (not isinstance(value, str) or is_name(value))


def _select(number: int, want: Query, parameters: list[Any]) -> str:
    kind: type[Record] = want.record
    conditions = _where(want, parameters)
    return f"SELECT {number} AS n, {selected(kind)} FROM {kind.table} t WHERE {conditions}"  # noqa: S608


def _where(want: Query, parameters: list[Any]) -> str:
    kind: type[Record] = want.record
    match want:
        case One(key=key):
            at, stored_key = place_and_key(kind, key)
            return _conditions(parameters, place=at, key=stored_key)
        case OneByAlias():
            place, stored_alias = _place_and_name(want)
            return _conditions(parameters, place=place, alias=stored_alias)
        case Many(index="", value=_):
            return "true"
        case Many(index=index, value=value):
            return _conditions(parameters, **_indexed(kind, index, value))


def _place_and_name(want: Query) -> tuple[int | None, Any]:
    """The place of the record, None if unknown, and its key or its alias as stored; None if no
    record can have it."""
    place: int | None = None
    name: Any = None
    match want:
        case One(record=kind, key=key):
            place, name = place_and_key(kind, key)
        case OneByAlias(record=kind, alias=alias):
            place = kind.place_of_alias(alias)
            name = second_name(alias) if kind.rank else alias or None
        case Many():
            raise TypeError("a list has no name")
    return place, None if isinstance(name, str) and not is_name(name) else name


def place_and_key(kind: type[Record], key: str) -> tuple[int, Any]:
    """The place of a row, and its key as stored; None if no record can have this key."""
    return (packing(kind).name(key) or (0, None)) if kind.rank else (kind.place_of(key), key)


def _indexed(kind: type[Record], index: str, value: str) -> dict[str, Any]:
    if kind.rank:
        place, stored_value = sought(kind, index, value) or (0, None)
        return {"place": place, index: stored_value}
    if index not in kind.indexes:
        raise ValueError(f"{kind.table} has no index {index!r}")
    return {"place": kind.place_of_index(index, value), index: value}


def _conditions(parameters: list[Any], **columns: Any) -> str:
    """Return the equality conditions as SQL, joined by AND; "false" if no row can match.

    A place of None adds no condition. Any other None, or a text that no column can hold, matches
    no row."""
    constraints = {
        name: value for name, value in columns.items() if (name, value) != ("place", None)
    }
    parts: list[str] = []
    for name, value in constraints.items():
        if not _is_possible(value):
            return "false"
        parts.append(f'"{name}" = ${len(parameters) + len(parts) + 1}')
    parameters += constraints.values()
    return " AND ".join(parts)


def page(query: PageQuery[Any]) -> Statement:
    """Select one page: newest key first, starting before `query.before`, one row more than the
    limit. A walk follows the primary key, and so does a list of all records of one place."""
    kind: type[Record] = query.record
    parameters: list[Any] = [query.limit + 1]
    conditions = "true"
    if query.index:
        conditions = _conditions(parameters, **_indexed(kind, query.index, query.value))
    by_primary_key = query.walk or kind is User or not (query.index or _has_places(kind))
    order = ("place", "key") if by_primary_key else _OLD if kind.rank else ("key",)
    if query.before and (before := _before(kind, query.before, order)):
        marks = (f"${len(parameters) + number + 1}" for number in range(len(before)))
        conditions += f" AND ({', '.join(order)}) < ({', '.join(marks)})"
        parameters += before
    newest = ", ".join(f"{one} DESC" for one in order)
    sql = (
        f"SELECT 0 AS n, {selected(kind)} FROM {kind.table} t WHERE {conditions} "  # noqa: S608
        f"ORDER BY {newest} LIMIT $1"
    )
    return Statement(sql, tuple(parameters))


def _has_places(kind: type[Record]) -> bool:
    """Whether the records are in more than one place."""
    return kind.place_of.__func__ is not Record.place_of.__func__  # type: ignore[attr-defined]


_TIME: Final = f"substring(key, 1, {ids.TIME})"
_OLD: Final = (_TIME, "place", "key")
"""The order by name, for records that a user owns."""


def _before(kind: type[Record], key: str, order: Sequence[str]) -> tuple[Any, ...]:
    """The values of the `order` columns for a key; empty if no record can have this key."""
    place, stored_key = place_and_key(kind, key)
    if stored_key is None:
        return ()
    by_column = {"place": place, "key": stored_key, _TIME: stored_key[: ids.TIME]}
    return tuple(by_column[one] for one in order)


# --- sweeps --------------------------------------------------------------------------------------


def sweep(kind: type[Record]) -> str:
    """Delete up to $2 rows that expired by $1, skipping rows that another node is deleting."""
    return _forgotten(kind, "forget_at > 0 AND forget_at <= $1")


def _forgotten(kind: type[Record], condition: str) -> str:
    return (
        f"DELETE FROM {kind.table} WHERE (place, key) IN (SELECT place, key FROM {kind.table} "  # noqa: S608
        f"WHERE {condition} LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1"
    )


SWEEP_EVENTS: Final = _forgotten(Event, f"{_TIME} < $1")
"""Deletes up to $2 events whose names begin with a time before $1."""


LOG: Final = (
    "SELECT h.seq AS head, l.seq, l.body, "
    "coalesce((SELECT min(seq) FROM log WHERE place = 0), h.seq + 1) AS first "
    "FROM log_head h LEFT JOIN (SELECT seq, body FROM log WHERE place = 0 AND seq >= $1 "
    "ORDER BY seq LIMIT $2) l ON true WHERE h.place = 0 ORDER BY l.seq"
)
"""The last number, the oldest that is kept, and the entries from a number on."""

SWEEP_LOG: Final = (
    "DELETE FROM log WHERE place = 0 AND seq IN (SELECT seq FROM log WHERE place = 0 AND seq < "
    "coalesce((SELECT seq FROM log WHERE place = 0 AND forget_at > $1 ORDER BY seq LIMIT 1), "
    "9e18::bigint) ORDER BY seq LIMIT $2) RETURNING 1"
)
"""Forgets up to $2 entries that expired by $1, the oldest first and none after one that did not."""
