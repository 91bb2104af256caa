"""Stores for the tokens of an app: memory, or a private file."""

import contextlib
import errno
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol

import msgspec

from valetkey.client.errors import (
    StoreCorrupted,
    StoreError,
    StoreExposed,
    StoreFull,
    StoreReadOnly,
)
from valetkey.client.tokens import Tokens

# One file that only its owner can read, replaced as a whole, with a lock beside it.
#
# On Windows a file has no mode: its folder decides who can read it. In the profile of a user, only
# that user can.

# A lock on an open file, against threads and other processes, on POSIX systems and on Windows.

try:
    import fcntl

    def try_lock(handle: int) -> bool:
        """Locks the file without waiting; False where another holder has it. Raises OSError."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

except ImportError:  # Windows

    def try_lock(handle: int) -> bool:
        """Locks the file without waiting; False where another holder has it. Raises OSError."""
        msvcrt = import_module("msvcrt")
        os.lseek(handle, 0, os.SEEK_SET)
        try:
            # One byte, which need not be there.
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            # Another process has locked it.
            return False
        return True


MODE: Final = 0o600
HAS_MODES: Final = os.name == "posix"
ROOM: Final = 32 * 1024
"""Bytes that are reserved for the next write: more than any key takes."""

_KINDS: Final[dict[int | None, type[StoreError]]] = {
    errno.ENOSPC: StoreFull,
    errno.EDQUOT: StoreFull,
    errno.EROFS: StoreReadOnly,
    errno.EACCES: StoreReadOnly,
    errno.EPERM: StoreReadOnly,
}


class PrivateFile:
    """The file at `path`, mode 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._spare: Path | None = None

    def read(self) -> bytes | None:
        """The content, or None. Raises StoreExposed if other users can read it, StoreError."""
        with self._as_store_error(), contextlib.suppress(FileNotFoundError):
            with open(self.path, "rb") as file:
                mode = os.fstat(file.fileno()).st_mode & 0o777
                raw = file.read()
            if HAS_MODES and mode & ~MODE:
                raise StoreExposed(f"{self.path} has mode {mode:04o}: it should be 0600")
            return raw
        return None

    def ready(self) -> None:
        """Reserves room, so that `write` does not fail on a full disk. Raises StoreError."""
        if self._spare is not None:
            return
        with self._as_store_error():
            self._make_folder()
            self._spare = self._fresh()
            try:
                # Random bytes: no file system can compress them.
                _put(self._spare, os.urandom(ROOM), "xb")
            except BaseException:
                self.drop_spare()
                raise

    def write(self, raw: bytes) -> None:
        """Replaces the content durably, and atomically. Raises StoreError."""
        with self._as_store_error():
            self._make_folder()
            fresh, self._spare = self._spare or self._fresh(), None
            try:
                _put(fresh, raw, "r+b" if fresh.exists() else "xb")
                fresh.replace(self.path)
            except BaseException:
                _unlink(fresh)
                raise
            _make_durable(self.path.parent)

    def remove(self) -> None:
        """Deletes the file. Raises StoreError."""
        with self._as_store_error():
            self.path.unlink(missing_ok=True)

    def drop_spare(self) -> None:
        """Frees reserved room that was not needed."""
        spare, self._spare = self._spare, None
        if spare is not None:
            _unlink(spare)

    def take(self) -> Callable[[], None] | None:
        """Takes the lock, against threads and processes. Returns the function that releases it, or
        None if it is taken. Raises StoreError."""
        with self._as_store_error():
            self._make_folder()
            lock = os.open(
                self.path.with_name(self.path.name + ".lock"), os.O_RDWR | os.O_CREAT, MODE
            )
        if not try_lock(lock):
            os.close(lock)
            return None

        def let_go() -> None:
            self.drop_spare()
            os.close(lock)

        return let_go

    def _fresh(self) -> Path:
        return self.path.with_name(f"{self.path.name}.{secrets.token_hex(8)}")

    def _make_folder(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextlib.contextmanager
    def _as_store_error(self) -> Iterator[None]:
        """Turns errors of the system into those of the SDK."""
        try:
            yield
        except OSError as error:
            kind = _KINDS.get(error.errno, StoreError)
            raise kind(f"{self.path}: {os.strerror(error.errno or 0)}") from error


def _put(path: Path, raw: bytes, mode: str) -> None:
    with open(path, mode, opener=_private) as file:
        file.write(raw)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _make_durable(folder: Path) -> None:
    """A file has its new name for good only once its folder is on the disk. Windows does not open
    folders, and sees to it by itself."""
    if not HAS_MODES:
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, MODE)


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
