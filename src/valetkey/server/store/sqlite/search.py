"""The search index in SQLite: one table of terms and keys (see `model.search`)."""

from typing import Any, Final

import apsw

from valetkey.server.model.change import Change, Create, Remove
from valetkey.server.model.search import (
    MOST_COUNTED,
    SearchQuery,
    cursor,
    start,
    stored_key,
    terms_of,
    written_key,
)

_TERMS: Final = "SELECT term FROM search WHERE key = ?"
_ADD: Final = "INSERT INTO search (term, key) VALUES (?, ?) ON CONFLICT DO NOTHING"
_DROP: Final = "DELETE FROM search WHERE term = ? AND key = ?"

OLDEST: Final = (
    "SELECT term, key FROM search WHERE (term, key) > (?, ?) AND term < ? "
    "ORDER BY term, key LIMIT ?"
)
NEWEST: Final = (
    "SELECT term, key FROM search WHERE (term, key) < (?, ?) AND term >= ? "
    "ORDER BY term DESC, key DESC LIMIT ?"
)
COUNT: Final = (
    f"SELECT count(*) FROM (SELECT 1 FROM search WHERE term >= ? AND term < ? "  # noqa: S608
    f"LIMIT {MOST_COUNTED + 1})"
)


def write_terms(cursor: apsw.Cursor, change: Change) -> None:
    """Write the terms of a record that was just written. Only what differs is written."""
    key = stored_key(change.record)
    after = frozenset[bytes]() if isinstance(change, Remove) else terms_of(change.record)
    before = frozenset[bytes]()
    if not isinstance(change, Create):
        rows: list[Any] = cursor.execute(_TERMS, (key,)).fetchall()
        before = frozenset(term for (term,) in rows)
    for term in sorted(before - after):
        cursor.execute(_DROP, (term, key))
    for term in sorted(after - before):
        cursor.execute(_ADD, (term, key))


def find_keys(
    connection: apsw.Connection, query: SearchQuery[Any]
) -> tuple[list[str], str, int | None]:
    """The keys of a page, the cursor of the next one, and the count. Raises WrongCursor."""
    term, key = start(query)
    limit = query.limit + 1
    if query.newest:
        binds, statement = (term, key, query.first, limit), NEWEST
    else:
        binds, statement = (term, key, query.end, limit), OLDEST
    rows: list[Any] = connection.execute(statement, binds).fetchall()
    total: int | None = None
    if query.count:
        counted: list[Any] = connection.execute(COUNT, (query.first, query.end)).fetchall()
        total = counted[0][0]
    chosen = rows[: query.limit]
    more = cursor(chosen[-1]) if len(rows) > query.limit else ""
    # A record with several terms of the range is found once on a page.
    names = dict.fromkeys(written_key(query.record, one) for _, one in chosen)
    return list(names), more, total
