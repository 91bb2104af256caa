"""Opaque strings that secret scanners find: a prefix, base64url, and a checksum at the end.

`vk_rt_<base64url(bytes ‖ CRC-32)>`. The checksum lets a scanner tell a real key from a stray word
without asking us; it protects nothing, and no rule rests on it alone.
"""

import zlib
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

from valetkey.jose import base64url

Kind: TypeAlias = Literal[
    "at", "rt", "code", "cs", "session", "iat", "reg", "dc", "ar", "ks", "kt", "kh"
]
CHECKSUM: Final = 4

PREFIXES: Final[Mapping[Kind, str]] = {kind: f"vk_{kind}_" for kind in get_args(Kind)}
"""How every string of a kind begins."""


class NotOpaque(ValueError):
    """The text is no opaque string of that kind, or was cut or changed."""


def write(kind: Kind, raw: bytes) -> str:
    """The text for these bytes."""
    return PREFIXES[kind] + base64url.encode(raw + _checksum(kind, raw))


def read(kind: Kind, text: str) -> bytes:
    """The bytes behind the text. Raises NotOpaque."""
    start = PREFIXES[kind]
    if not text.startswith(start):
        raise NotOpaque(f"does not begin with {start}")
    try:
        raw = base64url.decode(text[len(start) :])
    except ValueError as error:
        raise NotOpaque("not base64url") from error
    body, checksum = raw[:-CHECKSUM], raw[-CHECKSUM:]
    if checksum != _checksum(kind, body):
        raise NotOpaque("the checksum does not fit")
    return body


def _checksum(kind: Kind, raw: bytes) -> bytes:
    return zlib.crc32(raw, zlib.crc32(kind.encode())).to_bytes(CHECKSUM, "big")
