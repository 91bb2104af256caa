"""A browser's name, in a word or two that its user recognizes."""

from functools import lru_cache
from typing import Final

MAX_LENGTH: Final = 512
"""Characters of a User-Agent header that are read."""

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
    """The name of a browser by its User-Agent header: "Firefox on Android", "Chrome on Linux", ""
    for an unknown one. The first match in each table counts, since browsers also list the names of
    older ones."""
    return _device(user_agent[:MAX_LENGTH]) if user_agent else ""


@lru_cache(maxsize=256)
def _device(user_agent: str) -> str:
    browser = _first(_BROWSERS, user_agent)
    system = _first(_SYSTEMS, user_agent)
    return " on ".join(word for word in (browser, system) if word)


def _first(table: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for mark, name in table if mark in text), "")
