"""What a browser carries for this server while it is elsewhere: a value, sealed.

Nothing is stored for it, so no stranger can fill the database.
"""

from typing import TypeVar

import msgspec

from valetkey.jose import base64url, seal
from valetkey.server.oauth.core.context import Context

T = TypeVar("T", bound=msgspec.Struct)


def write_sealed(value: msgspec.Struct, purpose: bytes, context: Context) -> str:
    """The value as text that only this server can read, for this purpose."""
    nonce = context.env.random_bytes(seal.NONCE)
    raw = msgspec.msgpack.encode(value)
    return base64url.encode(context.installation.keyring.seal(raw, nonce=nonce, purpose=purpose))


def read_sealed(
    text: str, kind: type[T], purpose: bytes, *, most: int, context: Context
) -> T | None:
    """The value, None for a text that this server did not write for this purpose, or that is longer
    than `most`."""
    if len(text) > most:
        return None
    try:
        raw = context.installation.keyring.unseal(base64url.decode(text), purpose=purpose)
        return msgspec.msgpack.decode(raw, type=kind)
    except (ValueError, msgspec.DecodeError):
        return None
