"""The picture of an app: small, from our own address, and only of apps that were checked."""

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.attacks.play import change, find
from tests.live import Live, live
from tests.outside import Host, outside
from tests.rows import row

from valetkey.server.model.client import Client
from valetkey.server.model.picture import JPEG, MOST_PIXELS, PNG, read_raster


def png(width: int = 56, height: int = 56) -> bytes:
    """The beginning of a PNG, which is all that is looked at."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\x06"


def jpeg(width: int = 56, height: int = 56, marker: int = 0xC0) -> bytes:
    """A JPEG with a comment before its frame."""
    frame = struct.pack(">BBHBHH", 0xFF, marker, 17, 8, height, width)
    return b"\xff\xd8\xff\xfe\0\x05abc" + frame + b"\x03"


FILES = [
    row("A68", "a PNG", png(), "image/png"),
    row("A68", "a JPEG", jpeg(), "image/jpeg"),
    row("A68", "a progressive one", jpeg(marker=0xC2), "image/jpeg"),
    row("A68", "as large as may be", png(MOST_PIXELS, MOST_PIXELS), "image/png"),
    row("A61", "too wide", png(MOST_PIXELS + 1, 1), ""),
    row("A61", "too high", jpeg(1, 65535), ""),
    row("A61", "of no size", png(0, 56), ""),
    row("A61", "no size at all", png()[:20], ""),
    row("A61", "a JPEG without a frame", jpeg()[:9], ""),
    row("A61", "segments of no length", b"\xff\xd8\xff\xfe\0\0" * 9999, ""),
    row(
        "A68",
        "an SVG",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "",
    ),
    row("A68", "HTML", b"<!doctype html><script>alert(1)</script>", ""),
    row("A68", "a GIF", b"GIF89a\x01\0\x01\0", ""),
    row("A68", "nothing", b"", ""),
]


@pytest.mark.parametrize("body, media", FILES)
def test_a_picture_is_known_by_what_it_is(body: bytes, media: str) -> None:
    found = read_raster(body, (PNG, JPEG))
    assert (found.media if found else "") == media


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with outside(tmp_path_factory.mktemp("app"), name="localhost") as host:
        yield host


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, host: Host) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("logos")
    with live(folder, fetch_local=(host.place,), fetch_ca_file=host.ca) as running:
        yield running


def publishing(server: Live, host: Host, path: str, body: bytes, *, verified: bool = True) -> None:
    """The app says that its picture lies there."""
    uri = host.publish(path, body, content_type="text/html")
    change(server, find(server, Client, "web"), logo_uri=uri, verified=verified)


def test_it_is_fetched_once_and_is_nothing_but_a_picture(server: Live, host: Host) -> None:
    publishing(server, host, "/one.png", png())
    answers = [server.http.get("/logo?of=web") for _ in range(3)]
    assert {one.content for one in answers} == {png()}
    headers = answers[0].headers
    assert headers["content-type"] == "image/png"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert host.asked.count("/one.png") == 1


NONE = [
    row("A68", "what is no picture", "/evil.png", b"<script>alert(1)</script>", True),
    row("A51", "one without end", "/endless.png", png() + b"\0" * 70_000, True),
    row("A54", "of an app that nobody has checked", "/copied.png", png(), False),
]


@pytest.mark.parametrize("path, body, verified", NONE)
def test_in_its_place_comes_our_own(
    path: str, body: bytes, verified: bool, *, server: Live, host: Host
) -> None:
    publishing(server, host, path, body, verified=verified)
    answer = server.http.get("/logo?of=web")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.content == Path("src/valetkey/server/pages/static/key.svg").read_bytes()
    assert (path in host.asked) == verified


@pytest.mark.parametrize("name", ["", "nobody", "../../etc/passwd", "x" * 1500])
def test_of_nobody_there_is_none(name: str, server: Live) -> None:
    answer = server.http.get("/logo", params={"of": name})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
