"""A new password: chosen in a session, and by the link of support; and what ends with it."""

import re
from collections.abc import Iterator
from functools import partial

import pytest
from tests.attacks.play import change, desk, every, find, signed_in
from tests.browser import Browser
from tests.installation import PASSWORDS
from tests.live import Live, live
from tests.rows import row

from valetkey.server.model.event import Event
from valetkey.server.model.user import Session, User
from valetkey.server.oauth.grants.recovery import link_for_support
from valetkey.server.store.settle import settle

PATH = "/security/password"
NEW = "lanterns over quiet water"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("passwords"), unthrottled=("127.0.0.1",)) as running:
        yield running


@pytest.fixture
def miko(server: Live) -> Iterator[Browser]:
    """Signed in; and afterwards, his password is as before."""
    before = find(server, User, server.users["miko"].id)
    yield signed_in(server, "miko")
    change(server, find(server, User, before.id), password=before.password, mark=before.mark)


def is_signed_in(browser: Browser) -> bool:
    return browser.open("/apps").request.url.path == "/apps"


def can_sign_in(server: Live, word: str) -> bool:
    browser = server.browser()
    browser.open("/sign-in")
    return browser.send("sign-in", username="miko", password=word).status_code == 303


def test_from_the_security_page_to_a_new_password(server: Live, miko: Browser) -> None:
    other = signed_in(server, "miko")
    assert PATH in miko.open("/security").text
    page = miko.open(PATH)
    assert "get a message" not in page.text, "nobody tells anybody here"
    page = miko.press("change-password", password=NEW, boxes=set())
    assert "Your password is changed" in page.text
    assert is_signed_in(miko)
    assert not is_signed_in(other)
    assert can_sign_in(server, NEW)
    assert not can_sign_in(server, PASSWORDS["miko"])
    kinds = [one.kind for one in every(server, Event) if one.user == server.users["miko"].id]
    assert "password-changed" in kinds


REFUSED = [
    row("800-63B-4", "short", "too short", "at least 15 characters"),
    row("800-63B-4", "common", "passwordpassword", "first that attackers try"),
    row("800-63B-4", "names", "miko@example.org", "little besides your name"),
    row("800-63B-4", "repeated", "xyz" * 6, "repeats a few characters"),
    row("800-63B-4", "long", "x y" * 400, "Enter a shorter password"),
]


@pytest.mark.parametrize("given, reason", REFUSED)
def test_the_reason_is_said(given: str, reason: str, server: Live, miko: Browser) -> None:
    miko.open(PATH)
    page = miko.press("change-password", password=given, boxes=set())
    assert page.status_code == 400
    assert reason in page.text
    assert given not in page.text
    assert can_sign_in(server, PASSWORDS["miko"])


def test_it_takes_a_fresh_proof(server: Live, miko: Browser) -> None:
    """ATTACKS A74: whoever finds a browser open doesn't keep the account."""
    miko.open(PATH)
    form = miko.form("change-password")
    for session in (one for one in every(server, Session) if one.user == server.users["miko"].id):
        change(server, session, auth_time=session.auth_time - 601)
    sent = miko.http.post(form.action, data=form.fields | {"password": NEW})
    assert sent.headers["location"].startswith(f"/sign-in?next={PATH}&again=1")
    assert "sign-in" in str(miko.open(PATH).request.url)
    assert can_sign_in(server, PASSWORDS["miko"])
    miko.press("sign-in", username="miko", password=PASSWORDS["miko"])
    assert miko.page.request.url.path == PATH


def link(server: Live, seconds: int = 60) -> str:
    user = find(server, User, server.users["miko"].id)
    rule = partial(link_for_support, user, seconds=seconds, context=desk(server))
    made = server.run(settle(server.store, rule))
    return str(made.secret)


def test_the_link_of_support_once_and_never_by_a_scanner(server: Live, miko: Browser) -> None:
    path = link(server)
    scanner, user = server.browser(), server.browser()
    for _ in range(3):
        assert "Choose a new password" in scanner.open(path).text
        assert scanner.http.head(path).status_code == 200
    assert can_sign_in(server, PASSWORDS["miko"])
    user.open(path)
    page = user.press("reset", password="too short")
    assert page.status_code == 400
    assert "at least 15 characters" in page.text
    page = user.press("reset", password=NEW)
    assert "Sign in with your new password" in page.text
    assert not is_signed_in(user), "other factors stay required"
    assert not is_signed_in(miko)
    assert can_sign_in(server, NEW)
    assert user.open(path).status_code == 404
    assert scanner.open(path).status_code == 404


def test_a_form_of_another_browser_or_a_wrong_code_changes_nothing(
    server: Live, miko: Browser
) -> None:
    path = link(server)
    user, other = server.browser(), server.browser()
    user.open(path)
    form = user.form("reset")
    sent = form.fields | {"password": NEW}
    assert other.http.post(form.action, data=sent).status_code == 403
    assert user.http.post(form.action, data=sent | {"code": "x" * 43}).status_code == 400
    assert user.http.post(form.action, data=sent | {"csrf": "x" * 43}).status_code == 403
    assert can_sign_in(server, PASSWORDS["miko"])


def test_without_mail_nothing_is_offered(server: Live) -> None:
    browser = server.browser()
    assert 'id="forgot"' not in browser.open("/sign-in").text
    assert browser.open("/forgot").status_code == 404
    noor = signed_in(server, "noor")
    assert "/security/email" not in noor.open("/security").text
    assert noor.open("/security/email").status_code == 404


def test_the_button_that_shows_a_password_is_hidden_without_script(server: Live) -> None:
    html = server.browser().open("/sign-in").text
    (button,) = re.findall(r'<button class="reveal"[^>]*>', html)
    assert " hidden" in button
    assert server.http.get("/static/password.js").status_code == 200
