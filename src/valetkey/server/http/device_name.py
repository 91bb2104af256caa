"""What browser is this, in a word or two that its user recognises?"""

from functools import lru_cache
from typing import Final

LONGEST: Final = 512
"""Characters of a name that are looked at."""

_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "Chromebook"),
    ("Linux", "Linux"),
)


def device(user_agent: str) -> str:
    """What calls itself so: "Firefox on Android", "Chrome on Linux", "" where nothing is
    recognised. The first match in each table counts: browsers name themselves last, and pose as
    older ones."""
    return _device(user_agent[:LONGEST]) if user_agent else ""


@lru_cache(maxsize=256)
def _device(user_agent: str) -> str:
    browser = _first(_BROWSERS, user_agent)
    system = _first(_SYSTEMS, user_agent)
    return " on ".join(word for word in (browser, system) if word)


def _first(table: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for mark, name in table if mark in text), "")
