"""Pictures and fonts are known by their contents."""

import struct

import pytest
from tests.rows import row

from valetkey.server.model.picture import MOST_PIXELS, SVG, WEBP, read_font, read_picture

HEAD = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 20 10'"


def svg(inside: str = "", more: str = "") -> bytes:
    """An SVG with this inside."""
    return f"{HEAD}{more}>{inside}</svg>".encode()


def webp(kind: bytes, rest: bytes) -> bytes:
    """The beginning of a WebP."""
    return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + rest.ljust(10, b"\0")


LOSSY = webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 40, 20))
LOSSLESS = webp(b"VP8L", b"\x2f" + struct.pack("<I", 39 | 19 << 14))
EXTENDED = webp(b"VP8X", b"\0\0\0\0" + b"\x27\0\0" + b"\x13\0\0")


@pytest.mark.parametrize("body", [LOSSY, LOSSLESS, EXTENDED])
def test_each_kind_of_webp_has_a_size(body: bytes) -> None:
    picture = read_picture(body)
    assert (picture.media, picture.width, picture.height) == (WEBP, 40, 20)


PLAIN = [
    row("SVG", "shapes", svg("<g id='a'><path d='M0 0h1'/></g><use href='#a'/>")),
    row("SVG", "a style and a gradient", svg("<style>path{fill:url(#g)}</style>")),
    row("SVG", "a declaration", b"<?xml version='1.0' encoding='UTF-8'?>" + svg()),
    row("SVG", "sizes", svg(more=" width='20px' height='10'")),
]


@pytest.mark.parametrize("body", PLAIN)
def test_a_plain_svg_is_a_picture(body: bytes) -> None:
    picture = read_picture(body)
    assert (picture.media, picture.width / picture.height) == (SVG, 2)


BOMB = "<!DOCTYPE svg [<!ENTITY a '&#38;a;&#38;a;'>]>"
REFUSED = [
    row("A68", "a script", svg("<script>alert(1)</script>"), "holds <script>"),
    row("A68", "a handler", svg(more=" onload='alert(1)'"), "attribute onload"),
    row("A68", "HTML", svg("<foreignObject/>"), "holds <foreignObject>"),
    row(
        "A68", "another namespace", svg("<script xmlns='http://www.w3.org/1999/xhtml'/>"), "script"
    ),
    row("A68", "a link", svg("<a href='https://evil.example'/>"), "holds <a>"),
    row("A68", "an animation", svg("<animate attributeName='href'/>"), "holds <animate>"),
    row("A51", "an image elsewhere", svg("<image href='//evil.example/x'/>"), "holds <image>"),
    row("A51", "a use elsewhere", svg("<use href='https://evil.example/x#a'/>"), "outside"),
    row("A51", "a style elsewhere", svg("<path style='fill:url(//evil.example)'/>"), "outside"),
    row("A51", "an import", svg("<style>@import '//evil.example'</style>"), "outside"),
    row("A51", "a hidden import", svg(r"<style>@\69mport '//evil.example'</style>"), "outside"),
    row("A51", "a style by its maker", b"<?xml-stylesheet href='x'?>" + svg(), "processing"),
    row("A61", "entities", BOMB.encode() + svg("&a;"), "DOCTYPE"),
    row("A61", "uses in uses", svg("<g id='a'><use href='#b'/></g>"), "used itself"),
    row("A61", "too deep", svg("<g>" * 40 + "</g>" * 40), "too many"),
    row("A61", "too many shapes", svg("<g/>" * 2001), "more than 2000"),
    row("A61", "no size", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no viewBox"),
    row("A61", "too wide", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 1025, 1), "1025"),
    row("A68", "HTML that names an SVG", b"<!doctype html><svg>", "is no SVG"),
    row("A68", "other letters", svg().decode().encode("utf-16"), "no PNG"),
    row("A68", "a GIF", b"GIF89a", "no PNG"),
]


@pytest.mark.parametrize("body, why", REFUSED)
def test_what_is_more_than_a_picture_is_refused(body: bytes, why: str) -> None:
    assert MOST_PIXELS == 1024
    with pytest.raises(ValueError, match=why):
        read_picture(body)


def font(*, unpacked: int = 1000, length: int = 64) -> bytes:
    """The head of a WOFF 2 file."""
    return (b"wOF2" + struct.pack(">IIHHI", 1, length, 1, 0, unpacked)).ljust(64, b"\0")


@pytest.mark.parametrize("body", [font(unpacked=9 << 20), font(length=65), b"OTTO" + bytes(60)])
def test_what_is_no_font_is_refused(body: bytes) -> None:
    assert read_font(font()) == font()
    with pytest.raises(ValueError, match="font"):
        read_font(body)
