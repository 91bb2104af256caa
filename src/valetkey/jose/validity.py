"""Is it the time for it? What others sign says when it begins and ends, by a clock of their own."""

from typing import Final

SKEW: Final = 30
"""Seconds that another's clock may be off: FAPI 2.0 accepts 10 at least, and 60 never."""


def is_over(now: int, exp: float) -> bool:
    """Whether what ends at `exp` has ended, by any clock that is right enough."""
    return now >= exp + SKEW


def why_not(
    now: int, *, exp: float | None, nbf: float | None = None, iat: float | None = None, longest: int
) -> str:
    """Why this is not the moment for it, or "". Times in seconds since 1970, None for one that is
    not said; it may end `longest` seconds from now at the latest, and began no longer ago."""
    began = [time for time in (nbf, iat) if time is not None]
    times = [*began, *([] if exp is None else [exp])]
    if not all(0 < time < 1e11 for time in times):
        return "a time that is none"
    if exp is not None and is_over(now, exp):
        return f"it ended {now - exp:.0f} s ago"
    if any(time > now + longest + SKEW for time in times):
        return f"it ends {max(times) - now:.0f} s from now"
    if any(time > now + SKEW for time in began):
        return f"it begins {max(began) - now:.0f} s from now"
    if any(time < now - longest - SKEW for time in began):
        return f"it began {now - min(began):.0f} s ago"
    return ""
