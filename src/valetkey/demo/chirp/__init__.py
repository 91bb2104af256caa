"""Chirp, the platform: a small real API for posts, profile and direct messages."""

from typing import Final

USER: Final = "17"
"""Miko's id at Chirp, where Chirp has users of its own."""
