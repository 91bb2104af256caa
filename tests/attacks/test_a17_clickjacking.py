"""A17: clickjacking (RFC 9700 4.16).

Attack: A malicious page shows the consent page in a frame, and the user clicks without knowing.
Defense: No page can be framed, and no page runs a script from elsewhere.
"""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser as Chromium
from tests.attacks.conftest import CHROMIUM
from tests.attacks.play import AS_WEB, STEFAPP, asking, change, every_page, find
from tests.browser import Asking
from tests.installation import PASSWORDS
from tests.live import Live
from tests.rows import row

from valetkey.server.model.client import Client

STEFAPP_URIS = (
    "http://127.0.0.1/callback",
    "http://[::1]/callback",
    "com.example.stefapp:/callback",
)
POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'"],
    "connect-src": ["'self'"],
    "font-src": ["'self'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
}
"""What every page may do, beside where its forms lead."""

BACK = {
    "sign-in for an app": ["http://127.0.0.1:49152"],
    "sign-in for an app again": ["http://127.0.0.1:49152"],
    "consent": ["http://127.0.0.1:49152"],
    "as whom": ["https://web.example"],
}
"""The app that waits, on the pages whose forms lead back to it."""


def test_every_page_refuses_to_be_framed(server: Live) -> None:
    for name, page in every_page(server).items():
        assert page.headers["content-type"] == "text/html; charset=utf-8", name
        assert page.headers["x-frame-options"] == "DENY", name
        assert page.headers["x-content-type-options"] == "nosniff", name
        assert page.headers["cross-origin-opener-policy"] == "same-origin", name
        policy = _policy(page.headers["content-security-policy"])
        assert policy == {**POLICY, "form-action": ["'self'", *BACK.get(name, [])]}, name


def _policy(header: str) -> dict[str, list[str]]:
    directives = [part.split() for part in header.split(";")]
    assert len({one[0] for one in directives}) == len(directives)
    return {one[0]: one[1:] for one in directives}


WAYS_BACK = [
    row("CSP 2.3", "https", AS_WEB, "https://web.example"),
    row("CSP 2.3", "loopback", STEFAPP, "http://127.0.0.1:49152"),
    row("CSP 2.3", "version 6", asking(redirect_uri="http://[::1]:49152/callback"), "http:"),
    row(
        "CSP 2.3",
        "a private scheme",
        asking(redirect_uri="com.example.stefapp:/callback"),
        "com.example.stefapp:",
    ),
]


@pytest.mark.parametrize("base, source", WAYS_BACK)
def test_the_forms_may_lead_to_the_app_and_nowhere_else(
    base: Asking, source: str, server: Live
) -> None:
    """Browsers hold the redirect after a form to the policy of the page that the form was on."""
    change(server, find(server, Client, "stefapp"), redirect_uris=STEFAPP_URIS)
    browser = server.browser()
    pages = [
        browser.open(asking(base, prompt="consent").path()),
        browser.press("sign-in", username="miko", password="not it"),
        browser.sign_in(),
    ]
    assert 'id="allow"' in browser.page.text
    for page in pages:
        policy = _policy(page.headers["content-security-policy"])
        assert policy["form-action"] == ["'self'", source]
    browser.open("/apps")
    assert _policy(browser.page.headers["content-security-policy"])["form-action"] == ["'self'"]


class App(ThreadingHTTPServer):
    """An app that waits for its answer, on either loopback address."""

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)


class Arrived(BaseHTTPRequestHandler):
    """What the app says to whoever arrives."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_a_browser_follows_the_way_back(host: str, server: Live, chromium: Chromium) -> None:
    change(server, find(server, Client, "stefapp"), redirect_uris=STEFAPP_URIS)
    try:
        app = App((host.strip("[]"), 0), Arrived)
    except OSError:
        pytest.skip(f"nothing can listen on {host} here")
    threading.Thread(target=app.serve_forever, daemon=True).start()
    with app:
        back = f"http://{host}:{app.server_port}/callback"
        page = chromium.new_page()
        page.goto(server.url + asking(redirect_uri=back).path())
        for password in ("not it", PASSWORDS["miko"]):
            page.fill("#username", "miko")
            page.fill("#password", password)
            page.click("#sign-in")
            page.wait_for_selector("#problem" if password == "not it" else "#allow")
        page.click("#allow")
        page.wait_for_url(f"{back}?code=*")
        page.close()
        app.shutdown()
