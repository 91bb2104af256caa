"""Password hashes: Argon2id (RFC 9106) in PHC strings.

`hash_password` and `fits` take about 15 ms of one core and 19 MiB: call them in a bounded pool.
"""

import re
from typing import Final

from cryptography.exceptions import InvalidKey, UnsupportedAlgorithm
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from valetkey.server.model.keys import Secret

SALT: Final = 16
MIN_LENGTH: Final = 8
MAX_BYTES: Final = 1024

_MEMORY_KIB: Final = 19 * 1024
_PASSES: Final = 2
_LANES: Final = 1
_BYTES: Final = 32

UNUSED_HASH: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
    "ACLZoEAOVPkfKguZYbSFrpX7QbJAa2axonBu1tLaRIk"
)
"""The hash of a password that is nobody's, with the parameters above."""

LEAST_KIB: Final = 7168
LEAST_WORK: Final = 7168 * 5
"""KiB times passes: the cheapest parameters that OWASP recommends."""

MOST_WORK: Final = 512 * 1024
"""KiB times passes, about a fifth of a second, so that no sign-in delays the others."""

MOST_LANES: Final = 16
LEAST_SALT: Final = 8
LEAST_BYTES: Final = 16

_PHC: Final = re.compile(
    r"\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)",
    re.ASCII,
)


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


def why_not_imported(password_hash: str) -> str:
    """Why the server doesn't accept a password hash of another system; "" if it does."""
    match = _PHC.fullmatch(password_hash)
    if match is None:
        return "is no PHC string of Argon2id ($argon2id$v=19$…)"
    memory, passes, lanes = (int(one) for one in match.groups()[:3])
    salt, tag = (len(one) * 3 // 4 for one in match.groups()[3:])
    rules = (
        (lanes >= 1 and passes >= 1 and memory >= LEAST_KIB, f"has less than m={LEAST_KIB}"),
        (memory * passes >= LEAST_WORK, "is too weak: m times t is below that of m=7168,t=5"),
        (memory * passes <= MOST_WORK, f"is too costly: m times t is above {MOST_WORK}"),
        (lanes <= MOST_LANES, f"has more than p={MOST_LANES}"),
        (salt >= LEAST_SALT, f"has a salt of less than {LEAST_SALT} bytes"),
        (tag >= LEAST_BYTES, f"has a hash of less than {LEAST_BYTES} bytes"),
    )
    return next((why for holds, why in rules if not holds), "")


def is_imported(password_hash: str) -> bool:
    """Whether the hash has other parameters than those of `hash_password`."""
    match = _PHC.fullmatch(password_hash)
    ours = (str(_MEMORY_KIB), str(_PASSES), str(_LANES))
    return bool(password_hash) and (match is None or match.groups()[:3] != ours)


def possible() -> bool:
    """Whether this build of cryptography has Argon2id."""
    try:
        Argon2id(salt=bytes(SALT), length=32, iterations=1, lanes=1, memory_cost=8).derive(b"any")
    except UnsupportedAlgorithm:
        return False
    return True


def fits(password: Secret, password_hash: str) -> bool:
    """Whether the password has this hash. Without a hash (no such user) it takes as long."""
    raw = password.reveal().encode()
    try:
        Argon2id.verify_phc_encoded(raw[:MAX_BYTES], password_hash or UNUSED_HASH)
    except (InvalidKey, ValueError):
        return False
    return bool(password_hash) and len(raw) <= MAX_BYTES
