"""Passwords, kept as Argon2id (RFC 9106) in PHC strings.

`keep` and `fits` take about 15 ms of one core and 19 MiB: call them in a bounded pool.
"""

from functools import cache
from typing import Final

from cryptography.exceptions import InvalidKey, UnsupportedAlgorithm
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from valetkey.model.secret import Secret

SALT: Final = 16
MIN_LENGTH: Final = 8
MAX_BYTES: Final = 1024

_MEMORY_KIB: Final = 19 * 1024
_PASSES: Final = 2
_LANES: Final = 1


def mistakes(password: Secret) -> list[str]:
    """Why this may not be a password; empty where it may (NIST SP 800-63B 3.1.1)."""
    text = password.reveal()
    wrong = []
    if len(text) < MIN_LENGTH:
        wrong.append(f"a password has at least {MIN_LENGTH} characters")
    if len(text.encode()) > MAX_BYTES:
        wrong.append(f"a password has at most {MAX_BYTES} bytes")
    return wrong


def keep(password: Secret, *, salt: bytes) -> str:
    """The PHC string to store, with 16 random bytes of salt."""
    argon2 = Argon2id(
        salt=salt, length=32, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY_KIB
    )
    return argon2.derive_phc_encoded(password.reveal().encode())


def possible() -> bool:
    """Whether this build of cryptography has Argon2id: the least of it is tried."""
    try:
        Argon2id(salt=bytes(SALT), length=32, iterations=1, lanes=1, memory_cost=8).derive(b"any")
    except UnsupportedAlgorithm:
        return False
    return True


def fits(password: Secret, kept: str) -> bool:
    """Whether it is the password. With nothing kept (no such user) it takes as long to say no."""
    raw = password.reveal().encode()
    try:
        Argon2id.verify_phc_encoded(raw[:MAX_BYTES], kept or _nobody())
    except (InvalidKey, ValueError):
        return False
    return bool(kept) and len(raw) <= MAX_BYTES


@cache
def _nobody() -> str:
    return keep(Secret("nobody's password"), salt=bytes(SALT))
