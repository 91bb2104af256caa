"""The key of a sealed file in the operating system's key store: Secret Service, KWallet, Keychain.

Such stores are small and slow to write. So the key store has one key of 32 bytes, written once, and
the tokens are in the file that it seals. Needs the extra `holders`.
"""

import os
from functools import lru_cache
from typing import Final

import keyring
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.errors import KeyringError, KeyringLocked, PasswordDeleteError

from valetkey.client.errors import StoreCorrupted, StoreError, StoreLocked
from valetkey.client.sealed_file import KEY
from valetkey.jose import base64url

_RECOMMENDED: Final = 1
"""The lowest priority that `keyring` gives to a backend that is fit for secrets."""


class KeyringKey:
    """A key in the operating system's key store, under the name of a `service`: the app.

    Raises StoreError if there is no key store, or only one without encryption: the SDK never stores
    a key in plain text by surprise. `backend` chooses another one.
    """

    def __init__(self, service: str, *, backend: KeyringBackend | None = None) -> None:
        self._service = service
        self._backend = backend or _default_backend()
        self._cached = lru_cache(maxsize=8)(self._get)

    def __repr__(self) -> str:
        return f"KeyringKey({self._service!r})"

    def new(self) -> tuple[bytes, bytes]:
        """The label of a new file, and its key. Raises StoreLocked, StoreError."""
        label, key = os.urandom(16), os.urandom(KEY)
        try:
            self._backend.set_password(self._service, label.hex(), base64url.encode(key))
        except KeyringError as error:
            raise _store_error(error) from error
        return label, key

    def open(self, label: bytes) -> bytes:
        """The key of the file with this label. Raises StoreLocked, StoreCorrupted, StoreError."""
        return self._cached(label)

    def forget(self, label: bytes) -> None:
        """Deletes the key of the file with this label."""
        self._cached.cache_clear()
        try:
            self._backend.delete_password(self._service, label.hex())
        except PasswordDeleteError:
            return  # It is deleted already.
        except KeyringError as error:
            raise _store_error(error) from error

    def _get(self, label: bytes) -> bytes:
        try:
            stored = self._backend.get_password(self._service, label.hex())
        except KeyringError as error:
            raise _store_error(error) from error
        try:
            key = base64url.decode(stored or "")
        except ValueError:
            key = b""
        if len(key) != KEY:
            raise StoreCorrupted("the key store has no key for this file any more")
        return key


def _default_backend() -> KeyringBackend:
    backend = keyring.get_keyring()
    if isinstance(backend, ChainerBackend):
        # It writes to the first one; the others may be of any kind.
        backend = backend.backends[0]
    if backend.priority < _RECOMMENDED:
        raise StoreError("this system has no key store that is fit for secrets")
    return backend


def _store_error(error: KeyringError) -> StoreError:
    if isinstance(error, KeyringLocked):
        return StoreLocked("the key store is locked")
    return StoreError(f"the key store fails: {type(error).__name__}")
