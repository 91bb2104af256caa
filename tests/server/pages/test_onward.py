"""What follows a form and leads to another server: a page in a browser, else a redirect."""

from collections.abc import Iterator

import pytest
from tests.attacks.play import AS_POST, AS_WEB, asking, change, find, tokens
from tests.browser import Asking
from tests.live import Live, live
from tests.rows import row

from valetkey.server.model.client import Client

WINDOW = {
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
    "sec-fetch-site": "same-origin",
}
OWN_SCHEME = asking(redirect_uri="com.example.stefapp:/callback")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("live"), unthrottled=("127.0.0.1",)) as server:
        yield server


@pytest.mark.parametrize(
    "headers, base, status",
    [
        row("CSP 6.5.1", "a browser", WINDOW, AS_WEB, 200),
        row("CSP 6.5.1", "an HTTP client", {}, AS_WEB, 303),
        row("CSP 6.5.1", "a frame", WINDOW | {"sec-fetch-dest": "iframe"}, AS_WEB, 303),
        row("CSP 6.5.1", "a script", WINDOW | {"sec-fetch-mode": "cors"}, AS_WEB, 303),
        row("8252 7.1", "an app's own scheme", WINDOW, OWN_SCHEME, 303),
    ],
)
def test_consent_ends_at_the_app(
    headers: dict[str, str], base: Asking, status: int, server: Live
) -> None:
    browser = server.browser(**headers)
    browser.open(asking(base, prompt="consent").path())
    browser.sign_in()
    browser.page = page = browser.press("allow")
    assert page.status_code == status
    if status == 303:
        assert "refresh" not in page.headers
        assert browser.answer()["code"]
        return
    assert "location" not in page.headers
    seconds, _, there = page.headers["refresh"].partition(";url=")
    assert seconds == "0"
    assert there.startswith(f"{AS_WEB.redirect_uri}?code=")
    assert f'id="onward" href="{there.replace("&", "&amp;")}"' in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"


def test_a_request_of_an_app_keeps_its_redirect(server: Live) -> None:
    browser = server.browser(**(WINDOW | {"sec-fetch-site": "cross-site"}))
    browser.open(asking(AS_WEB, prompt="none").path())
    assert browser.page.status_code == 303
    assert browser.answer()["error"] == "login_required"


def test_sign_out_keeps_its_cookies(server: Live) -> None:
    """The page that leads on deletes the session, as the redirect did."""
    back = "https://web.example/bye"
    change(server, find(server, Client, "web"), post_logout_redirect_uris=(back,))
    hint = tokens(server, AS_WEB)["id_token"]
    browser = server.browser(**WINDOW)
    browser.open("/sign-in")
    browser.sign_in()
    browser.open(f"/logout?id_token_hint={hint}&post_logout_redirect_uri={back}")
    page = browser.send("sign-out")
    assert page.headers["refresh"] == f"0;url={back}"
    cookies = [one for one in page.headers.get_list("set-cookie") if "vk_session" in one]
    assert "Max-Age=0" in cookies[0]


def test_an_app_that_nobody_verified_gets_errors_by_a_click_alone(server: Live) -> None:
    """RFC 9700 4.11.2: the page that leads on is no way around the one that asks."""
    browser = server.browser(**WINDOW)
    page = browser.open(asking(AS_POST, prompt="none").path())
    assert page.status_code >= 400
    assert "refresh" not in page.headers
