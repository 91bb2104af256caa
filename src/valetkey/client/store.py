"""Stores for the tokens of an app: memory, or a private file."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from valetkey.client.errors import StoreCorrupted
from valetkey.client.private_file import PrivateFile
from valetkey.client.tokens import Tokens


class TokenStore(Protocol):
    """Stores the tokens of one key. Every method raises StoreError if it fails, and then changes
    nothing."""

    def load(self) -> Tokens | None:
        """The tokens, or None."""
        ...

    def save(self, tokens: Tokens | None) -> None:
        """Saves the tokens durably. None deletes them."""
        ...

    def ready(self) -> None:
        """Makes sure that tokens can be saved. The SDK calls it with the lock, before it requests
        tokens that replace the old ones."""
        ...

    def take(self) -> Callable[[], None] | None:
        """Takes the lock, against tasks, threads and processes, without waiting. Returns the
        function that releases it, or None if it is taken."""
        ...


class MemoryStore:
    """For tests, and for apps that ask the user each time."""

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

    The tokens in it are not encrypted: anyone who can read the user's files can use them. See
    `SealedStore`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = PrivateFile(path)

    def load(self) -> Tokens | None:
        """The tokens. Raises StoreExposed if other users can read the file, StoreCorrupted if it is
        damaged, StoreError."""
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
    """The tokens in this text. Raises StoreCorrupted."""
    try:
        return msgspec.json.decode(raw, type=Tokens)
    except msgspec.DecodeError as error:
        raise StoreCorrupted(f"{place} holds no key") from error
