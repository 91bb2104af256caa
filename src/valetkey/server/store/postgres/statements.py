"""The SQL statements. Each read and each commit is one statement, whatever its size.

Names in statements are constants of the record classes; values are always parameters.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from valetkey.server.model import ids
from valetkey.server.model.change import Change, Count, Create, Remove, Tally, Uncount, Update
from valetkey.server.model.change_log import entries_of
from valetkey.server.model.event import Event
from valetkey.server.model.query import Many, One, OneByAlias, PageQuery, Query
from valetkey.server.model.record import Record
from valetkey.server.model.user import User
from valetkey.server.store.port import forget_at, is_name, marked
from valetkey.server.store.postgres import counters
from valetkey.server.store.postgres.rows import columns, json, row, selected, type_of
from valetkey.server.store.sqlite.packed import packing, second_name, sought

Operation: TypeAlias = Literal["create", "update", "remove", "count", "uncount", "tally"]


class Statement(NamedTuple):
    """A text and its parameters."""

    sql: str
    parameters: tuple[Any, ...]


# --- reads ---------------------------------------------------------------------------------------


def read(wants: Sequence[Query]) -> Statement:
    """All wants in one statement. Each row says which want it answers (`n`)."""
    parameters: list[Any] = []
    parts = [_select(number, want, parameters) for number, want in enumerate(wants)]
    return Statement(" UNION ALL ".join(parts), tuple(parameters))


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
        case OneByAlias(alias=alias):
            place = kind.place_of_alias(alias)
            stored_alias = second_name(alias) if kind.rank else alias or None
            return _conditions(parameters, place=place, alias=stored_alias)
        case Many(index="", value=_):
            return "true"
        case Many(index=index, value=value):
            return _conditions(parameters, **_indexed(kind, index, value))


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
        if value is None or (isinstance(value, str) and not is_name(value)):
            return "false"
        parts.append(f'"{name}" = ${len(parameters) + len(parts) + 1}')
    parameters += constraints.values()
    return " AND ".join(parts)


def page(query: PageQuery[Any]) -> Statement:
    """Select one page: newest key first, starting before `query.before`, one row more than the
    limit. A walk follows the primary key."""
    kind: type[Record] = query.record
    parameters: list[Any] = [query.limit + 1]
    conditions = "true"
    if query.index:
        conditions = _conditions(parameters, **_indexed(kind, query.index, query.value))
    order = ("place", "key") if query.walk or kind is User else _OLD if kind.rank else ("key",)
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


# --- commits -------------------------------------------------------------------------------------

OPERATIONS: Final[dict[type, Operation]] = {
    Create: "create",
    Update: "update",
    Remove: "remove",
    Count: "count",
    Uncount: "uncount",
    Tally: "tally",
}

STALE: Final = "stale:"
"""The prefix of the error by which a statement rolls itself back when a precondition fails."""


def commit(changes: Sequence[Change]) -> Statement:
    """Build one statement for all changes. It fails as a whole if any precondition fails.

    A change succeeded if the statement returned its row. Only counts may touch the same row more
    than once: they are added up, and the statement returns the counters.
    """
    groups: dict[tuple[type[Record], Operation], list[tuple[int, Change]]] = {}
    for number, change in enumerate(changes):
        shape = type(change.record), OPERATIONS[type(change)]
        groups.setdefault(shape, []).append((number, change))
    ordered = sorted(groups.items(), key=lambda item: (item[0][0].table, item[0][1]))
    parameters: list[Any] = []
    for (kind, operation), members in ordered:
        parameters += _arrays(kind, operation, members)
    entries = marked(entries_of(changes))
    if entries:
        numbers = list(range(1, len(entries) + 1))
        until, bodies = [forget_at(one) for one in entries], [json(one) for one in entries]
        parameters += [len(entries), numbers, until, bodies]
    shapes = tuple(shape for shape, _ in ordered)
    return Statement(_text(shapes, logged=bool(entries)), tuple(parameters))


def _arrays(
    kind: type[Record], operation: Operation, members: Sequence[tuple[int, Change]]
) -> list[list[Any]]:
    records: Iterable[tuple[int, Any]] = ((number, change.record) for number, change in members)
    if operation in ("count", "uncount"):
        records = counters.sum_by_bucket(list(records))
    rows = [(number, *_row(record, operation)) for number, record in records]
    return [list(column) for column in zip(*rows, strict=True)]


def _row(record: Record, operation: Operation) -> tuple[Any, ...]:
    if operation == "remove":
        return *place_and_key(type(record), record.key), record.version
    return row(record, record.version + 1 if operation == "update" else 1)


@cache
def _text(shapes: tuple[tuple[type[Record], Operation], ...], *, logged: bool) -> str:
    """The SQL for these kinds of changes. There are few combinations, so each is built once."""
    parts: list[str] = []
    missed: list[str] = []
    counters_sql = ""
    first = 1
    for number, (kind, operation) in enumerate(shapes):
        fields = _parameter_names(kind, operation)
        types = ", ".join(
            f"${first + offset}::{type_of(kind, name)}[]" for offset, name in enumerate(fields)
        )
        first += len(fields)
        names = ", ".join(f'"{name}"' for name in fields)
        parts.append(f"r{number} AS (SELECT * FROM unnest({types}) AS r({names}))")  # noqa: S608
        parts.append(f"d{number} AS ({_changed(kind, operation, f'r{number}')})")
        if operation == "count":
            counters_sql = f" UNION ALL SELECT 0, d.key, d.body FROM d{number} d"  # noqa: S608
        elif operation != "uncount":
            missed.append(
                f"SELECT r.n FROM r{number} r WHERE NOT EXISTS (SELECT 1 FROM d{number} d "  # noqa: S608
                "WHERE d.place = r.place AND d.key = r.key)"
            )
    if logged:
        parts += _logging(len(shapes), first)
    union = " UNION ALL ".join(missed) or "SELECT 0 AS n WHERE false"
    more = ", NULL::text AS key, NULL::text AS body" if counters_sql else ""
    return (
        f"WITH {', '.join(parts)}, missed AS ({union}) "  # noqa: S608
        f"SELECT ('{STALE}' || min(n))::int AS n{more} FROM missed HAVING count(*) > 0"
        f"{counters_sql}"
    )


def _logging(shapes: int, first: int) -> tuple[str, str]:
    """Number the log entries and append them.

    The statement locks the row with the last number after all of its other rows; counting those
    rows first enforces that order. So a statement that holds this row waits for no other, and keeps
    it until it commits. That makes numbers visible in their order."""
    changed = " + ".join(f"(SELECT count(*) FROM d{number})" for number in range(shapes))  # noqa: S608
    head = (
        f"UPDATE log_head t SET seq = t.seq + r.n FROM (SELECT 0 AS place, ${first}::bigint AS n, "  # noqa: S608
        f"{changed} AS changed) r WHERE t.place = r.place AND r.changed >= 0 "
        "RETURNING t.seq - r.n AS before"
    )
    arrays = f"${first + 1}::bigint[], ${first + 2}::bigint[], ${first + 3}::text[]"
    rows = (
        'INSERT INTO log ("place", "seq", "forget_at", "body") '  # noqa: S608
        "SELECT 0, h.before + r.n, r.forget_at, r.body "
        f"FROM head h, unnest({arrays}) AS r(n, forget_at, body)"
    )
    return f"head AS ({head})", f"logged AS ({rows})"


def _parameter_names(kind: type[Record], operation: Operation) -> tuple[str, ...]:
    """The names of a statement's parameters for each record."""
    return ("n", *(("place", "key", "version") if operation == "remove" else columns(kind)))


def _changed(kind: type[Record], operation: Operation, rows: str) -> str:
    table = kind.table
    if operation in ("count", "uncount"):
        return counters.count(rows) if operation == "count" else counters.uncount(rows)
    if operation == "remove":
        return (
            f"DELETE FROM {table} t USING {rows} r WHERE t.place = r.place AND t.key = r.key "  # noqa: S608
            "AND t.version = r.version RETURNING t.place, t.key"
        )
    if operation == "update":
        data = (name for name in columns(kind) if name not in ("place", "key"))
        sets = ", ".join(f'"{name}" = r."{name}"' for name in data)
        return (
            f"UPDATE {table} t SET {sets} FROM {rows} r "  # noqa: S608
            "WHERE t.place = r.place AND t.key = r.key AND t.version = r.version - 1 "
            "RETURNING t.place, t.key"
        )
    names = ", ".join(f'"{name}"' for name in columns(kind))
    there = "DO NOTHING"
    if operation == "tally":
        there = "(place, key) DO UPDATE SET version = t.version + 1"
    return (
        f"INSERT INTO {table} AS t ({names}) SELECT {names} FROM {rows} "  # noqa: S608
        f"ON CONFLICT {there} RETURNING place, key"
    )
