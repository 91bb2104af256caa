"""The master key, as the settings have it."""

from typing import Final

from valetkey.jose import base64url
from valetkey.server.custody.key_service import NAMES, Kind, wrapped_by
from valetkey.server.model.keys import Secret

MASTER_KEY: Final = 32
"""Length of a master key in bytes."""

MOST_MASTER_KEYS: Final = 2
"""Master keys at a time."""


def why_not_key(key: Secret) -> str:
    """Return why this is no master key, or "". The answer never contains the key. While a key is
    replaced there are two, the new one first."""
    words = key.reveal().split()
    if len(words) > MOST_MASTER_KEYS:
        return f"has {len(words)} keys"
    try:
        sizes = [len(base64url.decode(word)) for word in words] or [0]
    except ValueError:
        return "is not base64url"
    return next((f"has {size} bytes" for size in sizes if size != MASTER_KEY), "")


def why_not_wrapped(text: str, kind: Kind | None) -> str:
    """Return why these are no master keys that a service of this kind has wrapped, or ""."""
    words = text.split()
    if not words or len(words) > MOST_MASTER_KEYS:
        return f"has {len(words)} keys"
    for by in map(wrapped_by, words):
        if by is None:
            return "is not wrapped, and key_service is set: run `valetkey key wrap-master`"
        if kind is None:
            return f"is wrapped by {NAMES[by]}: set key_service.kind, and what it needs"
        if by != kind:
            return f"is wrapped by {NAMES[by]}, and key_service.kind is {kind}"
    return ""
