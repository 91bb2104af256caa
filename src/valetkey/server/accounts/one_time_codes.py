"""One-time codes: those of an authenticator app (TOTP, RFC 6238), and recovery codes."""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec
import pyotp

from valetkey.jose import seal
from valetkey.server.model.environment import Env
from valetkey.server.model.factor import Factor
from valetkey.server.model.keys import Keyring

STEP: Final = 30
"""Seconds for which a code is shown (RFC 6238 4.1)."""

DRIFT: Final = 1
"""Steps by which a clock may be wrong, either way (RFC 6238 5.2)."""

DIGITS: Final = 6
SECRET: Final = 20
"""Bytes of a new secret (RFC 4226 4: 160 bits)."""

RECOVERY_CODES: Final = 10
_RECOVERY_BYTES: Final = 10
_GROUP: Final = 4

_PURPOSE: Final = b"authenticator secret"
_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"


def new_secret(env: Env) -> bytes:
    """A secret for an authenticator app."""
    return env.random_bytes(SECRET)


def secret_text(secret: bytes) -> str:
    """The secret as people type it, in base32."""
    number = int.from_bytes(secret, "big")
    shifts = range(len(secret) * 8 - 5, -1, -5)
    return "".join(_BASE32[number >> shift & 31] for shift in shifts).upper()


def setup_address(secret: bytes, *, account: str, issuer: str) -> str:
    """The `otpauth:` address for the QR code."""
    totp = pyotp.TOTP(secret_text(secret), digits=DIGITS, interval=STEP)
    return totp.provisioning_uri(name=account, issuer_name=issuer)


def matching_step(secret: bytes, code: str, now: int, *, after: int = 0) -> int | None:
    """The time step of which this is the code, later than the step `after`; None for none. So each
    code is accepted once (RFC 6238 5.2)."""
    typed = normalized(code)
    if len(typed) != DIGITS or not typed.isdecimal():
        return None
    totp = pyotp.HOTP(secret_text(secret), digits=DIGITS)
    current = now // STEP
    matches = [
        step
        for step in range(current - DRIFT, current + DRIFT + 1)
        if seal.same(totp.at(step).encode(), typed.encode())
    ]
    return next((step for step in matches if step > after), None)


def seal_secret(secret: bytes, factor: str, *, keyring: Keyring, env: Env) -> bytes:
    """The secret as stored, for the factor with this id."""
    nonce = env.random_bytes(seal.NONCE)
    return seal.seal(_key(keyring), secret, nonce=nonce, purpose=_seal_purpose(factor))


def open_secret(factor: Factor, keyring: Keyring) -> bytes:
    """The secret of an authenticator. Raises BadSeal."""
    return seal.unseal(_key(keyring), factor.secret, purpose=_seal_purpose(factor.id))


def _key(keyring: Keyring) -> bytes:
    # The salt never rotates. Keys that seal codes are deleted within minutes.
    if not keyring.salt.raw:
        raise ValueError("no salt")
    return seal.mac(keyring.salt.raw, _PURPOSE)


def _seal_purpose(factor: str) -> bytes:
    return msgspec.json.encode(["valetkey", "authenticator", factor])


def new_recovery_codes(env: Env) -> tuple[str, ...]:
    """A set of recovery codes of 80 bits, as they are displayed."""
    return tuple(_grouped(env.random_bytes(_RECOVERY_BYTES)) for _ in range(RECOVERY_CODES))


def _grouped(raw: bytes) -> str:
    text = secret_text(raw).lower()
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def recovery_digests(codes: Sequence[str], user: str) -> tuple[str, ...]:
    """The codes as stored, for this user."""
    return tuple(recovery_digest(one, user) for one in codes)


def recovery_digest(code: str, user: str) -> str:
    """One recovery code as stored. It has 80 random bits, so a fast hash is enough."""
    return hashlib.sha256(f"{user} {normalized(code)}".encode()).hexdigest()


def is_recovery_code(code: str) -> bool:
    """Whether it has the length of a recovery code."""
    return len(normalized(code)) == _RECOVERY_BYTES * 8 // 5


def normalized(code: str) -> str:
    """A code without the spaces and dashes between its groups, in lower case."""
    return "".join(one for one in code[:64].lower() if one.isalnum() and one.isascii())
