"""Base32hex (RFC 4648 7) of 16 bytes, in lower case and without padding.

`base64.b32hexencode` gives the same text, byte by byte in Python, and takes five times as long.
"""

import re
from typing import Final

BYTES: Final = 16
LETTERS: Final = 26

FORM: Final = re.compile(r"[0-9a-v]{25}[048cgkos]", re.ASCII)
"""What 16 bytes look like as text."""

_DIGITS: Final = b"0123456789abcdefghijklmnopqrstuv".ljust(256)


def _spreading_masks() -> tuple[tuple[int, int, int], ...]:
    """The steps that spread 32 digits of five bits over a byte each: the upper half moves away from
    the lower one, then within each half, and so on. Each step: the mask of the lower halves, that
    of the upper halves, and the number of bits by which the upper halves move."""
    steps = []
    for digits in (16, 8, 4, 2, 1):
        lower = sum(((1 << 5 * digits) - 1) << 16 * digits * at for at in range(16 // digits))
        steps.append((lower, lower << 5 * digits, 3 * digits))
    return tuple(steps)


_STEPS: Final = _spreading_masks()


def encode(raw: bytes) -> str:
    """16 bytes as 26 characters, which sort as the bytes do."""
    bits = int.from_bytes(raw, "big") << 2
    for lower, upper, distance in _STEPS:
        bits = bits & lower | (bits & upper) << distance
    return bits.to_bytes(LETTERS, "big").translate(_DIGITS).decode()


def decode(text: str) -> bytes:
    """The bytes of a text that matches `FORM`."""
    return (int(text, 32) >> 2).to_bytes(BYTES, "big")
