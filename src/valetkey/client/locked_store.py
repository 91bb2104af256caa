"""The store as flows use it: with a lock, and without losing tokens between server and disk."""

import contextlib
from collections.abc import Callable
from typing import Final, TypeVar

from valetkey.client.errors import NoKey, StoreCorrupted, StoreError, StoreLocked
from valetkey.client.steps import Flow, Sleep, work
from valetkey.client.store import TokenStore
from valetkey.client.tokens import Tokens

T = TypeVar("T")

LOCK_WAIT: Final = 60.0
"""Seconds to wait for the lock: longer than any renewal takes."""

_PAUSES: Final = (0.002, 0.005, 0.01, 0.02, 0.05)


class LockedStore:
    """A store, and tokens that it could not save: a key that was renewed while the disk was full
    stays in memory until it can be saved."""

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._unsaved: tuple[Tokens | None, Tokens] | None = None

    def load(self) -> Flow[Tokens | None]:
        """The tokens, or None. Raises StoreError."""
        stored = yield from work(self._store.load)
        if self._unsaved is not None and self._unsaved[0] == stored:
            return self._unsaved[1]
        return stored

    def require(self) -> Flow[Tokens]:
        """The tokens. Raises NoKey, StoreError."""
        tokens = yield from self.load()
        if tokens is None:
            raise NoKey("the app has no key: connect first")
        return tokens

    def replaced(self) -> Flow[Tokens | None]:
        """The tokens that new ones will replace; None also if they cannot be read."""
        try:
            return (yield from self.load())
        except StoreCorrupted:
            return None

    def save(self, tokens: Tokens | None, *, instead_of: Tokens | None) -> Flow[None]:
        """Saves the tokens, with the lock. Raises StoreError, and then keeps them in memory."""
        before, self._unsaved = self._unsaved, None
        try:
            yield from work(lambda: self._store.save(tokens))
        except StoreError:
            if tokens is not None:
                self._unsaved = (before[0] if before else instead_of, tokens)
            raise

    def settle(self) -> Flow[None]:
        """Saves tokens that could not be saved before, if the store works now."""
        unsaved = self._unsaved
        if unsaved is not None:
            with contextlib.suppress(StoreError):
                yield from self.locked(self._save_at_last(unsaved[1]))

    def ready(self) -> Flow[None]:
        """Makes sure that tokens can be saved. Raises StoreError."""
        yield from work(self._store.ready)

    def locked(self, flow: Flow[T]) -> Flow[T]:
        """The result of a flow that runs with the lock, against tasks, threads and processes.
        Raises StoreLocked if another one has the lock for too long, StoreError."""
        turn = _Turn(self._store)
        try:
            yield from turn.wait()
            return (yield from flow)
        finally:
            turn.leave()

    def _save_at_last(self, tokens: Tokens) -> Flow[None]:
        if (yield from self.load()) == tokens:
            yield from self.save(tokens, instead_of=None)


class _Turn:
    """One use of the lock. Releasing it never waits, so it is not a step."""

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._let_go: Callable[[], None] | None = None

    def wait(self) -> Flow[None]:
        waited, pauses = 0.0, iter(_PAUSES)
        pause = 0.0
        while not (yield from work(self._take)):
            pause = next(pauses, _PAUSES[-1])
            if waited >= LOCK_WAIT:
                raise StoreLocked("another process has had the lock for too long")
            yield Sleep(pause)
            waited += pause

    def _take(self) -> bool:
        self._let_go = self._store.take()
        return self._let_go is not None

    def leave(self) -> None:
        if self._let_go is not None:
            self._let_go()
