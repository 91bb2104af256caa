"""Counters in SQLite: one statement adds to a counter or subtracts from it."""

from typing import Any, Final

import apsw
import msgspec

from valetkey.server.model.counters import Throttle
from valetkey.server.store.storable import check_names

_COUNT: Final = """
INSERT INTO throttles AS t (key, version, forget_at, body) VALUES (?1, 1, ?3, ?5)
ON CONFLICT (key) DO UPDATE SET
    version = t.version + 1,
    forget_at = iif(t.forget_at > ?2, t.forget_at, ?3),
    body = CAST(json_set(
        CAST(iif(t.forget_at > ?2, t.body, ?5) AS TEXT),
        '$.tried',
        iif(t.forget_at > ?2, json_extract(CAST(t.body AS TEXT), '$.tried'), 0) + ?4,
        '$.version',
        t.version + 1
    ) AS BLOB)
RETURNING body
"""
_UNCOUNT: Final = """
UPDATE throttles AS t SET
    version = t.version + 1,
    body = CAST(json_set(
        CAST(t.body AS TEXT),
        '$.tried',
        max(0, json_extract(CAST(t.body AS TEXT), '$.tried') - ?3),
        '$.version',
        t.version + 1
    ) AS BLOB)
WHERE key = ?1 AND t.forget_at > ?2
"""

_counter: Final = msgspec.json.Decoder(Throttle)


def count(cursor: apsw.Cursor, more: Throttle) -> Throttle:
    """Add to the counter, or start it. Returns the counter afterwards. Raises Unstorable."""
    check_names((more.key,))
    body = msgspec.json.encode(msgspec.structs.replace(more, version=1))
    binds = (more.key, more.since, more.forget_at, more.tried, body)
    rows: list[Any] = cursor.execute(_COUNT, binds).fetchall()
    return _counter.decode(rows[0][0])


def uncount(cursor: apsw.Cursor, less: Throttle) -> None:
    """Subtract from the counter, if its window is still open."""
    cursor.execute(_UNCOUNT, (less.key, less.since, less.tried))
