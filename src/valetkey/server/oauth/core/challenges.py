"""Challenges that are derived from the time, so they have no rows. A caller that returns one has
asked for it within the last minutes."""

from typing import Final

from valetkey.jose import base64url, seal
from valetkey.server.oauth.core.context import Context

STEP: Final = 60
"""Seconds after which the challenge changes. The previous one stays valid."""

_MAC: Final = 16
_COUNT: Final = 6


def challenge(purpose: bytes, context: Context) -> str:
    """The challenge of this moment: the same on every node, and different for each purpose."""
    return _written(purpose, context.env.now // STEP, context.installation.keyring.macs[0].raw)


def is_ours(text: str, purpose: bytes, context: Context) -> bool:
    """Whether this is the current challenge, the previous one, or the next one: the clocks of two
    nodes may differ."""
    present = context.env.now // STEP
    return any(
        seal.same(text.encode(), _written(purpose, count, key.raw).encode())
        for key in context.installation.keyring.macs
        for count in (present, present - 1, present + 1)
    )


def _written(purpose: bytes, count: int, key: bytes) -> str:
    raw = count.to_bytes(_COUNT, "big")
    return base64url.encode(seal.mac(key, purpose, raw)[:_MAC])
