"""Steps that many tests of stores share."""

from collections.abc import Sequence

from valetkey.server.model.change import Change, Create, Stale
from valetkey.server.model.counters import Throttle
from valetkey.server.model.query import One
from valetkey.server.model.record import Record
from valetkey.server.store.port import Store


async def kept(store: Store, record: Record) -> Record | None:
    """The record as the store has it now."""
    wanted = One(type(record), record.key)
    return (await store.read(wanted)).one(wanted)


async def put(store: Store, *records: Record) -> None:
    await store.commit([Create(record) for record in records])


async def counted(store: Store, bucket: str) -> int:
    """How often the bucket was tried."""
    wanted = One(Throttle, bucket)
    found = (await store.read(wanted)).one(wanted)
    return -1 if found is None else found.tried


async def won(store: Store, changes: Sequence[Change]) -> bool:
    """Whether the commit was the first."""
    try:
        await store.commit(changes)
    except Stale:
        return False
    return True
