"""The pictures of apps (RFC 7591 2, `logo_uri`): fetched by this server and shown as its own, so
that an app's host does not learn who looks. Only of apps that somebody has checked: a picture says
more than a name, and anybody can copy one."""

from typing import Final

import msgspec

from valetkey.server.model.client import Client
from valetkey.server.model.query import DocumentRequest, One, Rule, Unreachable

MOST_PIXELS: Final = 1024
"""On each side: a small file can hold a picture that fills a browser's memory."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG behind which the size stands (ITU-T T.81 B.1.1.3)."""


class Logo(msgspec.Struct, frozen=True):
    """A picture, and what it is."""

    media: str
    body: bytes


def has_logo(client: Client) -> bool:
    """Whether its picture may be shown."""
    return client.verified and bool(client.logo_uri)


def logo(name: str) -> Rule[Logo | None]:
    """The picture of that app; None where there is none that may be shown."""
    wanted = One(Client, name)
    client = (yield (wanted,)).one(wanted)
    if client is None or not has_logo(client):
        return None
    picture = DocumentRequest(url=client.logo_uri, kind="logo", party=client.party)
    found = (yield (picture,)).document(picture)
    return None if isinstance(found, Unreachable) else read(found.body)


def read(body: bytes) -> Logo | None:
    """The picture, by what it is and not by what its host calls it; None for any other file, and
    for one that is too large."""
    for media, size in (("image/png", _png(body)), ("image/jpeg", _jpeg(body))):
        if size and all(0 < side <= MOST_PIXELS for side in size):
            return Logo(media, body)
    return None


def _png(body: bytes) -> tuple[int, ...]:
    """Width and height, () where it is none: they come first (PNG 11.2.1)."""
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
