"""A87: large and slow requests.

Attack: A caller sends a request that is too large, too deep or too slow.
Defense: The server refuses it early, and changes nothing.
"""

import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest
from tests.attacks.play import STEFAPP, asking, every, introspected, signed_in, userinfo
from tests.installation import SECRETS
from tests.live import Live
from tests.rows import row

from valetkey.jose import base64url
from valetkey.server.http import file_limit
from valetkey.server.http import request as reading
from valetkey.server.http.fast.protocol import MAX_HEAD
from valetkey.server.http.front import MAX_HEADERS, MAX_PATH
from valetkey.server.model.pending import Pending
from valetkey.wire.form import MAX_BYTES, MAX_PARAMETERS

FORM = {"content-type": "application/x-www-form-urlencoded"}
TAKERS = ("/token", "/par", "/introspect", "/revoke", "/authorize", "/sign-in", "/userinfo")


@pytest.mark.parametrize("path", [*TAKERS, "/apps/x", "/nowhere"])
def test_a_body_that_is_too_large(path: str, server: Live) -> None:
    exact = b"x=" + b"a" * (MAX_BYTES - 2)
    assert server.http.post(path, content=exact, headers=FORM).status_code != 413
    answer = server.http.post(path, content=exact + b"a", headers=FORM)
    assert answer.status_code == 413
    assert "location" not in answer.headers


@pytest.mark.parametrize("path", [*TAKERS, "/nowhere"])
def test_a_body_that_grows_beyond_its_bounds(path: str, server: Live) -> None:
    """Sent in pieces, without saying how long it will be."""

    def pieces() -> Iterator[bytes]:
        yield b"x="
        for _ in range(70):
            yield b"a" * 1024

    assert server.http.post(path, content=pieces(), headers=FORM).status_code == 413


def test_a_body_that_never_ends_is_not_awaited(server: Live) -> None:
    """The answer comes while the sender still sends."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        line.sendall(
            b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + b"a" * 70_000
        )
        assert b" 413 " in line.recv(4096).partition(b"\r\n")[0]


@pytest.mark.parametrize("path", [*TAKERS, "/apps", "/jwks", "/static/key.svg", "/nowhere"])
def test_headers_that_are_too_large(path: str, server: Live) -> None:
    for headers in (
        {"x-long": "a" * MAX_HEADERS},
        {f"x-{number}": "a" * 100 for number in range(200)},
        {"cookie": "a=b;" * 5000},
        {"authorization": "Bearer " + "a" * MAX_HEADERS},
    ):
        answer = server.http.get(path, headers=headers)
        assert answer.status_code == 431
        assert answer.json()["error"] == "invalid_request"
    assert server.http.get(path, headers={"x-long": "a" * 12_000}).status_code != 431


@pytest.mark.parametrize("path", ["/", "/apps/", "/continue/", "/static/", "/token/"])
def test_a_path_that_is_too_long(path: str, server: Live) -> None:
    assert server.http.get(path + "a" * MAX_PATH).status_code == 414
    assert server.http.get(path + "%41" * MAX_PATH).status_code == 414
    assert server.http.get(path + "a" * (MAX_PATH - len(path))).status_code != 414


@pytest.mark.parametrize("path", ["/token", "/par", "/introspect", "/revoke"])
def test_too_many_parameters(path: str, server: Live) -> None:
    many = [(f"x{number}", "y") for number in range(MAX_PARAMETERS + 1)]
    answer = server.http.post(path, content=urlencode(many).encode(), headers=FORM)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert answer.json()["error_description"] == "too many parameters"


def test_too_many_parameters_at_the_authorization_endpoint(server: Live) -> None:
    many = [*STEFAPP.parameters().items(), *((f"x{number}", "y") for number in range(100))]
    assert server.http.get(f"/authorize?{urlencode(many)}").status_code == 400
    resources = [("resource", "https://chirp.example")] * MAX_PARAMETERS
    assert server.http.get(f"/authorize?{urlencode(resources)}").status_code == 400
    assert _got(server, "&" * 60_000)[0] == 400


def test_a_query_that_is_too_large(server: Live) -> None:
    """RFC 9112 3: an address that is too long has a status of its own, wherever it leads."""
    asked = urlencode(STEFAPP.parameters())
    for more in ("&x=" + "a" * MAX_BYTES, "&" * MAX_BYTES):
        for path in ("/authorize", "/sign-in", "/userinfo", "/jwks", "/nowhere"):
            status, headers = _got(server, asked + more, path)
            assert status == 414, path
            assert "location" not in headers
    assert _got(server, asked + "&x=" + "a" * 60_000)[0] == 303
    _refused(_told(server, b"GET /sign-in?" + b"a" * MAX_HEAD), 414)


def _got(server: Live, query: str, path: str = "/authorize") -> tuple[int, set[str]]:
    """By a client that sends addresses of any length."""
    line = HTTPConnection("127.0.0.1", server.port, timeout=30)
    line.request("GET", f"{path}?{query}")
    answer = line.getresponse()
    answer.read()
    line.close()
    return answer.status, {name.lower() for name, _ in answer.getheaders()}


DEEP = [
    row("A87", "arrays in the header", "[" * 11_000, "header"),
    row("A87", "objects in the header", '{"a":' * 2_200, "header"),
    row("A87", "arrays in the claims", '{"a":' + "[" * 5_000 + "]" * 5_000 + "}", "claims"),
    row("A87", "a number without end", '{"alg":' + "9" * 12_000 + "}", "header"),
    row("A87", "a string without end", '{"alg":"' + "a" * 12_000 + '"}', "header"),
    row("A87", "many members", json.dumps({f"m{n}": n for n in range(900)}), "header"),
]


@pytest.mark.parametrize("text, where", DEEP)
def test_a_token_that_is_deep(text: str, where: str, server: Live) -> None:
    part = base64url.encode(text.encode())
    header = base64url.encode(b'{"alg":"ES256","typ":"at+jwt"}')
    token = f"{part}.e30.AAAA" if where == "header" else f"{header}.{part}.AAAA"
    answer = userinfo(server, token)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert introspected(server, token) == {"active": False}
    data = {"token": token, "client_id": "stefapp"}
    assert server.http.post("/revoke", data=data).status_code == 200


def test_what_was_refused_left_nothing_behind(server: Live) -> None:
    before = every(server, Pending)
    long = asking(STEFAPP, unknown="x" * MAX_BYTES).parameters()
    assert server.http.post("/par", data=long).status_code == 413
    assert server.http.post("/authorize", data=long).status_code == 413
    assert every(server, Pending) == before
    assert server.http.post("/par", data=STEFAPP.parameters()).status_code == 201
    assert signed_in(server).open("/apps").status_code == 200
    secret = SECRETS["chirp"]
    assert server.http.post("/introspect", data={"token": "x"}, auth=("chirp", secret)).is_success


@pytest.mark.parametrize("path", ["/token", "/par", "/introspect", "/authorize", "/sign-in"])
def test_a_body_that_does_not_come_is_not_awaited(
    path: str, server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller that sends a byte now and then holds nothing up for long."""
    monkeypatch.setattr(reading, "REQUEST_SECONDS", 0.3)
    said = _told(
        server,
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\nx=".encode(),
    )
    _refused(said, 408)


BEGUN = [
    row("A87", "a letter", b"G"),
    row("A87", "the first line", b"POST /token HTTP/1.1\r\n"),
    row("A87", "a header without end", b"GET /sign-in HTTP/1.1\r\nHost: x\r\nX: aaa"),
    row("A87", "headers without end", b"POST /token HTTP/1.1\r\n" + b"X: a\r\n" * 50),
]


@pytest.mark.parametrize("begun", BEGUN)
def test_a_head_that_does_not_come_is_not_awaited(
    begun: bytes, server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "REQUEST_SECONDS", 0.3)
    _refused(_told(server, begun), 408)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " in line.recv(4096)
        line.sendall(begun)
        _refused(_heard(line), 408)


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
def test_a_caller_that_asks_nothing_is_not_kept(
    sent: bytes, server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "REQUEST_SECONDS", 0.3)
    assert _told(server, sent) == b""


def test_a_head_that_grows_beyond_all_bounds(server: Live) -> None:
    """It is cut off while it is still sent: no more of it is kept."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        line.sendall(b"GET /sign-in HTTP/1.1\r\nHost: x\r\nX: ")
        with pytest.raises(ConnectionError):
            line.sendall(b"a" * 16_000_000)


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"GET / HTTQ/1.1\r\n\r\n"]
)
def test_what_is_no_request_is_refused_like_any_other(noise: bytes, server: Live) -> None:
    _refused(_told(server, noise), 400)


def test_a_server_without_a_file_left_is_not_ready(
    server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.http.get("/readyz").status_code == 200
    monkeypatch.setattr(file_limit, "room", lambda: False)
    answer = server.http.get("/readyz")
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert server.http.get("/healthz").status_code == 200


def _told(server: Live, sent: bytes) -> bytes:
    """All that the server says until it closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        line.sendall(sent)
        return _heard(line)


def _heard(line: socket.socket) -> bytes:
    said = b""
    while piece := line.recv(4096):
        said += piece
    return said


def _refused(said: bytes, status: int) -> None:
    head, _, body = said.partition(b"\r\n\r\n")
    assert f" {status} ".encode() in head.partition(b"\r\n")[0]
    assert b"cache-control: no-store" in head.lower()
    assert b"connection: close" in head.lower()
    if b"application/json" in head:
        assert json.loads(body)["error"] == "invalid_request"
