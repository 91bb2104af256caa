"""Access tokens that this server signed lately, known again by a MAC instead of their signature.

A MAC takes a microsecond, a signature forty. What is remembered of a token is 16 bytes of its MAC,
under a key that no disk ever sees, so a memory that leaks holds no token. The workers of one server
share the memory: it is made before they are forked. A token of another server, or of before a
restart, is proved by its signature.
"""

import hmac
import mmap
import os
from typing import Final

SLOTS: Final = 1 << 18
"""Tokens that are remembered, at the most. A newer one takes the place of an older one."""

_LENGTH: Final = 16


class SignedTokens:
    """Which tokens were signed here. To be found by mistake, a token would have to guess 128 bits.
    Two workers that write to one slot at once leave what is neither's."""

    def __init__(self, *, slots: int = SLOTS) -> None:
        """`slots`: a power of two."""
        self._key = os.urandom(32)
        self._mask = slots - 1
        self._macs = mmap.mmap(-1, slots * _LENGTH)

    def add(self, token: str) -> None:
        """Remembers a token that was just signed."""
        at, mac = self._place(token)
        self._macs[at : at + _LENGTH] = mac

    def has(self, token: str) -> bool:
        """Whether exactly this text was signed here. False says nothing."""
        at, mac = self._place(token)
        return hmac.compare_digest(self._macs[at : at + _LENGTH], mac)

    def _place(self, token: str) -> tuple[int, bytes]:
        digest = hmac.digest(self._key, token.encode(), "sha256")
        return (int.from_bytes(digest[:4], "big") & self._mask) * _LENGTH, digest[_LENGTH:]
