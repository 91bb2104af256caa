"""Builds the search index for records that were written before there was one.

New records are indexed in their own commit. The others are walked a few at a time, beside the
requests of the server, and once more a day later: until then, a server of an older version may
still have written some.
"""

import contextlib
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from valetkey.server.http.background import run_steps
from valetkey.server.model.change import Change, Create, Index, Stale, Update
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.last_use import DAY, IndexState, LastUse, grant_use_id
from valetkey.server.model.query import Many, One, PageQuery
from valetkey.server.model.record import Record
from valetkey.server.model.search import SEARCHED, TERMS
from valetkey.server.store.port import Store

STEP: Final = 50
"""Records of one step. A commit of so many keeps others waiting for some milliseconds."""

PAUSE: Final = 0.05
"""Seconds between two steps."""

REST: Final = 3600.0
"""Seconds between two looks for something to do."""

ROUNDS: Final = 2
AGAIN: Final = 86400
"""Seconds between the rounds."""


async def run(store: Store) -> None:
    """Indexes all records, and then those that an older server has left out."""
    await run_steps(
        lambda: step(store, int(time.time())), what="search index", pause=PAUSE, rest=REST
    )


async def step(store: Store, now: int) -> bool:
    """Index some records of each kind. Returns whether there are more to do now. Several servers
    may do it at the same time: one of them loses the race for a step. Raises Unavailable, Stale."""
    more = False
    for kind in SEARCHED:
        more |= await _step_of(store, kind, now)
    return more


async def is_complete(store: Store) -> bool:
    """Whether all records of every kind have been indexed once. Raises Unavailable."""
    queries = [One(IndexState, kind.table) for kind in SEARCHED]
    results = await store.read(*queries)
    states = [results.one(query) for query in queries]
    return all(one is not None and one.terms == TERMS and one.rounds > 0 for one in states)


async def begin_again(store: Store) -> None:
    """Have servers index all records once more. Raises Unavailable, Stale."""
    for kind in SEARCHED:
        query = One(IndexState, kind.table)
        state = (await store.read(query)).one(query)
        if state is not None:
            await store.commit([Update(msgspec.structs.replace(state, rounds=0, before=""))])


async def _step_of(store: Store, kind: type[Record], now: int) -> bool:
    query = One(IndexState, kind.table)
    before = (await store.read(query)).one(query)
    state = before or IndexState(kind=kind.table, terms=TERMS)
    if state.terms != TERMS:
        state = IndexState(kind=kind.table, terms=TERMS, version=state.version)
    resting = state.rounds and not state.before and now < state.ended + AGAIN
    if state.rounds >= ROUNDS or resting:
        return False
    walk = PageQuery(record=kind, before=state.before, limit=STEP, walk=True)
    page = await store.page(walk)
    if page.next:
        after = msgspec.structs.replace(state, before=page.next)
    else:
        after = msgspec.structs.replace(state, before="", rounds=state.rounds + 1, ended=now)
    await _write(store, page.records, Create(after) if before is None else Update(after))
    return bool(page.next)


async def _write(store: Store, records: Sequence[Record], state: Change) -> None:
    grants = [one for one in records if isinstance(one, Grant) and one.status != "stopped"]
    if grants:
        await _note_last_uses(store, grants)
    # Not in one commit: an index that is written twice is the same, and the state is what races.
    if records:
        await store.commit([Index(record) for record in records])
    await store.commit([state])


CHUNK: Final = 25
"""Grants whose families are read at once."""


async def _note_last_uses(store: Store, grants: Sequence[Grant]) -> None:
    """Write the last use of grants that have none, from their token families."""
    queries = {one.id: One(LastUse, grant_use_id(one.id)) for one in grants}
    results = await store.read(*queries.values())
    lacking = [one for one in grants if results.one(queries[one.id]) is None]
    for start in range(0, len(lacking), CHUNK):
        some = lacking[start : start + CHUNK]
        families = {one.id: Many(TokenFamily, "grant", one.id) for one in some}
        stored = await store.read(*families.values())
        for grant in some:
            used = [one.used for one in stored.many(families[grant.id])]
            # Nobody can tell any more whether it was used before that.
            last = max(grant.created, grant.changed, *used)
            row = LastUse(
                id=grant_use_id(grant.id),
                user=grant.user,
                grant=grant.id,
                client=grant.client,
                day=last // DAY,
            )
            with contextlib.suppress(Stale):  # It was used in this moment.
                await store.commit([Create(row)])
