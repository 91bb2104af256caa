"""How well somebody proved who they are, as one word (`acr`; OpenID Connect Core 2)."""

from collections.abc import Iterable
from typing import Final

PASSWORD: Final = "urn:valetkey:acr:password"
"""A password, given in this session."""

LEVELS: Final[dict[str, frozenset[str]]] = {PASSWORD: frozenset({"pwd"})}
"""What each level needs (the words of RFC 8176), the strongest first."""


def level(amr: tuple[str, ...]) -> str:
    """The strongest level that these ways of proving reach, "" for none."""
    proved = frozenset(amr)
    for name, needs in LEVELS.items():
        if needs <= proved:
            return name
    return ""


def is_met(amr: Iterable[str], levels: Iterable[str]) -> bool:
    """Whether one of the wanted levels is reached."""
    proved = frozenset(amr)
    return any(one in LEVELS and LEVELS[one] <= proved for one in levels)
