"""Removes records whose category has expired, some at a time.

How long a category is kept is a setting; up to when records of it may be missing is what the signed
heads say. So nothing is removed before a head has said it, and a hole anywhere else is a finding.
"""

from typing import Final

from valetkey.server.audit.heads import read_head
from valetkey.server.model import ids
from valetkey.server.model.audit import AuditRecord, AuditSegment
from valetkey.server.model.change import Remove
from valetkey.server.model.query import PageQuery
from valetkey.server.store.port import Store

STEP: Final = 500
"""Records that one commit removes."""


async def expire(store: Store, newest: AuditSegment) -> int:
    """Remove some of what has expired. Returns the number of records. Raises Unavailable, Stale."""
    removed = 0
    for category, until in read_head(newest.head).expired.items():
        query = PageQuery(
            record=AuditRecord,
            index="category",
            value=category,
            before=id_at(until),
            limit=STEP,
        )
        rows = (await store.page(query)).records
        if rows:
            await store.commit([Remove(one) for one in rows])
            removed += len(rows)
    return removed


LAST: Final = (1 << 8 * ids.TIME) - 1
"""The last moment that an id can have."""


def id_at(at: int) -> str:
    """The first id of a moment, in milliseconds since 1970; of the nearest moment that ids have."""
    prefix = min(max(0, at), LAST).to_bytes(ids.TIME, "big")
    return ids.to_text(prefix + bytes(ids.LENGTH - ids.TIME))


def time_of(name: str) -> int:
    """The moment of an id, in milliseconds since 1970. Raises ValueError if it is not an id."""
    return int.from_bytes(ids.to_bytes(name)[: ids.TIME], "big")
