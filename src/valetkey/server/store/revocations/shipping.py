"""A store that writes what a commit narrows to the folder beside the database, before the commit.

So there is no moment in which a revocation holds, and only the database knows it. A commit that
can't be written there is refused, as by a database that can't write.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from valetkey.server.model.change import Change, Stale
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.query import Query, Results
from valetkey.server.model.record import Record
from valetkey.server.store.keyring import open_salt, read_keys
from valetkey.server.store.master_key import MasterKey
from valetkey.server.store.port import Store, StoreLayer, Unavailable, milliseconds
from valetkey.server.store.read_cache import CachedStore
from valetkey.server.store.revocations.facts import fact_of, is_narrowing
from valetkey.server.store.revocations.files import Journal, file_key
from valetkey.server.store.revocations.marks import begin_keeping

R = TypeVar("R", bound=Record)

BEAT: Final = 1.0
"""Seconds between two looks whether something is not durable yet."""

ALIVE: Final = 10_000
"""Milliseconds after which a line says that nothing happened."""

Key = Callable[[], Awaitable[bytes]]
"""Reads the key of the files."""


class ShippingStore(StoreLayer):
    """A store with a folder beside it. `key` is read once something is written."""

    def __init__(self, store: Store, folder: Path, key: Key) -> None:
        super().__init__(store)
        self._folder, self._key = folder, key
        self._journal: Journal | None = None
        self._syncing: asyncio.Future[None] | None = None

    async def read(self, *wants: Query) -> Results:
        return await self.store.read(*wants)

    async def commit(
        self, changes: Sequence[Change], events: Sequence[Event] = ()
    ) -> tuple[Throttle, ...]:
        for change in changes:
            if is_narrowing(change):
                return await self._commit(changes, events)
        return await self.store.commit(changes, events)

    async def _commit(
        self, changes: Sequence[Change], events: Sequence[Event]
    ) -> tuple[Throttle, ...]:
        facts = [fact for one in changes if (fact := fact_of(one)) is not None]
        ending = [one for one in facts if not one.rotation]
        rotations = [one for one in facts if one.rotation]
        if not facts:
            return await self.store.commit(changes, events)
        journal = await self._opened()
        try:
            written = [journal.append("fact", msgspec.to_builtins(one)) for one in ending]
            if ending:
                await self._durable(journal)
        except OSError as error:
            raise self._unavailable(error) from error
        try:
            counters = await self.store.commit(changes, events)
        except Stale:
            self._settle(journal, "void", written)
            raise
        self._settle(journal, "done", written)
        # What ends only older tokens of its own need not be durable at once.
        for one in rotations:
            with contextlib.suppress(OSError):
                file, number = journal.append("fact", msgspec.to_builtins(one))
                self._settle(journal, "done", [(file, number)])
        return counters

    async def _opened(self) -> Journal:
        if self._journal is None:
            key = await self._key()
            # Another commit may have opened it meanwhile.
            self._journal = self._current() or Journal(self._folder, key)
        return self._journal

    def _current(self) -> Journal | None:
        return self._journal

    def _settle(self, journal: Journal, kind: str, written: Sequence[tuple[int, int]]) -> None:
        """Say what came of facts, if their file is still the one that is written. If not, a restore
        takes them as committed."""
        with contextlib.suppress(OSError):
            if written and journal.is_open(written[0][0]):
                journal.append(kind, [number for _, number in written])

    async def _durable(self, journal: Journal) -> None:
        until = journal.written
        loop = asyncio.get_running_loop()
        while journal.synced < until:
            if self._syncing is None:
                self._syncing = loop.run_in_executor(None, journal.sync())
                self._syncing.add_done_callback(self._synced)
            await asyncio.shield(self._syncing)

    def _synced(self, _: "asyncio.Future[None]") -> None:
        self._syncing = None

    def _unavailable(self, error: OSError) -> Unavailable:
        why = error.strerror or str(error)
        return Unavailable(f"{self._folder}: revocations cannot be written: {why}")

    async def run(self) -> None:
        """Make lines durable that nobody waits for, and say that nothing happened."""
        while True:
            await asyncio.sleep(BEAT)
            with contextlib.suppress(OSError, Unavailable):
                journal = await self._opened()
                if milliseconds() - journal.last_at > ALIVE:
                    journal.append("alive", None)
                await self._durable(journal)

    async def close(self) -> None:
        if self._journal is not None:
            with contextlib.suppress(OSError):
                self._journal.close()
        await super().close()


async def key_of(store: Store, master: MasterKey) -> bytes:
    """The key of the files of this installation. Raises WrongMasterKey, Unavailable."""
    salt = open_salt(await read_keys(store), master)
    if not salt:
        raise Unavailable("the database has no keys yet")
    return file_key(salt)


def shipped_to(
    store: Store, folder: Path | None, master: MasterKey | Callable[[], MasterKey]
) -> Store:
    """The store, whose commits are written to the folder too, unless it is None. A master key that
    is a function is read once it is needed."""
    if folder is None:
        return store
    cached = store if isinstance(store, CachedStore) else CachedStore(store)
    inner = cached.store
    if isinstance(inner, ShippingStore):
        return cached

    async def key() -> bytes:
        await begin_keeping(inner, folder)
        return await key_of(inner, master() if callable(master) else master)

    cached.store = ShippingStore(inner, folder, key)
    return cached


def writers(store: Store) -> list[Coroutine[None, None, None]]:
    """What has to run beside requests for such a store: one at most."""
    inner = store.store if isinstance(store, CachedStore) else None
    return [inner.run()] if isinstance(inner, ShippingStore) else []
