"""The key of a sealed file, from a passphrase that its user knows."""

import os
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from valetkey.client.errors import StoreCorrupted
from valetkey.client.sealed_file import KEY

_LABEL: Final = struct.Struct(">8s16sIII")
"""The function, the salt, and how much work it is."""

_MOST: Final = 1024 * 1024
"""KiB of memory: a file that asks for more was made to be a burden."""


def _argon2id(secret: bytes, salt: bytes, work: tuple[int, int, int]) -> bytes:
    memory, passes, lanes = work
    return Argon2id(
        salt=salt, length=KEY, iterations=passes, lanes=lanes, memory_cost=memory
    ).derive(secret)


def _scrypt(secret: bytes, salt: bytes, work: tuple[int, int, int]) -> bytes:
    memory, block, lanes = work
    return Scrypt(salt=salt, length=KEY, n=memory * 1024 // (128 * block), r=block, p=lanes).derive(
        secret
    )


_Derive = Callable[[bytes, bytes, tuple[int, int, int]], bytes]
_FUNCTIONS: Final[dict[bytes, tuple[_Derive, tuple[int, int, int]]]] = {
    b"argon2id": (_argon2id, (64 * 1024, 3, 1)),
    # Where the system's library has no Argon2.
    b"scrypt\0\0": (_scrypt, (128 * 1024, 8, 1)),
}
"""By name: what derives, and how much work a new file is: KiB of memory, then passes (or the size
of a block), then lanes."""


class Passphrase:
    """A passphrase, for a SealedStore. It is slow on purpose: once for each file and process."""

    def __init__(self, passphrase: str) -> None:
        self._secret = passphrase.encode()
        self._derived = lru_cache(maxsize=8)(self._derive)

    def __repr__(self) -> str:
        return "Passphrase(…)"

    def new(self) -> tuple[bytes, bytes]:
        """The label of a new file, and its key."""
        for name, (_, work) in _FUNCTIONS.items():
            label = _LABEL.pack(name, os.urandom(16), *work)
            try:
                return label, self._derived(label)
            except UnsupportedAlgorithm:
                continue
        raise RuntimeError("the system's library derives no keys")

    def open(self, label: bytes) -> bytes:
        """The key of the file with this label. Raises StoreCorrupted."""
        return self._derived(label)

    def forget(self, label: bytes) -> None:
        """Nothing was kept."""

    def _derive(self, label: bytes) -> bytes:
        try:
            name, salt, memory, second, lanes = _LABEL.unpack(label)
            derive, _ = _FUNCTIONS[name]
            if not 0 < memory <= _MOST or not 0 < second <= 64 or not 0 < lanes <= 16:
                raise StoreCorrupted("a sealed file that asks for too much work")
            return derive(self._secret, salt, (memory, second, lanes))
        except (struct.error, KeyError, ValueError) as error:
            raise StoreCorrupted("the head of the sealed file is damaged") from error
