"""Where an app keeps its key: memory, or a file for its user alone."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from valetkey.client.errors import StoreCorrupted
from valetkey.client.private_file import PrivateFile
from valetkey.client.tokens import Tokens


class TokenStore(Protocol):
    """Keeps one key. Every method raises StoreError where the place fails it, and then what was
    kept is as it was."""

    def load(self) -> Tokens | None:
        """The key, or None."""
        ...

    def save(self, tokens: Tokens | None) -> None:
        """Keeps the key, durably; None forgets it."""
        ...

    def ready(self) -> None:
        """Makes sure that a key can be kept: called with the lock held, before a server is asked
        for one that replaces the old."""
        ...

    def take(self) -> Callable[[], None] | None:
        """The lock, against tasks, threads and processes: what lets go of it, or None where
        another holds it. It does not wait."""
        ...


class MemoryStore:
    """For tests, and for apps that ask each time."""

    def __init__(self) -> None:
        self._tokens: Tokens | None = None
        self._lock = threading.Lock()

    def load(self) -> Tokens | None:
        return self._tokens

    def save(self, tokens: Tokens | None) -> None:
        self._tokens = tokens

    def ready(self) -> None:
        """There is room."""

    def take(self) -> Callable[[], None] | None:
        return self._lock.release if self._lock.acquire(blocking=False) else None


class FileStore:
    """One file that only its owner can read (mode 0600), replaced as a whole.

    The key lies in it as it is: whoever can read the user's files can use it. See `SealedStore`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = PrivateFile(path)

    def load(self) -> Tokens | None:
        """The key. Raises StoreExposed where others could read the file, StoreCorrupted where it is
        no key, StoreError."""
        raw = self._file.read()
        return None if raw is None else read_key(raw, str(self.path))

    def save(self, tokens: Tokens | None) -> None:
        if tokens is None:
            self._file.remove()
        else:
            self._file.write(msgspec.json.encode(tokens))

    def ready(self) -> None:
        self._file.ready()

    def take(self) -> Callable[[], None] | None:
        return self._file.take()


def read_key(raw: bytes, place: str) -> Tokens:
    """The key that was kept there. Raises StoreCorrupted."""
    try:
        return msgspec.json.decode(raw, type=Tokens)
    except msgspec.DecodeError as error:
        raise StoreCorrupted(f"{place} holds no key") from error
