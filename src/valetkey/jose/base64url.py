"""Base64url without padding, as JOSE wants it (RFC 7515 appendix C), strict on the way in."""

import binascii
import re
from typing import Final

_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def encode(raw: bytes) -> str:
    """The text for these bytes."""
    text = binascii.b2a_base64(raw, newline=False).decode().translate(_TO_URL)
    return text.rstrip("=")


def decode(text: str) -> bytes:
    """The bytes behind the text. Raises ValueError for padding, strangers and slack bits."""
    if not _ALPHABET.fullmatch(text):
        raise ValueError("not base64url")
    raw = binascii.a2b_base64(text.translate(_FROM_URL) + "=" * (-len(text) % 4))
    # Slack bits would give one value many spellings.
    if encode(raw) != text:
        raise ValueError("not canonical base64url")
    return raw


_TO_URL: Final = str.maketrans("+/", "-_")
_FROM_URL: Final = str.maketrans("-_", "+/")
