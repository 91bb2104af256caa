"""Base64url without padding, as JOSE wants it (RFC 7515 appendix C), strict on the way in."""

from binascii import b2a_base64
from typing import Final

import msgspec


def encode(raw: bytes) -> str:
    """The text for these bytes."""
    return encode_ascii(raw).decode()


def encode_ascii(raw: bytes) -> bytes:
    """The text for these bytes, as ASCII."""
    # Most input is JSON, which contains neither.
    return b2a_base64(raw, newline=False).rstrip(b"=").replace(b"+", b"-").replace(b"/", b"_")


def decode(text: str) -> bytes:
    """The bytes of the text. Raises ValueError for padding, other characters and slack bits."""
    short = len(text) % 4
    if short == 1 or (short and text[-1] not in _LAST[short]):
        # Slack bits would give one value many spellings.
        raise ValueError("not canonical base64url")
    if "+" in text or "/" in text or "=" in text:
        # The characters of plain base64, and padding.
        raise ValueError("not base64url")
    plain = text.replace("-", "+").replace("_", "/") + "=" * (-short % 4)
    try:
        # Twice as fast as `binascii`, and as strict.
        return msgspec.convert(plain, bytes)
    except msgspec.ValidationError as error:
        raise ValueError("not base64url") from error


_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LAST: Final = {2: frozenset(_DIGITS[::16]), 3: frozenset(_DIGITS[::4])}
"""With what a text may end of which so many characters are left over."""
