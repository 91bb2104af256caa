"""The master key, as the settings have it."""

from typing import Final

from valetkey.jose import base64url
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
