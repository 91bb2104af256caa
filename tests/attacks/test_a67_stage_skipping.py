"""A67: skipped stages.

Attack: A user or an attacker jumps to a later step of the sign-in, or back to an earlier one.
Defense: Each step checks again what is missing, so that none can be skipped.
"""

import pytest
from tests.attacks.play import (
    AS_WEB,
    STEFAPP,
    asking,
    change,
    cookie,
    every,
    find,
    sent_back,
    signed_in,
)
from tests.browser import Browser
from tests.installation import PASSWORDS
from tests.live import Live

from valetkey.server.http.front import MAX_PATH
from valetkey.server.model.grant import Grant
from valetkey.server.model.pending import Pending
from valetkey.server.model.user import Session


@pytest.fixture
def browser(server: Live) -> Browser:
    """A browser in which nobody is signed in, before the first stage."""
    browser = server.browser()
    browser.open(STEFAPP.path())
    return browser


@pytest.mark.parametrize("stage", ["sign-in", "consent", "switch"])
def test_an_empty_form_at_any_stage(stage: str, browser: Browser, server: Live) -> None:
    here = browser.page.url.path
    before = every(server, Grant)
    answer = browser.http.post(f"{here}/{stage}", data={})
    assert answer.status_code == 415
    assert "location" not in answer.headers
    assert every(server, Grant) == before


@pytest.mark.parametrize("action", ["allow", "cancel", ""])
def test_consent_before_sign_in(action: str, browser: Browser, server: Live) -> None:
    """With the one token that this browser has been given so far."""
    here, form = browser.page.url.path, browser.form("sign-in")
    sent = {**form.fields, "action": action, "permission": "openid", "seen": ""}
    answer = browser.http.post(f"{here}/consent", data=sent)
    assert answer.status_code == 403
    assert every(server, Grant) == ()


def test_the_sign_in_form_with_an_empty_password(browser: Browser, server: Live) -> None:
    for username, password in (("miko", ""), ("", PASSWORDS["miko"]), ("", "")):
        browser.press("sign-in", username=username, password=password)
        assert browser.page.status_code == 400
        assert 'id="sign-in"' in browser.page.text
        assert cookie(browser) == ""


def test_going_back_to_sign_in_when_signed_in(browser: Browser, server: Live) -> None:
    form = browser.form("sign-in")
    browser.sign_in()
    session = cookie(browser)
    again = browser.http.post(form.action, data={**form.fields, "username": "x", "password": "y"})
    assert again.status_code == 303
    assert cookie(browser) == session
    browser.open(again.headers["location"])
    assert 'id="allow"' in browser.page.text


def test_starting_anew_in_the_middle(browser: Browser, server: Live) -> None:
    browser.sign_in()
    first = browser.page.url.path
    browser.open(asking(AS_WEB, prompt="consent").path())
    second = browser.page.url.path
    assert first != second
    form = browser.form("allow")
    crossed = {**form.fields, "action": "allow"}
    assert browser.http.post(f"{first}/consent", data=crossed).status_code == 403
    assert sent_back(browser.press("allow"))["iss"] == server.issuer
    assert browser.page.headers["location"].startswith(AS_WEB.redirect_uri)


def test_a_fresh_sign_in_that_was_asked_for_cannot_be_skipped(server: Live) -> None:
    browser = signed_in(server)
    browser.open(asking(AS_WEB, prompt="login").path())
    here = browser.page.url.path
    for _ in range(2):
        assert 'id="sign-in"' in browser.open(here).text
    other = server.browser()
    other.open(AS_WEB.path())
    for path in (f"{here}/consent", f"{here}/switch"):
        assert browser.http.post(path, data={"action": "allow"}).status_code == 403
    # A sign-in elsewhere in this browser is not the one that was asked for.
    second = signed_in(server)
    browser.http.cookies.set("vk_session", cookie(second), domain="127.0.0.1", path="/")
    assert 'id="sign-in"' in browser.open(here).text
    browser.sign_in()
    assert 'id="allow"' in browser.page.text or "code" in browser.answer()


def test_an_old_sign_in_is_too_old(server: Live) -> None:
    browser = signed_in(server)
    session = find(server, Session, cookie(browser).partition(".")[0])
    change(server, session, auth_time=session.auth_time - 100)
    browser.open(asking(AS_WEB, max_age="99").path())
    assert 'id="sign-in"' in browser.page.text
    silent = browser.open(asking(AS_WEB, max_age="99", prompt="none").path())
    assert sent_back(silent)["error"] == "login_required"


NAMES = ("x", "0" * 26, "v" * 26, "%2e%2e", "%00", "a%0d%0ab", "'--", "a" * 5000, "null")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stage", ["", "/sign-in", "/consent", "/switch"])
def test_a_request_that_is_none(name: str, stage: str, server: Live) -> None:
    method = "POST" if stage else "GET"
    answer = server.http.request(method, f"/continue/{name}{stage}", data={"csrf": "x"})
    # A form of another page is looked at no further.
    expected = 414 if len(name) > MAX_PATH else 403 if stage else 400
    assert answer.status_code == expected
    assert "location" not in answer.headers


def test_a_stage_that_is_none(browser: Browser, server: Live) -> None:
    here = browser.page.url.path
    for stage in ("allow", "restart", "done", "reset", "try-another-way", "mfa", "sign-in/x"):
        for method in ("GET", "POST"):
            answer = browser.http.request(method, f"{here}/{stage}")
            assert answer.status_code == 404
            assert "there is no such page" in answer.text


def test_a_request_that_is_over_time_is_over(browser: Browser, server: Live) -> None:
    name = browser.page.url.path.rpartition("/")[2]
    form = browser.form("sign-in")
    pending = find(server, Pending, name)
    change(server, pending, expires=pending.created)
    assert browser.open(f"/continue/{name}").status_code == 400
    sent = {**form.fields, "username": "miko", "password": "x"}
    assert browser.http.post(form.action, data=sent).status_code == 400
    assert cookie(browser) == ""
