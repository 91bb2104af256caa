"""Checks the times in tokens of others, whose clocks may differ."""

from typing import Final

SKEW: Final = 30
"""The largest difference of clocks in seconds: FAPI 2.0 needs at least 10, and less than 60."""


def is_over(now: int, exp: float) -> bool:
    """Whether a token has ended by any acceptable clock."""
    return now >= exp + SKEW


def why_not(
    now: int, *, exp: float | None, nbf: float | None = None, iat: float | None = None, longest: int
) -> str:
    """Why a token with these times is not valid now, or "". Times are in seconds since 1970, None
    if absent. It may end at most `longest` seconds from now, and begin at most that long ago."""
    began = [time for time in (nbf, iat) if time is not None]
    times = [*began, *([] if exp is None else [exp])]
    if not all(0 < time < 1e11 for time in times):
        return "a time out of range"
    if exp is not None and is_over(now, exp):
        return f"it ended {now - exp:.0f} s ago"
    if any(time > now + longest + SKEW for time in times):
        return f"it ends {max(times) - now:.0f} s from now"
    if any(time > now + SKEW for time in began):
        return f"it begins {max(began) - now:.0f} s from now"
    if any(time < now - longest - SKEW for time in began):
        return f"it began {now - min(began):.0f} s ago"
    return ""
