"""The logos of apps (RFC 7591 2, `logo_uri`). This server fetches and serves them itself, so the
app's host does not learn who looks at a page. Only verified apps have one: a picture says more than
a name, and anyone can copy it."""

from typing import Final

import msgspec

from valetkey.server.model.client import Client
from valetkey.server.model.query import DocumentRequest, One, Rule, Unreachable

MOST_PIXELS: Final = 1024
"""The most pixels on each side. A small file can contain a picture that fills a browser's
memory."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers that are followed by the size (ITU-T T.81 B.1.1.3)."""


class Logo(msgspec.Struct, frozen=True):
    """A picture and its media type."""

    media: str
    body: bytes


def has_logo(client: Client) -> bool:
    """Whether the app's logo may be displayed."""
    return client.verified and bool(client.logo_uri)


def logo(name: str) -> Rule[Logo | None]:
    """The logo of an app, or None if it has none that may be displayed."""
    wanted = One(Client, name)
    client = (yield (wanted,)).one(wanted)
    if client is None or not has_logo(client):
        return None
    picture = DocumentRequest(url=client.logo_uri, kind="logo", party=client.party)
    found = (yield (picture,)).document(picture)
    return None if isinstance(found, Unreachable) else read(found.body)


def read(body: bytes) -> Logo | None:
    """Read a picture by its contents, whatever media type its host gives. None for any other file,
    and for a picture that is too large."""
    for media, size in (("image/png", _png(body)), ("image/jpeg", _jpeg(body))):
        if size and all(0 < side <= MOST_PIXELS for side in size):
            return Logo(media, body)
    return None


def _png(body: bytes) -> tuple[int, ...]:
    """Width and height, which come first in the file (PNG 11.2.1); () for another file."""
    if not body.startswith(_PNG) or body[12:16] != b"IHDR":
        return ()
    return _number(body[16:20]), _number(body[20:24])


def _jpeg(body: bytes) -> tuple[int, ...]:
    at = 2 if body.startswith(_JPEG) else len(body)
    while at + 9 <= len(body) and body[at] == 0xFF:
        if body[at + 1] in _FRAMES:
            return _number(body[at + 5 : at + 7]), _number(body[at + 7 : at + 9])
        at += 2 + _number(body[at + 2 : at + 4])
    return ()


def _number(text: bytes) -> int:
    return int.from_bytes(text)
