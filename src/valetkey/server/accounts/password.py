"""Password hashes: Argon2id (RFC 9106) in PHC strings, and until their first use those of other
systems (`password_forms`).

`hash_password` and `fits` take about 15 ms of one core and 19 MiB: call them in a bounded pool.
"""

import unicodedata
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from valetkey.server.accounts import password_forms
from valetkey.server.model.keys import Secret

SALT: Final = 16
MAX_BYTES: Final = 1024
"""Bytes of a password: more would only cost time."""

_MEMORY_KIB: Final = 19 * 1024
_PASSES: Final = 2
_LANES: Final = 1
_BYTES: Final = 32

_OURS: Final = f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p={_LANES}$"

UNUSED_HASH: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
    "ACLZoEAOVPkfKguZYbSFrpX7QbJAa2axonBu1tLaRIk"
)
"""The hash of a password that is nobody's, with the parameters above."""


def normalized(password: Secret) -> str:
    """The password in Normalization Form C (NIST SP 800-63B-4 3.1.1.2): the same on every
    keyboard."""
    return unicodedata.normalize("NFC", password.reveal())


def spellings(password: Secret) -> tuple[bytes, ...]:
    """The password as it was typed, and normalized if that differs. One that is too long counts
    only as it was typed."""
    typed = password.reveal().encode()
    if len(typed) > MAX_BYTES:
        return (typed,)
    return tuple(dict.fromkeys((typed, normalized(password).encode())))


def hash_password(password: Secret, *, salt: bytes) -> str:
    """The PHC string to store, of the normalized password, with 16 random bytes of salt."""
    argon2 = Argon2id(
        salt=salt, length=_BYTES, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY_KIB
    )
    return argon2.derive_phc_encoded(normalized(password).encode())


def is_imported(password_hash: str) -> bool:
    """Whether the hash has another form or other parameters than those of `hash_password`."""
    return bool(password_hash) and not password_hash.startswith(_OURS)


def possible() -> bool:
    """Whether this build of cryptography has Argon2id."""
    try:
        Argon2id(salt=bytes(SALT), length=32, iterations=1, lanes=1, memory_cost=8).derive(b"any")
    except UnsupportedAlgorithm:
        return False
    return True


def fits(password: Secret, password_hash: str, *, pepper: Secret | None = None) -> bool:
    """Whether the password has this hash, of any stored form. Without a hash (no such user) it
    takes as long as with one of `hash_password`. `pepper` is that of the system from which the hash
    comes. Raises ExtraMissing.

    The typed bytes come first, as other systems hashed them, and as this one did before it
    normalized passwords. So a password that is not normalized takes twice as long to refuse."""
    stored = password_hash if password_forms.is_password_hash(password_hash) else UNUSED_HASH
    extra = b"" if pepper is None else pepper.reveal().encode()
    typed = spellings(password)
    matches = any(
        password_forms.fits(stored, one[:MAX_BYTES], pepper=extra)
        for one in typed
        if len(one) <= MAX_BYTES or one is typed[0]
    )
    return matches and stored == password_hash and len(typed[0]) <= MAX_BYTES
