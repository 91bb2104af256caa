"""Checks of registered fields: names, texts, addresses, lists."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from valetkey.server.model import ids
from valetkey.wire import redirect

MAX_NAME: Final = 100
MAX_REASON: Final = 300

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_JOINERS: Final = frozenset("\u200c\u200d")  # Several scripts need them to write a word.


def why_not_name(name: str) -> str:
    """Why this may not name a client or a resource server, or ""."""
    if not _NAME.fullmatch(name):
        return "must be letters, digits and - _ . only, at most 128"
    try:
        ids.to_bytes(name)
    except ValueError:
        return ""
    # ATTACKS A16: nobody may mistake a client's name for a user's.
    return "has the form of a user id"


def why_not_text(text: str, limit: int) -> str:
    """Why this is not a readable line of text, or ""."""
    if not text.strip():
        return "is empty"
    if len(text) > limit:
        return f"is longer than {limit} characters"
    unseen = [one for one in text if not _is_visible(one)]
    return f"holds U+{ord(unseen[0]):04X}, which is invisible" if unseen else ""


def _is_visible(char: str) -> bool:
    category = unicodedata.category(char)
    return char in _JOINERS or not (category.startswith("C") or category in {"Zl", "Zp"})


def why_not_web(uri: str) -> str:
    """Why this is not a web address (https, or http on a loopback literal), or ""."""
    if not uri.startswith(("https://", "http://")):
        return "must begin with https://"
    return redirect.why_not(uri)


def why_not_https(uri: str) -> str:
    """Why this is not an https address that a browser may be sent to, or "". An empty address is
    fine."""
    if not uri:
        return ""
    return redirect.why_not(uri) if uri.startswith("https://") else "must begin with https://"


def find_duplicates(values: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each value that is repeated."""
    for value, times in Counter(values).items():
        if times > 1:
            yield f"{value!r} is repeated"


def check_each(uris: Iterable[str], why_not: Callable[[str], str]) -> Iterator[str]:
    """Yield a sentence for each address that is refused."""
    for uri in uris:
        why = why_not(uri)
        yield f"{uri[:100]!r} {why}" if why else ""
