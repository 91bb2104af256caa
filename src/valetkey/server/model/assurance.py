"""How strong a sign-in is: the levels of this server, in the words of `acr`.

Ways to sign in elsewhere may vouch for other values; those are compared as they are.
"""

from collections.abc import Iterable
from typing import Final

PASSWORD: Final = "urn:valetkey:acr:password"
"""One factor: a password, entered in this session."""

TWO_FACTORS: Final = "urn:valetkey:acr:two-factors"
"""Two factors."""

PHISHING_RESISTANT: Final = "phr"
"""Two factors, and no other site can use what the user enters (OpenID Connect Extended
Authentication Profile ACR Values 1.0, 2)."""

MAIL_CODE: Final = "email"
"""The method of a sign-in with a mailed code. RFC 8176 registers none. It is no factor, and reaches
no level."""

LADDER: Final = (PHISHING_RESISTANT, TWO_FACTORS, PASSWORD)
"""The levels, the strongest first: each includes those behind it."""

LEVELS: Final[dict[str, frozenset[str]]] = {PASSWORD: frozenset({"pwd"})}
"""What each level requires that follows from the methods alone (in the words of RFC 8176)."""


def level(amr: tuple[str, ...], acr: str = "") -> str:
    """The level of a sign-in: `acr` if the way to sign in vouches for one, else the strongest that
    its methods reach; "" for none."""
    if acr:
        return acr
    proved = frozenset(amr)
    for name, needs in LEVELS.items():
        if needs <= proved:
            return name
    return ""


def reaches(reached: str, least: str) -> bool:
    """Whether a level includes another one. Every level includes "", the level of nothing."""
    if not least or reached == least:
        return True
    if reached not in LADDER or least not in LADDER:
        return False
    return LADDER.index(reached) <= LADDER.index(least)


def strongest(*levels: str) -> str:
    """The strongest of some levels of this server, "" for none."""
    return next((one for one in LADDER if one in levels), "")


def is_met(amr: Iterable[str], levels: Iterable[str], acr: str = "") -> bool:
    """Whether a sign-in reaches one of the levels: by the one that its way vouches for, or by its
    methods."""
    proved = frozenset(amr)
    return any(
        reaches(acr, one) or (one in LEVELS and LEVELS[one] <= proved) for one in levels if one
    )
