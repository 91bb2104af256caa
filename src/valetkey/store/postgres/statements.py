"""The statements: a read is one, a commit is one, however much they hold.

Every table has `place` and `key` as its primary key, `alias` (null for none), `version`,
`forget_at`, one column for each index, and `body`, the whole record as JSON. Names in statements
are constants of the record classes; values are always parameters.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from valetkey.model.change import Change, Create, Remove, Update
from valetkey.model.log import entries_of
from valetkey.model.record import Record
from valetkey.model.want import Alias, Many, One, Query, Want
from valetkey.store.log import forget_at, marked

Operation: TypeAlias = Literal["create", "update", "remove"]


class Statement(NamedTuple):
    """A text and its parameters."""

    sql: str
    parameters: tuple[Any, ...]


@cache
def decoder(kind: type[Record]) -> msgspec.json.Decoder[Any]:
    """Reads the bodies of a kind of record."""
    return msgspec.json.Decoder(kind)


def read(wants: Sequence[Want]) -> Statement:
    """All wants in one statement. Each row says which want it answers (`n`)."""
    parameters: list[Any] = []
    parts = [_selected(number, want, parameters) for number, want in enumerate(wants)]
    return Statement(f"{' UNION ALL '.join(parts)} ORDER BY n, key", tuple(parameters))


def _selected(number: int, want: Want, parameters: list[Any]) -> str:
    table, conditions = want.record.table, _sought(want, parameters)
    return f"SELECT {number} AS n, key, body FROM {table} WHERE {conditions}"  # noqa: S608


def _sought(want: Want, parameters: list[Any]) -> str:
    kind: type[Record] = want.record
    match want:
        case One(key=key):
            return _conditions(parameters, place=kind.place_of(key), key=key)
        case Alias(alias=alias):
            place = kind.place_of_alias(alias)
            return _conditions(parameters, place=place, alias=alias or None)
        case Many(index="", value=_):
            return "true"
        case Many(index=index, value=value):
            _check(kind, index)
            place = kind.place_of_index(index, value)
            return _conditions(parameters, place=place, **{index: value})


def _conditions(parameters: list[Any], **columns: Any) -> str:
    """Equalities; a place that is not known (None) is left out, and a text with a zero byte, which
    this database cannot hold, is equal to nothing."""
    if any(isinstance(value, str) and "\x00" in value for value in columns.values()):
        return "false"
    known = {name: value for name, value in columns.items() if (name, value) != ("place", None)}
    parts = []
    for name, value in known.items():
        parameters.append(value)
        parts.append(f'"{name}" = ${len(parameters)}')
    return " AND ".join(parts)


def page(query: Query[Any]) -> Statement:
    """Newest key first, before a key, one more than the limit."""
    kind: type[Record] = query.record
    parameters: list[Any] = [query.before, query.limit + 1]
    conditions = "($1 = '' OR key < $1)"
    if query.index:
        _check(kind, query.index)
        place = kind.place_of_index(query.index, query.value)
        more = _conditions(parameters, place=place, **{query.index: query.value})
        conditions = f"{conditions} AND {more}"
    sql = f"SELECT body FROM {kind.table} WHERE {conditions} ORDER BY key DESC LIMIT $2"  # noqa: S608
    return Statement(sql, tuple(parameters))


def _check(kind: type[Record], index: str) -> None:
    if index not in kind.indexes:
        raise ValueError(f"{kind.table} has no index {index!r}")


def sweep(kind: type[Record]) -> str:
    """Forgets up to $2 rows that expired by $1; what another node is sweeping is passed over."""
    return (
        f"DELETE FROM {kind.table} WHERE (place, key) IN (SELECT place, key FROM {kind.table} "  # noqa: S608
        "WHERE forget_at > 0 AND forget_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1"
    )


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
}

STALE: Final = "stale:"
"""What a statement says, in an error that undoes it, where a precondition did not hold."""


def commit(changes: Sequence[Change]) -> Statement:
    """All changes in one statement, which fails as a whole where any precondition does not hold.

    Each change is judged by the row that it returns. No two changes may concern the same row.
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
        until, bodies = [forget_at(one) for one in entries], [_body(one) for one in entries]
        parameters += [len(entries), numbers, until, bodies]
    shapes = tuple(shape for shape, _ in ordered)
    return Statement(_text(shapes, logged=bool(entries)), tuple(parameters))


def _body(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _arrays(
    kind: type[Record], operation: Operation, members: Sequence[tuple[int, Change]]
) -> list[list[Any]]:
    rows = [_row(number, change.record, operation) for number, change in members]
    return [list(column) for column in zip(*rows, strict=True)]


def _row(number: int, record: Record, operation: Operation) -> tuple[Any, ...]:
    row = (number, record.place, record.key, record.version)
    if operation == "remove":
        return row
    written = msgspec.structs.replace(record, version=record.version + 1)
    if operation == "create":
        written = msgspec.structs.replace(record, version=1)
    indexed = tuple(getattr(record, name) for name in type(record).indexes)
    return (*row, record.alias or None, record.forget_at, *indexed, _body(written))


@cache
def _text(shapes: tuple[tuple[type[Record], Operation], ...], *, logged: bool) -> str:
    """The statement for these kinds of changes; there are few, so each is made once."""
    parts: list[str] = []
    missed: list[str] = []
    first = 1
    for number, (kind, operation) in enumerate(shapes):
        columns = _columns(kind, operation)
        given = ", ".join(
            f"${first + offset}::{_TYPES.get(name, 'text')}[]"
            for offset, name in enumerate(columns)
        )
        first += len(columns)
        names = ", ".join(f'"{name}"' for name in columns)
        parts.append(f"r{number} AS (SELECT * FROM unnest({given}) AS r({names}))")  # noqa: S608
        parts.append(f"d{number} AS ({_changed(kind, operation, f'r{number}')})")
        missed.append(
            f"SELECT r.n FROM r{number} r WHERE NOT EXISTS (SELECT 1 FROM d{number} d "  # noqa: S608
            "WHERE d.place = r.place AND d.key = r.key)"
        )
    if logged:
        parts += _logging(len(shapes), first)
    union = " UNION ALL ".join(missed)
    return (
        f"WITH {', '.join(parts)}, missed AS ({union}) "  # noqa: S608
        f"SELECT ('{STALE}' || min(n))::int FROM missed HAVING count(*) > 0"
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
        'INSERT INTO log ("seq", "place", "forget_at", "body") '  # noqa: S608
        "SELECT h.before + r.n, 0, r.forget_at, r.body "
        f"FROM head h, unnest({given}) AS r(n, forget_at, body)"
    )
    return f"head AS ({head})", f"logged AS ({rows})"


_TYPES: Final = {"n": "int", "place": "bigint", "version": "int", "forget_at": "bigint"}


def _columns(kind: type[Record], operation: Operation) -> tuple[str, ...]:
    names = ("n", "place", "key", "version")
    if operation == "remove":
        return names
    return (*names, "alias", "forget_at", *kind.indexes, "body")


def _changed(kind: type[Record], operation: Operation, rows: str) -> str:
    table = kind.table
    if operation == "remove":
        return (
            f"DELETE FROM {table} t USING {rows} r WHERE t.place = r.place AND t.key = r.key "  # noqa: S608
            "AND t.version = r.version RETURNING t.place, t.key"
        )
    data = ("alias", "forget_at", *kind.indexes, "body")
    if operation == "update":
        sets = ", ".join(f'"{name}" = r."{name}"' for name in data)
        return (
            f"UPDATE {table} t SET version = t.version + 1, {sets} FROM {rows} r "  # noqa: S608
            "WHERE t.place = r.place AND t.key = r.key AND t.version = r.version "
            "RETURNING t.place, t.key"
        )
    names = ", ".join(f'"{name}"' for name in ("place", "key", *data))
    return (
        f"INSERT INTO {table} (version, {names}) SELECT 1, {names} FROM {rows} "  # noqa: S608
        "ON CONFLICT DO NOTHING RETURNING place, key"
    )
