"""The row by which a database knows which files beside it have been applied to it."""

import asyncio
import contextlib
import time
from typing import Final

from valetkey.server.model.change import Stale, put
from valetkey.server.model.keys import APPLIED, Epoch
from valetkey.server.model.query import One
from valetkey.server.store.port import Store, Unavailable, milliseconds
from valetkey.server.store.revocations.places import Place, reason

NEVER: Final = 1
"""The time of a database from before there were any files."""


async def applied_until(store: Store) -> tuple[int, bool]:
    """The time (milliseconds since 1970) until which the files count as applied, 0 for a database
    from before there were any; and whether a restore has begun and not ended."""
    query = One(Epoch, APPLIED)
    row = (await store.read(query)).one(query)
    if row is None:
        return 0, False
    until = abs(row.number)
    return 0 if until == NEVER else until, row.number < 0


async def begin_restore(store: Store) -> None:
    """Let no server start on the database before its restore has ended."""
    until, _ = await applied_until(store)
    await mark(store, -(until or NEVER))


async def begin_keeping(store: Store, place: Place) -> None:
    """Mark a database beside which nothing was written yet. Raises Unavailable."""
    until, is_open = await applied_until(store)
    if until or is_open:
        return
    try:
        is_first = not await asyncio.to_thread(place.files)
    except OSError as error:
        raise Unavailable(f"{place} cannot be read: {reason(error)}") from error
    if is_first:
        with contextlib.suppress(Stale):  # Another process did.
            await mark(store, milliseconds(), restored=False)


async def mark(store: Store, number: int, *, restored: bool = True) -> None:
    """Write the row: a time in milliseconds since 1970, negative while a restore has not ended.
    Raises Stale."""
    query = One(Epoch, APPLIED)
    row = (await store.read(query)).one(query)
    since = int(time.time()) if restored else 0
    await store.commit([put(Epoch(name=APPLIED, number=number, since=since), row)])
