"""Where an app keeps its key: a file for its user alone, or memory."""

import contextlib
import fcntl
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol

import msgspec

from valetkey.client.tokens import Tokens

MODE: Final = 0o600


class TokenStore(Protocol):
    """Keeps one key. `lock` is held while the key is renewed, against threads and processes."""

    def load(self) -> Tokens | None:
        """The key, or None."""
        ...

    def save(self, tokens: Tokens | None) -> None:
        """Keeps the key, durably; None forgets it."""
        ...

    def lock(self) -> AbstractContextManager[None]:
        """Held by one at a time."""
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

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        with self._lock:
            yield


class FileStore:
    """One file that only its owner can read (mode 0600), replaced as a whole.

    The key lies in it as it is: whoever can read the user's files can use it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_path = path.with_name(path.name + ".lock")
        self._lock = threading.Lock()

    def load(self) -> Tokens | None:
        """The key. Raises PermissionError where others could read the file, ValueError where it is
        no key."""
        try:
            with open(self.path, "rb") as file:
                mode = os.fstat(file.fileno()).st_mode & 0o777
                raw = file.read()
        except FileNotFoundError:
            return None
        if mode & ~MODE:
            raise PermissionError(f"{self.path} has mode {mode:04o}: it should be 0600")
        try:
            return msgspec.json.decode(raw, type=Tokens)
        except msgspec.DecodeError as error:
            raise ValueError(f"{self.path} holds no key") from error

    def save(self, tokens: Tokens | None) -> None:
        if tokens is None:
            self.path.unlink(missing_ok=True)
            return
        self._make_folder()
        fresh = self.path.with_name(f"{self.path.name}.{secrets.token_hex(8)}")
        try:
            with open(fresh, "xb", opener=_private) as file:
                file.write(msgspec.json.encode(tokens))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        _make_durable(self.path.parent)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        self._make_folder()
        with self._lock, open(self._lock_path, "wb", opener=_private) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _make_folder(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def _make_durable(folder: Path) -> None:
    """A file has its new name for good only once its folder is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, MODE)
