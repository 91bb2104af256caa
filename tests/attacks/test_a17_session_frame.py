"""A17: clickjacking, and the session frame (OpenID Connect Session Management).

Attack: Another site frames the one page that may be framed, to learn about the session.
Defense: Only registered apps can frame this page, and it says only whether their session changed.
"""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page
from tests.attacks.conftest import CHROMIUM
from tests.attacks.play import STEFAPP, asking
from tests.installation import PASSWORDS
from tests.live import Live, live
from tests.rows import row

from valetkey.server.model.change import Create
from valetkey.server.model.client import Client
from valetkey.server.oauth.authorize.browser_session import browser_state, state_digest

FRAME = "/check-session"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder, on = tmp_path_factory.mktemp("watched"), ("session management",)
    with live(folder, unthrottled=("127.0.0.0/8",), enable=on) as server:
        yield server


ANCESTORS: list[Any] = [
    row("CSP 3 6.4.2", "an app's", "https://web.example/page", "https://web.example"),
    row("CSP 3 6.4.2", "any loopback port", "http://127.0.0.1:4711/", "http://127.0.0.1:4711"),
    row("6454 6.2", "an app's, its port said", "https://web.example:443/", "https://web.example"),
    row("6454 6.2", "an app's, in capitals", "https://WEB.example/", "https://web.example"),
    row("6454 6.2", "a port that is none", "https://web.example:99999/", "'none'"),
    row("CSP 3 6.4.2", "a stranger's", "https://evil.example/", "'none'"),
    row("CSP 3 6.4.2", "an app's, in the clear", "http://web.example/", "'none'"),
    row("CSP 3 6.4.2", "on another port", "https://web.example:444/", "'none'"),
    row("CSP 3 6.4.2", "a subdomain", "https://a.web.example/", "'none'"),
    row("CSP 3 6.4.2", "more directives", "https://web.example;script-src *", "'none'"),
    row("CSP 3 6.4.2", "a star", "https://*/", "'none'"),
    row("CSP 3 6.4.2", "no address", "https://[", "'none'"),
    row("CSP 3 6.4.2", "nobody", "", "'none'"),
]


@pytest.mark.parametrize("referrer,ancestors", ANCESTORS)
def test_whose_frame_it_may_stand_in(watched: Live, referrer: str, ancestors: str) -> None:
    answer = watched.http.get(FRAME, headers={"referer": referrer} if referrer else {})
    policy = answer.headers["content-security-policy"]
    assert policy == (
        "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors {ancestors}"
    )
    assert "x-frame-options" not in answer.headers
    assert "set-cookie" not in answer.headers


def test_an_app_that_comes_later_is_known_a_moment_later(watched: Live) -> None:
    """The origins are kept, so that not each frame reads every app; for a second at most."""
    assert _ancestors(watched, "https://late.example/") == "'none'"
    app = Client(
        id="late", name="Late", redirect_uris=("https://late.example/cb",), scope=("openid",)
    )
    watched.run(watched.store.commit([Create(app)]))
    until = time.monotonic() + 10
    while _ancestors(watched, "https://late.example/") != "https://late.example":
        assert time.monotonic() < until
        time.sleep(0.05)


def _ancestors(watched: Live, referrer: str) -> str:
    answer = watched.http.get(FRAME, headers={"referer": referrer})
    return str(answer.headers["content-security-policy"]).partition("frame-ancestors ")[2]


def test_no_other_page_may(watched: Live) -> None:
    for path in ("/sign-in", "/signed-out", STEFAPP.path()):
        answer = watched.http.get(path, headers={"referer": "https://web.example/"})
        policy = answer.headers.get("content-security-policy", "frame-ancestors 'none'")
        assert "frame-ancestors 'none'" in policy


def test_it_is_off_by_itself(server: Live) -> None:
    assert server.http.get(FRAME).status_code == 404
    assert "check_session_iframe" not in server.http.get("/.well-known/openid-configuration").json()
    browser = server.browser()
    browser.open(STEFAPP.path())
    browser.sign_in()
    assert "vk_state" not in str(list(browser.http.cookies.jar))
    assert "session_state" not in str(browser.press("allow").headers["location"])


def test_discovery_names_it(watched: Live) -> None:
    document = watched.http.get("/.well-known/openid-configuration").json()
    assert document["check_session_iframe"] == watched.issuer + FRAME


def test_what_the_browser_and_the_app_get(watched: Live) -> None:
    browser = watched.browser()
    browser.open(STEFAPP.path())
    browser.sign_in()
    location = urlsplit(str(browser.press("allow").headers["location"]))
    answer = {name: value for name, (value,) in parse_qs(location.query).items()}
    cookies = {one.name: str(one.value) for one in browser.http.cookies.jar}
    secret = cookies["vk_session"].partition(".")[2]
    assert cookies["vk_state"] == browser_state(secret)
    assert secret not in cookies["vk_state"] + answer["session_state"]
    assert cookies["vk_state"] not in answer["session_state"]
    salt = answer["session_state"].partition(".")[2]
    origin = f"{location.scheme}://{location.netloc}"
    again = state_digest("stefapp", origin, cookies["vk_state"], salt=salt)
    assert answer["session_state"] == again


class Page200(BaseHTTPRequestHandler):
    """An app's page that says nothing by itself."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


LOAD = """async (frame) => {
  window.element = document.createElement("iframe");
  const loaded = new Promise((done) => (window.element.onload = done));
  window.element.src = frame;
  document.body.append(window.element);
  await loaded;
}"""
ASK = """async (message) => {
  const said = new Promise((done) => {
    addEventListener("message", (event) => done(event.data), { once: true });
  });
  window.element.contentWindow.postMessage(message, "*");
  return await said;
}"""


def _sign_in(page: Page, who: str) -> None:
    page.fill("#username", who)
    page.fill("#password", PASSWORDS[who])
    page.click("#sign-in")


@pytest.mark.browser
@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Chromium is not installed")
def test_an_apps_page_watches(watched: Live, chromium: Chromium) -> None:
    app = ThreadingHTTPServer(("127.0.0.1", 0), Page200)
    threading.Thread(target=app.serve_forever, daemon=True).start()
    context = chromium.new_context()
    with app:
        origin, frame = f"http://127.0.0.1:{app.server_port}", watched.url + FRAME
        page, other = context.new_page(), context.new_page()
        page.goto(watched.url + asking(redirect_uri=f"{origin}/callback").path())
        _sign_in(page, "miko")
        page.click("#allow")
        page.wait_for_url(f"{origin}/callback?code=*")
        (state,) = parse_qs(urlsplit(page.url).query)["session_state"]

        def says(message: Any) -> str:
            page.evaluate(LOAD, frame)
            assert page.frames[-1].url == frame
            return str(page.evaluate(ASK, message))

        assert says(f"stefapp {state}") == "unchanged"
        assert says(f"web {state}") == "changed"
        for bad in ("", state, "stefapp ", f"stefapp {state} x", "stefapp a.b", {"a": 1}, None):
            assert says(bad) == "error", bad
        other.goto(f"{watched.url}/sign-out")
        other.click("#sign-out")
        other.wait_for_url("**/signed-out")
        assert says(f"stefapp {state}") == "changed"
        other.goto(f"{watched.url}/sign-in")
        _sign_in(other, "noor")
        other.wait_for_url("**/apps")
        assert says(f"stefapp {state}") == "changed"
        # A page on no app's origin gets no frame, so no answer either.
        page.goto(f"http://localhost:{app.server_port}/")
        page.evaluate(LOAD, frame)
        assert page.frames[-1].url != frame
        context.close()
        app.shutdown()
