"""Pictures, read by their contents, whatever their names or senders say they are.

Only the few bytes with the size of a raster picture are looked at: decoders of images have a
history of holes, and browsers run theirs in a sandbox. An SVG is a document, which could run
scripts and fetch: it has to consist of a few harmless elements.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from xml.parsers import expat

import msgspec

MOST_PIXELS: Final = 1024
"""The most pixels on each side. A small file can contain a picture that fills a browser's
memory."""

PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
WEBP: Final = "image/webp"
SVG: Final = "image/svg+xml"
WOFF2: Final = "font/woff2"

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers that are followed by the size (ITU-T T.81 B.1.1.3)."""


class Picture(msgspec.Struct, frozen=True):
    """A picture, its media type, and its size in pixels or in units of its own."""

    media: str
    body: bytes
    width: float
    height: float


def read_picture(body: bytes) -> Picture:
    """Read a PNG, JPEG, WebP or SVG. Raises ValueError that says what is wrong."""
    for media, size in ((PNG, _png(body)), (JPEG, _jpeg(body)), (WEBP, _webp(body))):
        if size:
            width, height = size
            if not all(0 < side <= MOST_PIXELS for side in size):
                most = f"{MOST_PIXELS} x {MOST_PIXELS}"
                raise ValueError(f"has {width} x {height} pixels; at most {most} are allowed")
            return Picture(media, body, width, height)
    if b"<svg" not in body:
        raise ValueError("is no PNG, JPEG, WebP or SVG")
    return Picture(SVG, body, *_svg(body))


def read_raster(body: bytes, allowed: tuple[str, ...]) -> Picture | None:
    """Read a raster picture of these media types; None for any other file, and for a picture that
    is too large."""
    try:
        picture = read_picture(body) if body.startswith((_PNG, _JPEG, b"RIFF")) else None
    except ValueError:
        return None
    return picture if picture is not None and picture.media in allowed else None


def _png(body: bytes) -> tuple[int, int] | None:
    """Width and height, which come first in the file (PNG 11.2.1); None for another file."""
    if not body.startswith(_PNG) or body[12:16] != b"IHDR":
        return None
    return int.from_bytes(body[16:20]), int.from_bytes(body[20:24])


def _jpeg(body: bytes) -> tuple[int, int] | None:
    at = 2 if body.startswith(_JPEG) else len(body)
    while at + 9 <= len(body) and body[at] == 0xFF:
        if body[at + 1] in _FRAMES:
            height, width = body[at + 5 : at + 7], body[at + 7 : at + 9]
            return int.from_bytes(width), int.from_bytes(height)
        at += 2 + int.from_bytes(body[at + 2 : at + 4])
    return None


def _webp(body: bytes) -> tuple[int, int] | None:
    """Width and height in the first chunk (RFC 9649 2.5 to 2.7)."""
    if body[:4] != b"RIFF" or body[8:12] != b"WEBP" or len(body) < 30:
        return None
    match body[12:16]:
        case b"VP8 " if body[23:26] == b"\x9d\x01\x2a":
            sides = body[26:28], body[28:30]
            width, height = (int.from_bytes(side, "little") & 0x3FFF for side in sides)
            return width, height
        case b"VP8L" if body[20] == 0x2F:
            bits = int.from_bytes(body[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            sides = body[24:27], body[27:30]
            width, height = (int.from_bytes(side, "little") + 1 for side in sides)
            return width, height
        case _:
            return None


# SVG.

_SHAPES: Final = ("circle", "ellipse", "line", "path", "polygon", "polyline", "rect", "text")
_ELEMENTS: Final = frozenset(
    (
        *("clipPath", "defs", "desc", "g", "linearGradient", "mask", "radialGradient", "stop"),
        *("style", "svg", "symbol", "title", "tspan", "use", *_SHAPES),
    )
)
_SPACE: Final = "http://www.w3.org/2000/svg"
_XLINK: Final = "http://www.w3.org/1999/xlink"
_SPACES: Final = frozenset({"", _XLINK, "http://www.w3.org/XML/1998/namespace"})
_MOST_ELEMENTS: Final = 2000
_MOST_DEPTH: Final = 32
_OUTSIDE: Final = re.compile(
    r"url\s*\((?!\s*['\"]?#)|@import|\\|\b(?:image|image-set|src)\s*\(", re.IGNORECASE | re.ASCII
)
"""What in a style could lead out of the file; a backslash could hide it."""


class _Reading:
    """One pass over an SVG. Each handler raises ValueError for what is refused."""

    def __init__(self) -> None:
        self.size: tuple[float, float] | None = None
        self._count = 0
        self._usable: list[bool] = []
        """Of each open element, whether something may refer to it or to one around it."""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        space, _, name = tag.rpartition(" ")
        if space != _SPACE or name not in _ELEMENTS:
            raise ValueError(f"holds <{name}>: draw it with plain shapes, or use a PNG")
        self._count += 1
        if self._count > _MOST_ELEMENTS or len(self._usable) >= _MOST_DEPTH:
            raise ValueError(f"has more than {_MOST_ELEMENTS} elements, or too many in each other")
        if self.size is None:
            self.size = _size(name, attributes)
        usable = "id" in attributes or bool(self._usable and self._usable[-1])
        if name == "use" and usable:
            # A few of these in each other would draw a million shapes.
            raise ValueError("holds a <use> within something that may be used itself")
        self._usable.append(usable)
        for attribute, value in attributes.items():
            _check_attribute(attribute, value)

    def end(self, _: str) -> None:
        self._usable.pop()

    def text(self, text: str) -> None:
        if _OUTSIDE.search(text):
            raise ValueError("has a style that refers to something outside of the file")

    def refuse(self, *_: Any) -> None:
        raise ValueError("has a DOCTYPE or a processing instruction: remove it")


def _svg(body: bytes) -> tuple[float, float]:
    """The width and height of an SVG. Raises ValueError for one that is not plain."""
    reading = _Reading()
    parser = expat.ParserCreate("utf-8", " ")
    parser.buffer_text = True
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    parser.StartDoctypeDeclHandler = reading.refuse
    parser.ProcessingInstructionHandler = reading.refuse
    try:
        parser.Parse(body.decode("utf-8"), True)  # noqa: FBT003 - expat takes it by position
    except (expat.ExpatError, UnicodeDecodeError) as error:
        raise ValueError(f"is no SVG: {error}") from error
    return reading.size or (0, 0)


def _size(name: str, attributes: Mapping[str, str]) -> tuple[float, float]:
    if name != "svg":
        raise ValueError("is no SVG")
    box = re.split(r"[\s,]+", attributes.get("viewBox", "").strip())
    sides = [_number(attributes.get(side, "")) for side in ("width", "height")]
    if len(box) == 4:
        sides = [_number(box[2]), _number(box[3])]
    if not all(0 < side < 1e6 for side in sides):
        raise ValueError("has no viewBox, and no width and height in pixels")
    return sides[0], sides[1]


def _number(text: str) -> float:
    match = re.fullmatch(r"\s*([0-9]{1,6}(?:\.[0-9]{1,20})?)(?:px)?\s*", text, re.ASCII)
    return float(match[1]) if match else 0.0


def _check_attribute(attribute: str, value: str) -> None:
    space, _, name = attribute.rpartition(" ")
    if space not in _SPACES or name.lower().startswith("on"):
        raise ValueError(f"has the attribute {name}: export it as plain SVG")
    if name == "href" and not value.strip().startswith("#"):
        raise ValueError("refers to something outside of the file")
    if _OUTSIDE.search(value):
        raise ValueError(f"has a {name} that refers to something outside of the file")


def read_font(body: bytes) -> bytes:
    """Check a font in WOFF 2 (W3C WOFF2 4.1). Raises ValueError."""
    if not body.startswith(b"wOF2") or len(body) < 48 or int.from_bytes(body[8:12]) != len(body):
        raise ValueError("is no font in WOFF 2")
    if int.from_bytes(body[16:20]) > MOST_FONT:
        raise ValueError("unpacks to too large a font")
    return body


MOST_FONT: Final = 8 << 20
"""Bytes of a font that is unpacked."""
