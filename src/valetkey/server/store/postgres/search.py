"""The search index in PostgreSQL: one table of terms and keys (see `model.search`)."""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from valetkey.server.model.change import Change, Create, Index, Remove, Update
from valetkey.server.model.record import Record
from valetkey.server.model.search import (
    MOST_COUNTED,
    SEARCHED,
    SearchQuery,
    start,
    stored_key,
    terms_of,
)
from valetkey.server.store.sqlite.packed import packing

# --- reads ---------------------------------------------------------------------------------------

_OLDEST: Final = "(term, key) > ($1::bytea, $2::bytea) AND term < $3::bytea ORDER BY term, key"
_NEWEST: Final = (
    "(term, key) < ($1::bytea, $2::bytea) AND term >= $3::bytea ORDER BY term DESC, key DESC"
)
_COUNT: Final = (
    "SELECT count(*) AS total FROM (SELECT 1 FROM search WHERE term >= $5::bytea "  # noqa: S608
    f"AND term < $6::bytea LIMIT {MOST_COUNTED + 1}) c"
)


def find(query: SearchQuery[Any]) -> tuple[str, tuple[Any, ...]]:
    """SQL and parameters that select the terms and keys of a page, one more than it holds, with the
    `total` if it is counted. Raises WrongCursor."""
    parameters: tuple[Any, ...] = (
        *start(query),
        query.first if query.newest else query.end,
        query.limit + 1,
    )
    where = _NEWEST if query.newest else _OLDEST
    page = f"SELECT term, key FROM search WHERE {where} LIMIT $4"  # noqa: S608
    if not query.count:
        return page, parameters
    order = "ORDER BY f.term DESC, f.key DESC" if query.newest else "ORDER BY f.term, f.key"
    counted = (
        f"SELECT f.term, f.key, c.total FROM ({_COUNT}) c LEFT JOIN ({page}) f ON true {order}"  # noqa: S608
    )
    return counted, (*parameters, query.first, query.end)


# --- writes --------------------------------------------------------------------------------------

Writes: TypeAlias = Literal["none", "add", "replace"]
"""Whether a commit writes terms, and whether it removes some first."""


class Terms(NamedTuple):
    """The terms that a commit writes: whether it does, and the parameters of its statement."""

    writes: Writes
    parameters: list[list[Any]]


_NONE: Final = Terms("none", [])


def terms_to_write(changes: Sequence[Change]) -> Terms:
    """The terms of the records that a commit writes."""
    some = [
        one
        for one in changes
        if type(one.record) in SEARCHED and isinstance(one, Create | Update | Remove)
    ]
    if not some:
        return _NONE
    rows = [
        (one.record.place, stored_key(one.record), term)
        for one in some
        if not isinstance(one, Remove)
        for term in sorted(terms_of(one.record))
    ]
    added: list[list[Any]] = [[row[at] for row in rows] for at in range(3)]
    changed = [one.record for one in some if not isinstance(one, Create)]
    if not changed:
        return Terms("add", added)
    keys: list[list[Any]] = [[one.place for one in changed], [stored_key(one) for one in changed]]
    return Terms("replace", [*added, *keys])


def writing(writes: Writes, first: int) -> tuple[str, ...]:
    """The parts of the statement that write terms; their parameters begin with number `first`. No
    part removes a row that another one writes, since none of them would see the other."""
    if writes == "none":
        return ()
    new = f"unnest(${first}::bigint[], ${first + 1}::bytea[], ${first + 2}::bytea[])"
    add = (
        f"added AS (INSERT INTO search (place, key, term) SELECT * FROM {new} "  # noqa: S608
        "ON CONFLICT DO NOTHING)"
    )
    if writes == "add":
        return (add,)
    drop = (
        "dropped AS (DELETE FROM search t "  # noqa: S608
        f"USING unnest(${first + 3}::bigint[], ${first + 4}::bytea[]) AS r(place, key) "
        "WHERE t.place = r.place AND t.key = r.key AND NOT EXISTS "
        f"(SELECT 1 FROM {new} AS n(place, key, term) "
        "WHERE n.place = t.place AND n.key = t.key AND n.term = t.term))"
    )
    return add, drop


INDEX_COLUMNS: Final = ("place", "key", "term", "row", "version")


def index_rows(kind: type[Record], changes: Sequence[Change]) -> list[list[Any]]:
    """The parameters that write the terms of records again."""
    rows = [
        (record.place, stored_key(record), term, _row_key(kind, record), record.version)
        for record in (one.record for one in changes if isinstance(one, Index))
        for term in sorted(terms_of(record))
    ]
    return [[row[at] for row in rows] for at in range(len(INDEX_COLUMNS))]


def _row_key(kind: type[Record], record: Record) -> Any:
    name = packing(kind).name(record.key) if kind.rank else None
    return record.key if name is None else name[1]


def index_again(kind: type[Record], rows: str) -> str:
    """SQL that adds the terms of records that have not changed since."""
    return (
        f"INSERT INTO search (place, key, term) SELECT r.place, r.key, r.term FROM {rows} r "  # noqa: S608
        f"WHERE EXISTS (SELECT 1 FROM {kind.table} t WHERE t.place = r.place "
        "AND t.key = r.row AND t.version = r.version) ON CONFLICT DO NOTHING RETURNING place"
    )


def index_type(kind: type[Record], name: str) -> str:
    """The SQL type of a parameter of `index_rows`."""
    types = {"place": "bigint", "version": "int", "row": "bytea" if kind.rank else "text"}
    return types.get(name, "bytea")
