"""A store that writes what a commit narrows to a place beside the database, before the commit.

So there is no moment in which a revocation holds, and only the database knows it. A commit that
can't be written there is refused, as by a database that can't write.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Final, TypeVar

import msgspec

from valetkey.server.model.change import Change, Stale
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.query import Query, Results
from valetkey.server.model.record import Record
from valetkey.server.store.keyring import open_salt, read_keys
from valetkey.server.store.master_key import MasterKey
from valetkey.server.store.port import Store, StoreLayer, Unavailable
from valetkey.server.store.read_cache import CachedStore
from valetkey.server.store.revocations.facts import fact_of, is_narrowing
from valetkey.server.store.revocations.files import Journal, file_key
from valetkey.server.store.revocations.marks import begin_keeping
from valetkey.server.store.revocations.places import Place, reason

R = TypeVar("R", bound=Record)

BEAT: Final = 1.0
"""Seconds between two looks whether something is not durable yet."""

Key = Callable[[], Awaitable[bytes]]
"""Reads the key of the files."""


class ShipNumbers(msgspec.Struct):
    """How often lines were made durable, in how many seconds, how often that failed, and whether it
    failed at last."""

    written: int = 0
    seconds: float = 0.0
    failed: int = 0
    is_failing: bool = False

    def merge(self, other: "ShipNumbers") -> None:
        """Count those of another process too."""
        self.written += other.written
        self.seconds += other.seconds
        self.failed += other.failed
        self.is_failing = self.is_failing or other.is_failing


class ShippingStore(StoreLayer):
    """A store with a place beside it. `key` is read once something is written."""

    def __init__(self, store: Store, place: Place, key: Key) -> None:
        super().__init__(store)
        self._place, self._key = place, key
        self._journal: Journal | None = None
        self._work: asyncio.Future[None] | None = None
        self.numbers = ShipNumbers()

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
        try:
            journal = await self._opened()
            written = [journal.append("fact", msgspec.to_builtins(one)) for one in ending]
            if ending:
                await self._durable(journal, written)
        except OSError as error:
            raise self._unavailable(error) from error
        try:
            counters = await self.store.commit(changes, events)
        except Stale:
            self._settle(journal, "void", written)
            raise
        self._settle(journal, "done", written)
        # What ends only older tokens of its own need not be durable at once.
        with contextlib.suppress(OSError, Unavailable):
            if rotations:
                await self._opened()
            for one in rotations:
                self._settle(journal, "done", [journal.append("fact", msgspec.to_builtins(one))])
        return counters

    async def _opened(self) -> Journal:
        """The journal, with a file to which facts can be appended before the loop turns. Raises
        OSError, Unavailable."""
        if self._journal is None:
            key = await self._key()
            # Another commit may have opened it meanwhile.
            self._journal = self._current() or Journal(self._place, key)
        while not self._journal.is_ready:
            await self._turn(self._journal.renew)
        return self._journal

    def _current(self) -> Journal | None:
        return self._journal

    def _settle(self, journal: Journal, kind: str, written: Sequence[tuple[int, int]]) -> None:
        """Say what came of facts, if their file is still the one that is written. If not, a restore
        takes them as committed."""
        with contextlib.suppress(OSError):
            if written and journal.is_open(written[0][0]):
                journal.append(kind, [number for _, number in written])

    async def _durable(self, journal: Journal, written: Sequence[tuple[int, int]] = ()) -> None:
        until = journal.written
        try:
            while journal.synced < until:
                await self._turn(journal.sync)
        except OSError:
            self._settle(journal, "void", written)
            raise

    async def _turn(self, prepare: Callable[[], Callable[[], None]]) -> None:
        """Do something in a thread, or wait for what is being done there: one at a time. Raises
        OSError."""
        if self._work is None:
            work = prepare()
            self._work = asyncio.get_running_loop().run_in_executor(None, self._timed, work)
            self._work.add_done_callback(self._ended)
        await asyncio.shield(self._work)

    def _timed(self, work: Callable[[], None]) -> None:
        began = time.perf_counter()
        try:
            work()
        except OSError:
            self.numbers.failed += 1
            self.numbers.is_failing = True
            raise
        self.numbers.written += 1
        self.numbers.seconds += time.perf_counter() - began
        self.numbers.is_failing = False

    def _ended(self, work: "asyncio.Future[None]") -> None:
        self._work = None
        if not work.cancelled():
            work.exception()

    def _unavailable(self, error: OSError) -> Unavailable:
        return Unavailable(f"{self._place}: revocations cannot be written: {reason(error)}")

    async def run(self) -> None:
        """Make lines durable that nobody waits for, and say that nothing happened."""
        while True:
            await asyncio.sleep(BEAT)
            with contextlib.suppress(OSError, Unavailable):
                journal = await self._opened()
                if journal.is_idle:
                    journal.append("alive", None)
                await self._durable(journal)

    async def close(self) -> None:
        if self._work is not None:
            with contextlib.suppress(OSError):
                await asyncio.shield(self._work)
        if self._journal is not None:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(self._journal.close)
        await super().close()


async def key_of(store: Store, master: MasterKey) -> bytes:
    """The key of the files of this installation. Raises WrongMasterKey, Unavailable."""
    salt = open_salt(await read_keys(store), master)
    if not salt:
        raise Unavailable("the database has no keys yet")
    return file_key(salt)


def shipped_to(
    store: Store, place: Place | None, master: MasterKey | Callable[[], MasterKey]
) -> Store:
    """The store, whose commits are written to the place too, unless it is None. A master key that
    is a function is read once it is needed."""
    if place is None:
        return store
    cached = store if isinstance(store, CachedStore) else CachedStore(store)
    inner = cached.store
    if isinstance(inner, ShippingStore):
        return cached

    async def key() -> bytes:
        await begin_keeping(inner, place)
        return await key_of(inner, master() if callable(master) else master)

    cached.store = ShippingStore(inner, place, key)
    return cached


def shipping(store: Store) -> ShippingStore | None:
    """What ships for such a store, None if nothing is shipped."""
    inner = store.store if isinstance(store, CachedStore) else None
    return inner if isinstance(inner, ShippingStore) else None


def writers(store: Store) -> list[Coroutine[None, None, None]]:
    """What has to run beside requests for such a store: one at most."""
    one = shipping(store)
    return [] if one is None else [one.run()]
