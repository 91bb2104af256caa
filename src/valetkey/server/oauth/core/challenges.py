"""Challenges that are derived from the time, so that none is stored: who sends one back has asked
within the last minutes.
"""

from typing import Final

from valetkey.jose import base64url, seal
from valetkey.server.oauth.core.context import Context

STEP: Final = 60
"""Seconds after which a challenge is another one. The one before it is still good."""

_MAC: Final = 16
_COUNT: Final = 6


def challenge(purpose: bytes, context: Context) -> str:
    """The challenge of this moment, the same on every node, and another for each purpose."""
    return _written(purpose, context.env.now // STEP, context.installation.keyring.macs[0].raw)


def is_ours(text: str, purpose: bytes, context: Context) -> bool:
    """Whether this is the challenge of this moment, or of the one before or after it: nodes'
    clocks may differ."""
    present = context.env.now // STEP
    return any(
        seal.same(text.encode(), _written(purpose, count, key.raw).encode())
        for key in context.installation.keyring.macs
        for count in (present, present - 1, present + 1)
    )


def _written(purpose: bytes, count: int, key: bytes) -> str:
    raw = count.to_bytes(_COUNT, "big")
    return base64url.encode(seal.mac(key, purpose, raw)[:_MAC])
