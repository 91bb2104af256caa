"""The SQL of commits: one statement for each, whatever its size.

Names in statements are constants of the record classes; values are always parameters.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final, Literal, TypeAlias

from valetkey.server.model.change import (
    Add,
    Change,
    Count,
    Create,
    Index,
    Remove,
    Tally,
    Uncount,
    Update,
)
from valetkey.server.model.change_log import entries_of
from valetkey.server.model.record import Record
from valetkey.server.store.port import forget_at, marked
from valetkey.server.store.postgres import counters, search
from valetkey.server.store.postgres.rows import columns, json, row, type_of
from valetkey.server.store.postgres.statements import Statement, place_and_key

Operation: TypeAlias = Literal[
    "create", "update", "remove", "count", "uncount", "tally", "index", "add"
]

OPERATIONS: Final[dict[type, Operation]] = {
    Create: "create",
    Update: "update",
    Remove: "remove",
    Count: "count",
    Uncount: "uncount",
    Tally: "tally",
    Index: "index",
    Add: "add",
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
    terms = search.terms_to_write(changes)
    parameters += terms.parameters
    shapes = tuple(shape for shape, _ in ordered)
    text = _text(shapes, logged=bool(entries), searched=terms.writes)
    return Statement(text, tuple(parameters))


def _arrays(
    kind: type[Record], operation: Operation, members: Sequence[tuple[int, Change]]
) -> list[list[Any]]:
    if operation == "index":
        return search.index_rows(kind, [change for _, change in members])
    records: Iterable[tuple[int, Any]] = ((number, change.record) for number, change in members)
    if operation in ("count", "uncount"):
        records = counters.sum_by_bucket(list(records))
    elif operation == "add":
        records = counters.sum_by_row(list(records))
    rows = [(number, *_row(record, operation)) for number, record in records]
    return [list(column) for column in zip(*rows, strict=True)]


def _row(record: Record, operation: Operation) -> tuple[Any, ...]:
    if operation == "remove":
        return *place_and_key(type(record), record.key), record.version
    return row(record, record.version + 1 if operation == "update" else 1)


@cache
def _text(
    shapes: tuple[tuple[type[Record], Operation], ...], *, logged: bool, searched: search.Writes
) -> str:
    """The SQL for these kinds of changes. There are few combinations, so each is built once."""
    parts: list[str] = []
    missed: list[str] = []
    counters_sql = ""
    first = 1
    for number, (kind, operation) in enumerate(shapes):
        fields = _parameter_names(kind, operation)
        types = ", ".join(
            f"${first + offset}::{_type(kind, operation, name)}[]"
            for offset, name in enumerate(fields)
        )
        first += len(fields)
        names = ", ".join(f'"{name}"' for name in fields)
        parts.append(f"r{number} AS (SELECT * FROM unnest({types}) AS r({names}))")  # noqa: S608
        parts.append(f"d{number} AS ({_changed(kind, operation, f'r{number}')})")
        if operation == "count":
            counters_sql += f" UNION ALL SELECT 0, d.key, d.body FROM d{number} d"  # noqa: S608
        elif operation not in ("uncount", "index", "add"):
            missed.append(
                f"SELECT r.n FROM r{number} r WHERE NOT EXISTS (SELECT 1 FROM d{number} d "  # noqa: S608
                "WHERE d.place = r.place AND d.key = r.key)"
            )
    if logged:
        parts += _logging(len(shapes), first)
        first += _LOGGED
    parts += search.writing(searched, first)
    union = " UNION ALL ".join(missed) or "SELECT 0 AS n WHERE false"
    more = ", NULL::text AS key, NULL::text AS body" if counters_sql else ""
    return (
        f"WITH {', '.join(parts)}, missed AS ({union}) "  # noqa: S608
        f"SELECT ('{STALE}' || min(n))::int AS n{more} FROM missed HAVING count(*) > 0"
        f"{counters_sql}"
    )


_LOGGED: Final = 4
"""Parameters of `_logging`."""


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
    if operation == "index":
        return search.INDEX_COLUMNS
    return ("n", *(("place", "key", "version") if operation == "remove" else columns(kind)))


def _type(kind: type[Record], operation: Operation, name: str) -> str:
    return search.index_type(kind, name) if operation == "index" else type_of(kind, name)


def _changed(kind: type[Record], operation: Operation, rows: str) -> str:
    table = kind.table
    if operation == "index":
        return search.index_again(kind, rows)
    if operation == "add":
        return counters.add(rows)
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
