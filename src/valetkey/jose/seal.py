"""Secrets at rest and in handles: AES-256-GCM for what must not be read, HMAC for what must not
be forged, AES-SIV for names that are to be the same each time. Keys are 32 bytes."""

import hashlib
import hmac
from functools import lru_cache
from typing import AnyStr, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

NONCE: Final = 12
"""Bytes of nonce that `seal` needs, fresh for each call."""

MAC: Final = 32
"""Bytes of a `mac`."""


KEYS: Final = 64
"""Keys with a cached state: the last used ones."""

BLOCK: Final = 64
"""Bytes that SHA-256 takes at a time."""

_INNER: Final = bytes(one ^ 0x36 for one in range(256))
_OUTER: Final = bytes(one ^ 0x5C for one in range(256))


class BadSeal(ValueError):
    """The sealed bytes were not made with this key, or for this purpose."""


def seal(key: bytes, plain: bytes, *, nonce: bytes, purpose: bytes) -> bytes:
    """`plain`, readable and checkable only with the key and the same purpose."""
    return nonce + _cipher(key).encrypt(nonce, plain, purpose)


def unseal(key: bytes, sealed: bytes, *, purpose: bytes) -> bytes:
    """What was sealed. Raises BadSeal."""
    try:
        return _cipher(key).decrypt(sealed[:NONCE], sealed[NONCE:], purpose)
    except (InvalidTag, ValueError) as error:
        raise BadSeal("not sealed with this key for this purpose") from error


_cipher: Final = lru_cache(maxsize=KEYS)(AESGCM)


def mac(key: bytes, *parts: bytes) -> bytes:
    """An HMAC-SHA-256 over the parts, each framed by its length."""
    inner, outer = _keyed_hashes(key)
    inner, outer = inner.copy(), outer.copy()
    for part in parts:
        inner.update(len(part).to_bytes(4, "big") + part)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=KEYS)
def _keyed_hashes(key: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """Both hashes of an HMAC after its key (RFC 2104 4), cached: to look up the hash and to hash
    the key takes twice as long as all the rest."""
    short = key if len(key) <= BLOCK else hashlib.sha256(key).digest()
    block = short.ljust(BLOCK, b"\0")
    return hashlib.sha256(block.translate(_INNER)), hashlib.sha256(block.translate(_OUTER))


def alias(key: bytes, name: bytes, *parts: bytes) -> bytes:
    """A pseudonym, always the same for the same name and parts, which only the key can reverse
    (AES-256-SIV, RFC 5297)."""
    return _siv(key).encrypt(name, [*parts])


def unalias(key: bytes, other: bytes, *parts: bytes) -> bytes:
    """The name of an alias with these parts. Raises BadSeal."""
    try:
        return _siv(key).decrypt(other, [*parts])
    except (InvalidTag, ValueError) as error:
        raise BadSeal("no alias by this key and these parts") from error


def _siv(key: bytes) -> AESSIV:
    return AESSIV(mac(key, b"alias", b"check") + mac(key, b"alias", b"cipher"))


def same(one: AnyStr, other: AnyStr) -> bool:
    """Equality in constant time, of bytes or of ASCII."""
    return hmac.compare_digest(one, other)


def digest(secret: str) -> str:
    """SHA-256 in hex, to store a random secret of 256 bits. Never for passwords."""
    return hashlib.sha256(secret.encode()).hexdigest()
