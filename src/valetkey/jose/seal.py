"""Secrets at rest and in handles: AES-256-GCM for what must not be read, HMAC for what must not
be forged, AES-SIV for names that are to be the same each time. Keys are 32 bytes."""

import hashlib
import hmac
from typing import AnyStr, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

NONCE: Final = 12
"""Bytes of nonce that `seal` needs, fresh for each call."""

MAC: Final = 32
"""Bytes of a `mac`."""


class BadSeal(ValueError):
    """The sealed bytes were not made with this key, or for this purpose."""


def seal(key: bytes, plain: bytes, *, nonce: bytes, purpose: bytes) -> bytes:
    """`plain`, readable and checkable only with the key and the same purpose."""
    return nonce + AESGCM(key).encrypt(nonce, plain, purpose)


def unseal(key: bytes, sealed: bytes, *, purpose: bytes) -> bytes:
    """What was sealed. Raises BadSeal."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], purpose)
    except (InvalidTag, ValueError) as error:
        raise BadSeal("not sealed with this key for this purpose") from error


def mac(key: bytes, *parts: bytes) -> bytes:
    """An HMAC-SHA-256 over the parts, each framed by its length."""
    framed = b""
    for part in parts:
        framed += len(part).to_bytes(4, "big") + part
    return hmac.digest(key, framed, "sha256")


def alias(key: bytes, name: bytes, *parts: bytes) -> bytes:
    """Another name, the same each time for the same name and parts, which only the key reads back
    (AES-256-SIV, RFC 5297)."""
    return _siv(key).encrypt(name, [*parts])


def named(key: bytes, other: bytes, *parts: bytes) -> bytes:
    """The name behind an alias that was made with these parts. Raises BadSeal."""
    try:
        return _siv(key).decrypt(other, [*parts])
    except (InvalidTag, ValueError) as error:
        raise BadSeal("no alias by this key and these parts") from error


def _siv(key: bytes) -> AESSIV:
    return AESSIV(mac(key, b"alias", b"check") + mac(key, b"alias", b"cipher"))


def same(left: AnyStr, right: AnyStr) -> bool:
    """Equality in constant time, of bytes or of ASCII."""
    return hmac.compare_digest(left, right)


def digest(secret: str) -> str:
    """SHA-256 in hex: how a random secret of 256 bits is kept. Never for passwords."""
    return hashlib.sha256(secret.encode()).hexdigest()
