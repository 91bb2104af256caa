"""Password hashes of other systems: the forms in which they are stored, their costs, and how a
password is checked against them.

The stored forms are PHC strings. Salts and hashes are base64 without padding; other numbers are
decimal.

    argon2        $argon2id$v=19$m=KIB,t=PASSES,p=LANES$SALT$HASH     also argon2i, argon2d
    bcrypt        $2b$COST$SALTHASH                                   also $2a$, $2y$
    bcrypt-sha256 $bcrypt-sha256$2b$COST$SALTHASH                     Django: of the SHA-256 in hex
    bcrypt-pepper $bcrypt-pepper$2b$COST$SALTHASH                     Devise: password and pepper
    pbkdf2        $pbkdf2-sha256$i=ITERATIONS$SALT$HASH               also -sha1, -sha512
    scrypt        $scrypt$ln=LOG2_N,r=R,p=P$SALT$HASH
    firebase      $firebase-scrypt$ln=LOG2_N,r=R,p=P$SALT$KEYSTREAM

A check gets the bytes that the user typed, unchanged, as the other system did. No check takes more
than about a third of a second, or 64 MiB (Argon2: 512 MiB).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.argon2 import Argon2d, Argon2i, Argon2id
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

LEAST_KIB: Final = 7168
LEAST_WORK: Final = 7168 * 5
"""KiB times passes: the cheapest parameters of Argon2 that OWASP recommends."""

MOST_WORK: Final = 512 * 1024
"""KiB times passes, about a fifth of a second, so that no sign-in delays the others."""

MOST_LANES: Final = 16
LEAST_SALT: Final = 8
LEAST_BYTES: Final = 16
MOST_BYTES: Final = 64

MOST_BCRYPT: Final = 12
BCRYPT_BYTES: Final = 72
"""The bytes of a password that bcrypt reads; it ignores the others."""

LEAST_ITERATIONS: Final = 1000
MOST_ITERATIONS: Final = {"sha1": 500_000, "sha256": 1_500_000, "sha512": 350_000}
"""Of PBKDF2, for each block of the hash: a third of a second at most. Django 6 makes 1,500,000."""

MOST_SCRYPT: Final = 5 << 17
"""N times r times p, a quarter of a second; the default of Django."""

MOST_SCRYPT_MEMORY: Final = 1 << 19
"""N times r: 128 bytes each, so 64 MiB."""

LEAST_SCRYPT: Final = 1 << 13

EXTRA: Final = "valetkey[import]"
"""What to install for bcrypt."""


class ExtraMissing(Exception):
    """A package or a pepper that a password hash needs is missing."""


class Costs(NamedTuple):
    """Whether a hash satisfies a rule, and why not."""

    holds: bool
    why: str


Match: TypeAlias = re.Match[str]


class Form(NamedTuple):
    """A stored form: how it is written, the rules for its parameters, and the check of a password
    against a string of this form. `pepper` is the secret of the other system."""

    pattern: re.Pattern[str]
    rules: Callable[[Match], tuple[Costs, ...]]
    fits: Callable[[Match, bytes, bytes], bool]


_SALT_AND_HASH: Final = r"\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)"


def encode(raw: bytes) -> str:
    """Base64 without padding."""
    return base64.b64encode(raw).decode().rstrip("=")


def decode(text: str) -> bytes:
    """The bytes of base64, with or without padding. Raises ValueError."""
    bare = text.rstrip("=")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)


def form_of(stored: str) -> tuple[Form, Match] | None:
    """The form of a stored hash, and its parts; None for no such form."""
    form = _FORMS.get(stored.split("$", 2)[1]) if stored.startswith("$") else None
    match = None if form is None else form.pattern.fullmatch(stored)
    return None if form is None or match is None else (form, match)


def is_password_hash(text: str) -> bool:
    """Whether this is a stored form of a password hash."""
    return form_of(text) is not None


def why_not_imported(stored: str) -> str:
    """Why the server doesn't accept a hash of another system; "" if it does."""
    parsed = form_of(stored)
    if parsed is None:
        return "is no password hash of a known form"
    form, match = parsed
    try:
        rules = form.rules(match)
    except ValueError:
        return "has a salt or hash that is not base64"
    if (wrong := next((why for holds, why in rules if not holds), "")) or "bcrypt" not in _kind(
        match
    ):
        return wrong
    return "" if _bcrypt_is_installed() else f"needs bcrypt: install {EXTRA}"


def fits(stored: str, raw: bytes, *, pepper: bytes = b"") -> bool:
    """Whether the password has this hash. Raises ExtraMissing."""
    parsed = form_of(stored)
    if parsed is None:
        return False
    form, match = parsed
    try:
        return form.fits(match, raw, pepper)
    except (InvalidKey, ValueError):
        return False


def _kind(match: Match) -> str:
    name = match[0].split("$", 2)[1]
    return "bcrypt" if name.startswith("2") else name


def _sizes(salt: str, tag: str) -> tuple[Costs, ...]:
    salts, tags = len(decode(salt)), len(decode(tag))
    return (
        Costs(salts >= LEAST_SALT, f"has a salt of less than {LEAST_SALT} bytes"),
        Costs(tags >= LEAST_BYTES, f"has a hash of less than {LEAST_BYTES} bytes"),
        Costs(tags <= MOST_BYTES, f"has a hash of more than {MOST_BYTES} bytes"),
    )


# Argon2 (RFC 9106).

_ARGON2: Final = re.compile(
    r"\$argon2(id|i|d)\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})" + _SALT_AND_HASH, re.ASCII
)
_ARGON2_KINDS: Final[dict[str, type[Argon2id | Argon2i | Argon2d]]] = {
    "id": Argon2id,
    "i": Argon2i,
    "d": Argon2d,
}


def _argon2_rules(match: Match) -> tuple[Costs, ...]:
    memory, passes, lanes = (int(one) for one in match.group(2, 3, 4))
    return (
        Costs(lanes >= 1 and passes >= 1 and memory >= LEAST_KIB, f"has less than m={LEAST_KIB}"),
        Costs(memory * passes >= LEAST_WORK, "is too weak: m times t is below that of m=7168,t=5"),
        Costs(memory * passes <= MOST_WORK, f"is too costly: m times t is above {MOST_WORK}"),
        Costs(lanes <= MOST_LANES, f"has more than p={MOST_LANES}"),
        *_sizes(match[5], match[6]),
    )


def _argon2_fits(match: Match, raw: bytes, pepper: bytes) -> bool:
    _ARGON2_KINDS[match[1]].verify_phc_encoded(raw, match[0])
    return True


# bcrypt. Other systems cut a password, or let their library do it.

_BCRYPT: Final = re.compile(
    r"\$(?:bcrypt-(?:sha256|pepper)\$)?(2[aby])\$(\d\d)\$([./A-Za-z0-9]{53})", re.ASCII
)


def _bcrypt_is_installed() -> bool:
    try:
        _bcrypt_package()
    except ExtraMissing:
        return False
    return True


def _bcrypt_package() -> Callable[[bytes, bytes], bool]:
    try:
        import bcrypt  # noqa: PLC0415 - of an extra
    except ImportError as error:
        raise ExtraMissing(f"bcrypt is missing: install {EXTRA}") from error
    return bcrypt.checkpw


def _bcrypt_rules(match: Match) -> tuple[Costs, ...]:
    cost = int(match[2])
    return (
        Costs(cost >= 4, "has a cost below 4"),
        Costs(cost <= MOST_BCRYPT, f"is too costly: its cost is above {MOST_BCRYPT}"),
    )


def _bcrypt_fits(match: Match, raw: bytes, pepper: bytes) -> bool:
    return _bcrypt_package()(raw[:BCRYPT_BYTES], f"${match[1]}${match[2]}${match[3]}".encode())


def _bcrypt_sha256_fits(match: Match, raw: bytes, pepper: bytes) -> bool:
    return _bcrypt_fits(match, hashlib.sha256(raw).hexdigest().encode(), pepper)


def _bcrypt_pepper_fits(match: Match, raw: bytes, pepper: bytes) -> bool:
    if not pepper:
        raise ExtraMissing("the pepper of Devise is missing: set VALETKEY_DEVISE_PEPPER")
    return _bcrypt_fits(match, raw + pepper, pepper)


# PBKDF2 (RFC 8018 5.2).

_PBKDF2: Final = re.compile(
    r"\$pbkdf2-(sha1|sha256|sha512)\$i=(\d{1,9})" + _SALT_AND_HASH, re.ASCII
)
_DIGESTS: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - in HMAC, and replaced at the first sign-in
    "sha256": hashes.SHA256(),
    "sha512": hashes.SHA512(),
}


def _pbkdf2_rules(match: Match) -> tuple[Costs, ...]:
    name, iterations, tag = match[1], int(match[2]), len(decode(match[4]))
    blocks = -(-tag // _DIGESTS[name].digest_size)
    most = MOST_ITERATIONS[name]
    return (
        Costs(iterations >= LEAST_ITERATIONS, f"has less than {LEAST_ITERATIONS} iterations"),
        Costs(
            iterations * blocks <= most,
            f"is too costly: {iterations} iterations for {blocks} blocks, above {most} in total",
        ),
        *_sizes(match[3], match[4]),
    )


def _pbkdf2_fits(match: Match, raw: bytes, pepper: bytes) -> bool:
    tag = decode(match[4])
    PBKDF2HMAC(_DIGESTS[match[1]], len(tag), decode(match[3]), int(match[2])).verify(raw, tag)
    return True


# scrypt (RFC 7914), and Firebase's: its key encrypts the project's signer key with AES-CTR. The
# stored keystream is the ciphertext without the signer key, which only the import needs.

_SCRYPT: Final = re.compile(
    r"\$(?:firebase-)?scrypt\$ln=(\d{1,2}),r=(\d{1,4}),p=(\d{1,4})" + _SALT_AND_HASH, re.ASCII
)


def _scrypt_rules(match: Match) -> tuple[Costs, ...]:
    n, r, p = 1 << int(match[1]), int(match[2]), int(match[3])
    return (
        Costs(n * r >= LEAST_SCRYPT and p >= 1, "is too weak: N times r is below 8192"),
        Costs(n * r <= MOST_SCRYPT_MEMORY, "needs more than 64 MiB of memory"),
        Costs(n * r * p <= MOST_SCRYPT, f"is too costly: N times r times p is above {MOST_SCRYPT}"),
        *_sizes(match[4], match[5]),
    )


def _scrypt(match: Match, length: int) -> Scrypt:
    return Scrypt(decode(match[4]), length, 1 << int(match[1]), int(match[2]), int(match[3]))


def _scrypt_fits(match: Match, raw: bytes, pepper: bytes) -> bool:
    tag = decode(match[5])
    _scrypt(match, len(tag)).verify(raw, tag)
    return True


def _firebase_fits(match: Match, raw: bytes, pepper: bytes) -> bool:
    tag = decode(match[5])
    key = _scrypt(match, 64).derive(raw)[:32]
    encryptor = Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor()
    return hmac.compare_digest(encryptor.update(bytes(len(tag))), tag)


_FORMS: Final = {
    **dict.fromkeys(("argon2id", "argon2i", "argon2d"), Form(_ARGON2, _argon2_rules, _argon2_fits)),
    **dict.fromkeys(("2a", "2b", "2y"), Form(_BCRYPT, _bcrypt_rules, _bcrypt_fits)),
    "bcrypt-sha256": Form(_BCRYPT, _bcrypt_rules, _bcrypt_sha256_fits),
    "bcrypt-pepper": Form(_BCRYPT, _bcrypt_rules, _bcrypt_pepper_fits),
    **dict.fromkeys(
        ("pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512"),
        Form(_PBKDF2, _pbkdf2_rules, _pbkdf2_fits),
    ),
    "scrypt": Form(_SCRYPT, _scrypt_rules, _scrypt_fits),
    "firebase-scrypt": Form(_SCRYPT, _scrypt_rules, _firebase_fits),
}
"""Each form by the first word of its strings."""
