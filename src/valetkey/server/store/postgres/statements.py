"""The statements: a read is one, a commit is one, however much they hold.

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
from valetkey.server.store.change_log import forget_at, marked
from valetkey.server.store.postgres import counters
from valetkey.server.store.postgres.rows import columns, json, row, selected, type_of
from valetkey.server.store.sqlite.packed import packing, second_name, sought
from valetkey.server.store.storable import is_name

Operation: TypeAlias = Literal["create", "update", "remove", "count", "uncount", "tally"]


class Statement(NamedTuple):
    """A text and its parameters."""

    sql: str
    parameters: tuple[Any, ...]


# --- reads ---------------------------------------------------------------------------------------


def read(wants: Sequence[Query]) -> Statement:
    """All wants in one statement. Each row says which want it answers (`n`)."""
    parameters: list[Any] = []
    parts = [_wanted(number, want, parameters) for number, want in enumerate(wants)]
    return Statement(" UNION ALL ".join(parts), tuple(parameters))


def _wanted(number: int, want: Query, parameters: list[Any]) -> str:
    kind: type[Record] = want.record
    conditions = _sought(want, parameters)
    return f"SELECT {number} AS n, {selected(kind)} FROM {kind.table} t WHERE {conditions}"  # noqa: S608


def _sought(want: Query, parameters: list[Any]) -> str:
    kind: type[Record] = want.record
    match want:
        case One(key=key):
            at, held = named(kind, key)
            return _conditions(parameters, place=at, key=held)
        case OneByAlias(alias=alias):
            place = kind.place_of_alias(alias)
            told = second_name(alias) if kind.rank else alias or None
            return _conditions(parameters, place=place, alias=told)
        case Many(index="", value=_):
            return "true"
        case Many(index=index, value=value):
            return _conditions(parameters, **_indexed(kind, index, value))


def named(kind: type[Record], key: str) -> tuple[int, Any]:
    """The place of a row, and its key as the row has it; None for what can be no record's."""
    return (packing(kind).name(key) or (0, None)) if kind.rank else (kind.place_of(key), key)


def _indexed(kind: type[Record], index: str, value: str) -> dict[str, Any]:
    if kind.rank:
        place, held = sought(kind, index, value) or (0, None)
        return {"place": place, index: held}
    if index not in kind.indexes:
        raise ValueError(f"{kind.table} has no index {index!r}")
    return {"place": kind.place_of_index(index, value), index: value}


def _conditions(parameters: list[Any], **columns: Any) -> str:
    """Equalities; a place that is not known (None) is left out. Nothing else that is None is to be
    found, nor what is no name."""
    known = {name: value for name, value in columns.items() if (name, value) != ("place", None)}
    parts: list[str] = []
    for name, value in known.items():
        if value is None or (isinstance(value, str) and not is_name(value)):
            return "false"
        parts.append(f'"{name}" = ${len(parameters) + len(parts) + 1}')
    parameters += known.values()
    return " AND ".join(parts)


def page(query: PageQuery[Any]) -> Statement:
    """Newest key first, before a key, one more than the limit; a walk goes through the primary
    key."""
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
"""By name, where a user owns it."""


def _before(kind: type[Record], key: str, order: Sequence[str]) -> tuple[Any, ...]:
    """What these come to for a key; nothing where it can be no record's."""
    place, held = named(kind, key)
    if held is None:
        return ()
    known = {"place": place, "key": held, _TIME: held[: ids.TIME]}
    return tuple(known[one] for one in order)


# --- sweeps --------------------------------------------------------------------------------------


def sweep(kind: type[Record]) -> str:
    """Forgets up to $2 rows that expired by $1; what another node is sweeping is passed over."""
    return _forgotten(kind, "forget_at > 0 AND forget_at <= $1")


def _forgotten(kind: type[Record], condition: str) -> str:
    return (
        f"DELETE FROM {kind.table} WHERE (place, key) IN (SELECT place, key FROM {kind.table} "  # noqa: S608
        f"WHERE {condition} LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1"
    )


SWEEP_TOLD: Final = _forgotten(Event, f"{_TIME} < $1")
"""Forgets up to $2 events whose names begin with a time before $1."""


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
"""What a statement says, in an error that undoes it, where a precondition did not hold."""


def commit(changes: Sequence[Change]) -> Statement:
    """All changes in one statement, which fails as a whole where any precondition does not hold.

    Each change is judged by the row that it returns. No two changes may concern the same row, but
    for counts, which are added up; the statement returns the counters.
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
        records = counters.summed(list(records))
    rows = [(number, *_row(record, operation)) for number, record in records]
    return [list(column) for column in zip(*rows, strict=True)]


def _row(record: Record, operation: Operation) -> tuple[Any, ...]:
    if operation == "remove":
        return *named(type(record), record.key), record.version
    return row(record, record.version + 1 if operation == "update" else 1)


@cache
def _text(shapes: tuple[tuple[type[Record], Operation], ...], *, logged: bool) -> str:
    """The statement for these kinds of changes; there are few, so each is made once."""
    parts: list[str] = []
    missed: list[str] = []
    told = ""
    first = 1
    for number, (kind, operation) in enumerate(shapes):
        given = _given(kind, operation)
        types = ", ".join(
            f"${first + offset}::{type_of(kind, name)}[]" for offset, name in enumerate(given)
        )
        first += len(given)
        names = ", ".join(f'"{name}"' for name in given)
        parts.append(f"r{number} AS (SELECT * FROM unnest({types}) AS r({names}))")  # noqa: S608
        parts.append(f"d{number} AS ({_changed(kind, operation, f'r{number}')})")
        if operation == "count":
            told = f" UNION ALL SELECT 0, d.key, d.body FROM d{number} d"  # noqa: S608
        elif operation != "uncount":
            missed.append(
                f"SELECT r.n FROM r{number} r WHERE NOT EXISTS (SELECT 1 FROM d{number} d "  # noqa: S608
                "WHERE d.place = r.place AND d.key = r.key)"
            )
    if logged:
        parts += _logging(len(shapes), first)
    union = " UNION ALL ".join(missed) or "SELECT 0 AS n WHERE false"
    more = ", NULL::text AS key, NULL::text AS body" if told else ""
    return (
        f"WITH {', '.join(parts)}, missed AS ({union}) "  # noqa: S608
        f"SELECT ('{STALE}' || min(n))::int AS n{more} FROM missed HAVING count(*) > 0{told}"
    )


def _logging(shapes: int, first: int) -> tuple[str, str]:
    """Numbers the entries and appends them. The row with the last number is taken after all other
    rows of the statement, for which these are counted first: whoever has it waits for nobody, and
    keeps it until its commit. So numbers become visible in their order."""
    changed = " + ".join(f"(SELECT count(*) FROM d{number})" for number in range(shapes))  # noqa: S608
    head = (
        f"UPDATE log_head t SET seq = t.seq + r.n FROM (SELECT 0 AS place, ${first}::bigint AS n, "  # noqa: S608
        f"{changed} AS changed) r WHERE t.place = r.place AND r.changed >= 0 "
        "RETURNING t.seq - r.n AS before"
    )
    given = f"${first + 1}::bigint[], ${first + 2}::bigint[], ${first + 3}::text[]"
    rows = (
        'INSERT INTO log ("place", "seq", "forget_at", "body") '  # noqa: S608
        "SELECT 0, h.before + r.n, r.forget_at, r.body "
        f"FROM head h, unnest({given}) AS r(n, forget_at, body)"
    )
    return f"head AS ({head})", f"logged AS ({rows})"


def _given(kind: type[Record], operation: Operation) -> tuple[str, ...]:
    """What a statement is given of each record."""
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
