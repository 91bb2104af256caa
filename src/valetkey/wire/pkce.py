"""Proof Key for Code Exchange, S256 only (RFC 7636)."""

import hashlib
import re
from typing import Final

from valetkey.jose import base64url
from valetkey.jose.seal import same
from valetkey.spec.names import Cite

METHOD: Final = "S256"
CITE: Final = Cite("RFC 7636", "4.6")

_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def verifier(random: bytes) -> str:
    """A code verifier from 32 random bytes (RFC 7636 4.1)."""
    return base64url.encode(random)


def challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 4.2)."""
    return base64url.encode(hashlib.sha256(verifier.encode()).digest())


def is_challenge(text: str) -> bool:
    """Whether `text` has the form of an S256 challenge."""
    return _CHALLENGE.fullmatch(text) is not None


def proves(verifier: str, challenge_sent: str) -> bool:
    """Whether the verifier is well formed and is the one behind the challenge (RFC 7636 4.6)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    return same(challenge(verifier).encode(), challenge_sent.encode())
