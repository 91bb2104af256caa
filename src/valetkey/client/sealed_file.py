"""An encrypted file for the tokens (AES-256-GCM): useless to anyone who copies it."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import msgspec

from valetkey.client.errors import StoreCorrupted, StoreError, StoreLocked
from valetkey.client.store import PrivateFile, read_key
from valetkey.client.tokens import Tokens
from valetkey.jose import seal

KEY: Final = 32
"""Bytes of the encryption key."""

_MAGIC: Final = b"vkseal1\n"
_CHECK: Final = 16


class Opener(Protocol):
    """Provides the key of a sealed file. The label is in the file, in plain text."""

    def new(self) -> tuple[bytes, bytes]:
        """The label of a new file, and its key. Raises StoreError."""
        ...

    def open(self, label: bytes) -> bytes:
        """The key of the file with this label. Raises StoreLocked, StoreCorrupted, StoreError."""
        ...

    def forget(self, label: bytes) -> None:
        """Deletes the key of the file with this label."""
        ...


class SealedStore:
    """One encrypted file, mode 0600. Its key comes from a `Passphrase`, or from the operating
    system's key store (`KeyringKey`). It never falls back to plain text: without the key it neither
    reads nor writes."""

    def __init__(self, path: Path, opener: Opener) -> None:
        self.path = path
        self._file = PrivateFile(path)
        self._opener = opener
        self._fresh: tuple[bytes, bytes] | None = None

    def __repr__(self) -> str:
        return f"SealedStore({str(self.path)!r})"

    def load(self) -> Tokens | None:
        """The tokens. Raises StoreLocked if the opener has another key, StoreCorrupted if the file
        was changed, StoreExposed, StoreError."""
        raw = self._file.read()
        if raw is None:
            return None
        head = _read_head(raw)
        key = self._opened(head)
        try:
            plain = seal.unseal(key, raw[head.length :], purpose=raw[: head.length])
        except seal.BadSeal as error:
            raise StoreCorrupted(f"{self.path} was changed") from error
        return read_key(plain, str(self.path))

    def save(self, tokens: Tokens | None) -> None:
        if tokens is None:
            self._forget()
            return
        label, key = self._current() or self._fresh or self._opener.new()
        head = _write_head(label, key)
        sealed = seal.seal(
            key, msgspec.json.encode(tokens), nonce=os.urandom(seal.NONCE), purpose=head
        )
        self._file.write(head + sealed)
        self._fresh = None

    def ready(self) -> None:
        if self._current() is None and self._fresh is None:
            # Fails now if the key store is locked.
            self._fresh = self._opener.new()
        self._file.ready()

    def take(self) -> Callable[[], None] | None:
        let_go = self._file.take()
        if let_go is None:
            return None

        def leave() -> None:
            self._drop_fresh()
            let_go()

        return leave

    def _drop_fresh(self) -> None:
        """Deletes a new key that was not needed."""
        fresh, self._fresh = self._fresh, None
        if fresh is not None:
            with contextlib.suppress(StoreError):
                self._opener.forget(fresh[0])

    def _current(self) -> tuple[bytes, bytes] | None:
        """The label and the key of the present file; None if there is none. Raises StoreLocked, so
        that a file with another key is never overwritten."""
        raw = self._file.read()
        if raw is None:
            return None
        try:
            head = _read_head(raw)
            return head.label, self._opened(head)
        except StoreCorrupted:
            return None

    def _opened(self, head: "_Head") -> bytes:
        key = self._opener.open(head.label)
        if not seal.same(_check(key), head.check):
            raise StoreLocked(f"{self.path} was sealed with another key or passphrase")
        return key

    def _forget(self) -> None:
        raw = self._file.read()
        self._file.remove()
        if raw is not None:
            try:
                self._opener.forget(_read_head(raw).label)
            except StoreCorrupted:
                return


class _Head(msgspec.Struct, frozen=True):
    """What stands before the seal: the label, and by what its key is known."""

    label: bytes
    check: bytes
    length: int


def _write_head(label: bytes, key: bytes) -> bytes:
    return _MAGIC + bytes((len(label),)) + label + _check(key)


def _read_head(raw: bytes) -> _Head:
    start = len(_MAGIC) + 1
    if not raw.startswith(_MAGIC) or len(raw) < start:
        raise StoreCorrupted("not a sealed file")
    end = start + raw[start - 1]
    label, check = raw[start:end], raw[end : end + _CHECK]
    if len(check) != _CHECK:
        raise StoreCorrupted("a sealed file that was cut")
    return _Head(label, check, end + _CHECK)


def _check(key: bytes) -> bytes:
    return seal.mac(key, b"which key this is")[:_CHECK]
