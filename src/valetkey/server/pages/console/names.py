"""Ids in the paths of the console. Some are addresses, or have a space."""

import re
from typing import Final

from valetkey.jose import base64url
from valetkey.server.pages.frame import NoSuchPage

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)


def segment(name: str) -> str:
    """The id as a segment of a path: itself if it is plain, else in base64url after a tilde."""
    return name if _PLAIN.fullmatch(name) else "~" + base64url.encode(name.encode())


def from_segment(text: str) -> str:
    """The id. Raises NoSuchPage."""
    if not text.startswith("~"):
        return text
    try:
        return base64url.decode(text[1:]).decode()
    except ValueError as error:
        raise NoSuchPage from error
