"""The loopback redirect: one answer, on one path, to the browser that was sent."""

import re
import socket
import threading
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

import httpx2
import pytest
from tests.rows import row

from valetkey.client import Aborted, Loopback


def port(loopback: Loopback) -> int:
    return int(loopback.redirect_uri.split(":")[2].split("/")[0])


def test_the_answer_arrives_and_the_browser_is_told() -> None:
    with Loopback("/callback") as loopback:
        page = httpx2.get(f"{loopback.redirect_uri}?code=a%20code&state=s")
        assert loopback.wait(5) == "code=a%20code&state=s"
    assert page.status_code == 200
    assert "close this window" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "python" not in page.headers["server"].lower()


def test_the_page_looks_like_the_servers_and_loads_nothing() -> None:
    with Loopback("/callback") as loopback:
        page = httpx2.get(f"{loopback.redirect_uri}?code=c&state=s")
    assert "<h1>You&rsquo;re connected</h1>" in page.text
    (style,) = re.findall("<style>(.*?)</style>", page.text, re.DOTALL)
    allowed = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{allowed}'" in page.headers["content-security-policy"]
    assert not re.findall(r"(?:src|href|url|@import|https?:)", page.text)
    sheet = (files("valetkey.server.pages") / "static" / "valetkey.css").read_text("utf-8")
    colors = {*re.findall(r"#[0-9a-f]{3,6}\b", style)}
    assert len(colors) > 8
    assert colors <= {*re.findall(r"#[0-9a-f]{3,6}\b", sheet)}


def test_what_is_not_the_answer_does_not_end_the_wait() -> None:
    """Any page in the browser can send one here: the user's own still counts."""
    with Loopback("/callback") as loopback:
        loopback.expect(lambda query: "state=true" in query)
        assert httpx2.get(f"{loopback.redirect_uri}?code=1&state=false").status_code == 404
        assert httpx2.get(f"{loopback.redirect_uri}?code=2&state=true").status_code == 200
        assert loopback.wait(5) == "code=2&state=true"


def test_only_the_first_answer_counts() -> None:
    with Loopback("/callback") as loopback:
        assert httpx2.get(f"{loopback.redirect_uri}?code=1").status_code == 200
        assert httpx2.get(f"{loopback.redirect_uri}?code=2").status_code == 404
        assert loopback.wait(5) == "code=1"


@pytest.mark.parametrize(
    "method,path,host,status",
    [
        row("8252 7.3", "another path", "GET", "/callback/?code=1", "", 404),
        row("8252 7.3", "a path above", "GET", "/?code=1", "", 404),
        row("8252 7.3", "what browsers ask for", "GET", "/favicon.ico", "", 404),
        row("8252 7.3", "a form", "POST", "/callback?code=1", "", 501),
        row("8252 7.3", "a look", "HEAD", "/callback?code=1", "", 501),
        row("8252 8.3", "another name", "GET", "/callback?code=1", "localhost", 404),
        row("8252 8.3", "a name of an attacker", "GET", "/callback?code=1", "evil.example", 404),
    ],
)
def test_what_is_no_answer(method: str, path: str, host: str, status: int) -> None:
    with Loopback("/callback") as loopback:
        there = f"127.0.0.1:{port(loopback)}"
        headers = {"Host": f"{host}:{port(loopback)}"} if host else {}
        response = httpx2.request(method, f"http://{there}{path}", headers=headers)
        assert response.status_code == status
        # It was none, so the true one still counts.
        httpx2.get(f"{loopback.redirect_uri}?code=true")
        assert loopback.wait(5) == "code=true"


def test_a_connection_that_says_nothing_keeps_nobody_waiting() -> None:
    """Browsers open some ahead of need."""
    with Loopback("/callback") as loopback:
        silent = [socket.create_connection(("127.0.0.1", port(loopback))) for _ in range(3)]
        answered = httpx2.get(f"{loopback.redirect_uri}?code=1", timeout=2)
        assert answered.status_code == 200
        assert loopback.wait(1) == "code=1"
        for one in silent:
            one.close()


def test_a_browser_that_does_not_wait_for_the_page() -> None:
    with Loopback("/callback") as loopback:
        with socket.create_connection(("127.0.0.1", port(loopback))) as hasty:
            host = f"Host: 127.0.0.1:{port(loopback)}"
            hasty.sendall(f"GET /callback?code=1 HTTP/1.1\r\n{host}\r\n\r\n".encode())
        assert loopback.wait(5) == "code=1"


def test_nobody_else_on_the_network_is_heard() -> None:
    with Loopback("/callback") as loopback:
        assert loopback.redirect_uri.startswith("http://127.0.0.1:")
        with socket.socket() as other:
            # Only a listener on every address would be in the way of this one.
            other.bind(("127.0.0.2", port(loopback)))


def test_two_sign_ins_at_once_have_an_address_each() -> None:
    with Loopback("/callback") as one, Loopback("/callback") as two:
        assert one.redirect_uri != two.redirect_uri


def test_nobody_answers() -> None:
    before = threading.active_count()
    with Loopback("/callback") as loopback, pytest.raises(Aborted, match="nobody answered"):
        loopback.wait(0.01)
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(loopback.redirect_uri)
    assert threading.active_count() == before
