"""The fast path of a connection differs from the ordinary one only in how much work it takes: bytes
in, bytes out, at a server that runs."""

import re
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from tests.installation import SECRETS
from tests.live import Live, live

from valetkey.server.http import request as reading
from valetkey.server.http.fast.cycle import encode_head
from valetkey.server.http.fast.protocol import MAX_HEAD
from valetkey.wire.form import MAX_BYTES


@pytest.fixture(scope="module", params=[True, False], ids=["fast", "ordinary"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """A server with the fast path on, and one with it off: every test here holds for both."""
    with live(tmp_path_factory.mktemp("wire"), fast=request.param) as running:
        yield running


def talk(server: Live, *pieces: bytes) -> bytes:
    """All that comes back until the server closes the connection; a request for that is added."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as wire:
        with suppress(ConnectionError):
            for piece in (*pieces, get("/nothing-here", "Connection: close")):
                wire.sendall(piece)
        return rest(wire)


def rest(wire: socket.socket) -> bytes:
    """What was answered. A server that has closed resets what is still sent to it."""
    seen = b""
    with suppress(ConnectionResetError):
        while more := wire.recv(65536):
            seen += more
    return seen


def statuses(answers: bytes) -> list[int]:
    parts = answers.split(b"HTTP/1.1 ")[1:]
    return [int(part[:3]) for part in parts]


def get(path: str, *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: x", *headers, "", "")).encode()


def post(path: str, body: str, *headers: str) -> bytes:
    length = f"Content-Length: {len(body)}"
    kind = "Content-Type: application/x-www-form-urlencoded"
    return get(path, kind, length, *headers, method="POST") + body.encode()


MACHINE = "grant_type=client_credentials"
BASIC = "Authorization: Basic " + b64encode(f"machine:{SECRETS['machine']}".encode()).decode()
TOKEN = post("/token", MACHINE, BASIC)
JWKS = get("/jwks")
PAGE = get("/sign-in")
CHUNKED = get(
    "/token",
    BASIC,
    "Content-Type: application/x-www-form-urlencoded",
    "Transfer-Encoding: chunked",
    method="POST",
)


def chunks(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in (*pieces, b""))


def talks(what: str, *, sent: tuple[bytes, ...], back: tuple[int, ...]) -> Any:
    """What is sent, and the statuses that come back, in this order."""
    return pytest.param(sent, back, id=what)


TALKS = (
    talks("one after the other", sent=(JWKS, JWKS), back=(200, 200)),
    talks("all at once, the slow one first", sent=(TOKEN + JWKS + TOKEN,), back=(200, 200, 200)),
    talks("pages among them", sent=(TOKEN + PAGE + JWKS + PAGE,), back=(200, 200, 200, 200)),
    talks("a page first", sent=(PAGE + TOKEN,), back=(200, 200)),
    talks("byte by byte", sent=tuple(bytes([one]) for one in TOKEN), back=(200,)),
    talks(
        "a body in chunks",
        sent=(CHUNKED, chunks(MACHINE[:9].encode(), MACHINE[9:].encode())),
        back=(200,),
    ),
    talks(
        "a body byte by byte",
        sent=(CHUNKED + chunks(*(bytes([one]) for one in MACHINE.encode())) + JWKS,),
        back=(200, 200),
    ),
    talks(
        "a body that is too large",
        sent=(post("/token", "a" * (MAX_BYTES + 1)), JWKS),
        back=(413, 200),
    ),
    talks(
        "chunks that are too large",
        sent=(CHUNKED, chunks(*[b"a" * 8192] * 9), JWKS),
        back=(413, 200),
    ),
    talks("a method that is not taken", sent=(get("/jwks", method="PUT"), JWKS), back=(405, 200)),
    talks("the head alone", sent=(get("/jwks", method="HEAD"), JWKS), back=(200, 200)),
    talks(
        "who waits to be let on",
        sent=(
            get(
                "/token",
                "Expect: 100-continue",
                BASIC,
                "Content-Type: application/x-www-form-urlencoded",
                f"Content-Length: {len(MACHINE)}",
                method="POST",
            ),
            MACHINE.encode(),
        ),
        back=(100, 200),
    ),
    talks("a path in another spelling", sent=(get("/%6awks"),), back=(200,)),
    talks(
        "headers that are too large",
        sent=(get("/jwks", f"X: {'a' * 17000}"), JWKS),
        back=(431, 200),
    ),
)


@pytest.mark.parametrize("sent, back", TALKS)
def test_what_comes_back(sent: tuple[bytes, ...], back: tuple[int, ...], server: Live) -> None:
    assert statuses(talk(server, *sent)) == [*back, 404]


HOSTS = [
    pytest.param(b"", 400, id="none"),
    pytest.param(b"Host: a\r\nHost: b\r\n", 400, id="two"),
    pytest.param(b"Host: a\r\nhost: a\r\n", 400, id="one twice"),
    pytest.param(b"Host:\r\n", 200, id="an empty one"),
]


@pytest.mark.parametrize("path", [b"/jwks", b"/%6awks", b"/sign-in"])
@pytest.mark.parametrize("lines, status", HOSTS)
def test_a_request_names_one_host(path: bytes, lines: bytes, status: int, server: Live) -> None:
    """RFC 9112 3.2. What it names decides nothing: the issuer is in the settings."""
    sent = b"GET %b HTTP/1.1\r\n%b\r\n" % (path, lines)
    assert statuses(talk(server, sent)) == [status, 404]


def test_whoever_wants_to_close_is_closed(server: Live) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as wire:
        wire.sendall(get("/jwks", "Connection: close"))
        seen = rest(wire)
    assert statuses(seen) == [200]
    assert b"connection: close" in seen.lower()


@pytest.mark.parametrize("line", [b"", b"Connection: keep-alive\r\n"])
def test_the_old_protocol(line: bytes, server: Live) -> None:
    """It names no host."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as wire:
        wire.sendall(b"GET /jwks HTTP/1.0\r\n%b\r\n" % line)
        assert statuses(rest(wire)) == [200]


def test_both_paths_write_the_same_headers(server: Live) -> None:
    fast, _, rest = talk(server, JWKS).partition(b"\r\n\r\n")
    ordinary, _, _ = talk(server, get("/%6awks")).partition(b"\r\n\r\n")
    assert without_id(fast) == without_id(ordinary)
    assert b'"keys"' in rest


def without_id(head: bytes) -> list[bytes]:
    """The headers of an answer, without the values of those that differ in each."""
    lines = sorted(head.lower().split(b"\r\n")[1:])
    return [re.sub(rb"^(date|request-id):.*", rb"\1", line) for line in lines]


@pytest.mark.parametrize("path", ["/jwks", "/%6awks", "/sign-in", "/nowhere"])
def test_the_head_alone_tells_the_length_of_the_whole(path: str, server: Live) -> None:
    whole, _, body = talk(server, get(path)).partition(b"\r\n\r\n")
    alone, _, rest = talk(server, get(path, method="HEAD")).partition(b"\r\n\r\n")
    assert lengths(alone) == lengths(whole) == [len(body.partition(b"HTTP/1.1 404")[0])]
    assert rest.startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize("path", ["/token", "/%74oken"])
def test_what_has_no_body_has_no_length(path: str, server: Live) -> None:
    """RFC 9110 8.6: not even that of an empty one."""
    head, _, rest = talk(server, get(path, method="OPTIONS")).partition(b"\r\n\r\n")
    assert statuses(head) == [204]
    assert lengths(head) == []
    assert rest.startswith(b"HTTP/1.1 404")


def lengths(head: bytes) -> list[int]:
    fields = (line.partition(b": ") for line in head.lower().split(b"\r\n")[1:])
    return [int(value) for name, _, value in fields if name == b"content-length"]


def asked(wire: socket.socket, request: bytes) -> list[int]:
    wire.sendall(request)
    seen = b""
    while not (end := seen.find(b"\r\n\r\n") + 1) or len(seen) < end + 3 + sum(lengths(seen[:end])):
        seen += wire.recv(65536)
    return statuses(seen)


def test_what_was_answered_counts_for_no_request_that_follows(
    server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its bytes nor the time since: both are limits of one request."""
    monkeypatch.setattr(reading, "REQUEST_SECONDS", 3.0)
    large = post("/token", f"{MACHINE}&x={'a' * (MAX_BYTES // 2)}", BASIC)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as wire:
        for _ in range(2 * MAX_HEAD // MAX_BYTES + 1):
            assert asked(wire, large) == [200]
        time.sleep(3.5)
        assert asked(wire, JWKS) == [200]
        wire.sendall(b"\r\n")
        # What may become a request has to.
        assert statuses(wire.recv(65536)) == [408]


def test_whoever_hangs_up_harms_nobody(server: Live) -> None:
    for piece in (TOKEN, TOKEN[:-9], TOKEN * 30):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as wire:
            wire.sendall(piece)
    assert statuses(talk(server, TOKEN)) == [200, 404]


@pytest.mark.parametrize(
    "name, value",
    [(b"x\r\ny", b"z"), (b"x", b"a\r\nset-cookie: b"), (b"x:", b"y"), (b"X", b"y"), (b"x", b"\0")],
)
def test_no_header_holds_another(name: bytes, value: bytes) -> None:
    with pytest.raises(ValueError, match="not a header"):
        encode_head(200, ((name, value),))


ANSWERED: list[Any] = [
    pytest.param(TOKEN, id="a token"),
    pytest.param(JWKS, id="a document"),
    pytest.param(PAGE, id="a page"),
    pytest.param(get("/sign-out"), id="a redirect"),
    pytest.param(get("/nowhere"), id="an error page"),
    pytest.param(get("/static/valetkey.css"), id="a file"),
    pytest.param(get("/token", method="PUT"), id="a method that is not taken"),
    pytest.param(post("/token", "grant_type=none", BASIC), id="a refusal"),
    pytest.param(get("/changes"), id="a stream that is refused"),
    pytest.param(get("/admin/v1/users"), id="administration"),
    pytest.param(get("/token", method="OPTIONS"), id="nothing in it"),
    pytest.param(b"GET /jwks HTTP/1.1\r\n\r\n", id="no host"),
    pytest.param(b"NOT HTTP\r\n\r\n", id="no request"),
]


@pytest.mark.parametrize("sent", ANSWERED)
def test_every_answer_has_an_id_of_its_own(sent: bytes, server: Live) -> None:
    """One, and never the one that a caller sends, which may be long or another request's."""
    own = b"Request-Id: mine\r\nX-Request-Id: mine\r\n\r\n"
    ids = [request_ids(talk(server, one))[0] for one in (sent, sent.replace(b"\r\n\r\n", own, 1))]
    assert all(re.fullmatch(rb"[0-9a-f]{24}", one) for one in ids)
    assert len(set(ids)) == 2


def request_ids(answers: bytes) -> list[bytes]:
    """The ids of the answers, one in each."""
    heads = [part.partition(b"\r\n\r\n")[0] for part in answers.split(b"HTTP/1.1 ")[1:]]
    named = [re.findall(rb"(?im)^request-id: (.*?)\r?$", head) for head in heads]
    assert [len(one) for one in named] == [1] * len(heads)
    return [one[0] for one in named]


def test_the_log_the_page_and_the_error_have_the_id_of_the_answer(
    server: Live, caplog: pytest.LogCaptureFixture
) -> None:
    """So what somebody reads out to support is found."""
    with caplog.at_level("INFO", logger="valetkey.server"):
        page = talk(server, get("/nowhere"))
        refusal = talk(server, post("/token", "grant_type=none", BASIC))
    logged = {one.details.get("request_id") for one in caplog.records if hasattr(one, "details")}
    shown, refused = (request_ids(one)[0].decode() for one in (page, refusal))
    assert {shown, refused} <= logged
    assert f"<dd>{shown}</dd>".encode() in page
