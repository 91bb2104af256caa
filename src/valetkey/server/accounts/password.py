"""Password hashes: Argon2id (RFC 9106) in PHC strings, and until their first use those of other
systems (`password_forms`).

`hash_password` and `fits` take about 15 ms of one core and 19 MiB: call them in a bounded pool.
"""

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from valetkey.server.accounts import password_forms
from valetkey.server.model.keys import Secret

SALT: Final = 16
MIN_LENGTH: Final = 8
MAX_BYTES: Final = 1024

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


def mistakes(password: Secret) -> list[str]:
    """All mistakes in a new password (NIST SP 800-63B 3.1.1)."""
    text = password.reveal()
    wrong = []
    if len(text) < MIN_LENGTH:
        wrong.append(f"a password has at least {MIN_LENGTH} characters")
    if len(text.encode()) > MAX_BYTES:
        wrong.append(f"a password has at most {MAX_BYTES} bytes")
    return wrong


def hash_password(password: Secret, *, salt: bytes) -> str:
    """The PHC string to store, with 16 random bytes of salt."""
    argon2 = Argon2id(
        salt=salt, length=_BYTES, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY_KIB
    )
    return argon2.derive_phc_encoded(password.reveal().encode())


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
    comes. Raises ExtraMissing."""
    raw = password.reveal().encode()
    stored = password_hash if password_forms.is_password_hash(password_hash) else UNUSED_HASH
    extra = b"" if pepper is None else pepper.reveal().encode()
    matches = password_forms.fits(stored, raw[:MAX_BYTES], pepper=extra)
    return matches and stored == password_hash and len(raw) <= MAX_BYTES
