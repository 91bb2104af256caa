"""A66: another user on a shared browser.

Attack: The next person at a browser continues the previous session, or somebody signs a user out.
Defense: No part of a session remains after sign-out, and only the user can sign out.
"""

import time

import pytest
from tests.attacks.play import STEFAPP, change, cookie, every, find, signed_in
from tests.browser import Browser
from tests.live import Live
from tests.rows import row

from valetkey.server.model.user import Session


def _session(server: Live, browser: Browser) -> Session:
    return find(server, Session, cookie(browser).partition(".")[0])


def test_signing_out_ends_the_session_itself(server: Live) -> None:
    browser = signed_in(server)
    whole = cookie(browser)
    browser.open("/sign-out")
    assert browser.press("sign-out").url.path == "/signed-out"
    assert cookie(browser) == ""
    answer = server.http.get("/apps", headers={"cookie": f"vk_session={whole}"})
    assert answer.status_code == 303
    assert whole.partition(".")[0] not in [one.id for one in every(server, Session)]


def test_a_copied_cookie_is_worth_nothing_after_it(server: Live) -> None:
    browser, copy = signed_in(server), server.browser()
    for name in ("vk_session", "vk_browser"):
        copy.http.cookies.set(name, cookie(browser, name), domain="127.0.0.1", path="/")
    assert copy.open("/apps").url.path == "/apps"
    browser.open("/sign-out")
    browser.press("sign-out")
    assert copy.open("/apps").url.path == "/sign-in"


def test_the_next_user_of_the_browser_sees_nothing_of_the_one_before(server: Live) -> None:
    browser = server.browser()
    browser.open(STEFAPP.path())
    browser.sign_in()
    browser.press("allow")
    browser.open("/apps")
    grant = next(part for part in browser.page.text.split('"') if part.startswith("/apps/"))
    browser.open("/sign-out")
    browser.press("sign-out")
    browser.open("/sign-in")
    browser.sign_in("noor")
    assert "Miko" not in browser.page.text
    assert browser.open(grant).status_code == 404


def test_a_session_that_is_over_loses_its_cookie_too(server: Live) -> None:
    browser = signed_in(server)
    browser.open("/sign-out")
    change(server, _session(server, browser), expires=int(time.time()))
    assert browser.press("sign-out").url.path == "/signed-out"
    assert cookie(browser) == ""


FORGED = [
    row("A66", "with the cookies, without a token", True, {}),
    row("A66", "with the cookies and a made-up token", True, {"csrf": "A" * 43}),
    row("A66", "as browsers send another site's form: without cookies", False, {}),
    row("A66", "without cookies, with a made-up token", False, {"csrf": "A" * 43}),
]


@pytest.mark.parametrize("path", ["/sign-out", "/continue/{}/switch"])
@pytest.mark.parametrize("with_cookies, form", FORGED)
def test_another_sites_form_signs_nobody_out(
    with_cookies: bool, form: dict[str, str], path: str, server: Live
) -> None:
    browser = signed_in(server)
    browser.open(STEFAPP.path())
    path = path.format(browser.page.url.path.rpartition("/")[2])
    http = browser.http if with_cookies else server.browser().http
    answer = http.post(path, data=form, headers={"sec-fetch-site": "cross-site"})
    # A reply that deletes the cookie would do it, wherever the form came from.
    assert "vk_session" not in answer.headers.get("set-cookie", "")
    assert browser.open("/apps").url.path == "/apps"


def test_a_second_click_finds_that_it_is_done(server: Live) -> None:
    browser = signed_in(server)
    browser.open("/sign-out")
    form = browser.form("sign-out")
    first, second = (browser.http.post("/sign-out", data=form.fields) for _ in range(2))
    assert first.headers["location"] == second.headers["location"] == "/signed-out"
    assert "set-cookie" in first.headers
    assert "set-cookie" not in second.headers


def test_a_link_signs_nobody_out(server: Live) -> None:
    browser = signed_in(server)
    browser.open("/sign-out")
    browser.http.head("/sign-out")
    browser.open("/signed-out")
    assert browser.open("/apps").url.path == "/apps"


COOKIES = [
    row("A66", "one without a value", "evil; {}"),
    row("A66", "one that is called like an attribute", "path=/; expires=x; {}"),
    row("A66", "one that holds JSON", 'j={{"a": "b, c"}}; {}'),
    row("A66", "one without a name", "=evil; {}"),
    row("A66", "one with brackets in its name", "a[b]=c; {}"),
    row("A66", "an open quote before", 'a="b; {}'),
    row("A66", "an open quote behind", '{}; a="b'),
    row("A66", "other letters", "ä=ö; {}"),
    row("A66", "a comma", "a=b, c=d; {}"),
    row("A66", "empty ones", ";;; ;{};;"),
]


@pytest.mark.parametrize("header", COOKIES)
def test_a_sibling_sites_cookie_signs_nobody_out(header: str, server: Live) -> None:
    browser = signed_in(server)
    whole = header.format(f"vk_session={cookie(browser)}").encode("latin-1")
    answer = server.http.get("/apps", headers={b"cookie": whole})
    assert answer.status_code == 200, answer.headers
