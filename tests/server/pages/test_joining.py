"""Choosing an account, signing up, answers in a form: as a browser without script meets them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.attacks.play import AS_WEB, STEFAPP, asking, claims, every, redeem
from tests.browser import Browser, authorize, forms
from tests.live import Live, live
from tests.rows import row

from valetkey.server.model.user import Session, User

WORD = "a word of at least eight"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("joining")
    with live(folder, unthrottled=("127.0.0.0/8",), enable=("sign-up",)) as server:
        yield server


@pytest.fixture
def inside(server: Live) -> Browser:
    """A browser in which Miko is signed in, and has said yes to the web app."""
    browser = server.browser()
    authorize(browser, AS_WEB)
    return browser


def who(server: Live, browser: Browser) -> str:
    """The `sub` that the app hears."""
    token = redeem(server, browser.answer()["code"], AS_WEB).json()["id_token"]
    sub: str = claims(token)["sub"]
    return sub


# Choosing.


def test_the_user_goes_on_as_the_one_who_is_there(server: Live, inside: Browser) -> None:
    page = inside.open(asking(AS_WEB, prompt="select_account").path())
    assert "Miko" in page.text
    assert "<title>Choose an account" in page.text
    inside.press("continue")
    assert who(server, inside) == server.users["miko"].id


def test_the_user_goes_on_as_somebody_else(server: Live, inside: Browser) -> None:
    inside.open(asking(AS_WEB, prompt="select_account").path())
    page = inside.press("another")
    assert 'id="sign-in"' in page.text
    assert 'value="miko"' not in page.text
    inside.sign_in("noor")
    inside.press("allow")
    assert who(server, inside) == server.users["noor"].id


def test_whoever_changes_their_mind_is_still_signed_in(server: Live, inside: Browser) -> None:
    inside.open(asking(AS_WEB, prompt="select_account").path())
    inside.press("another")
    assert inside.open("/apps").request.url.path == "/apps"


def test_a_choice_without_a_word_is_none(server: Live, inside: Browser) -> None:
    inside.open(asking(AS_WEB, prompt="select_account").path())
    form = inside.form("continue")
    said = inside.http.post(form.action, data=form.fields)
    assert said.status_code == 400


def test_a_choice_is_made_on_our_own_page(server: Live, inside: Browser) -> None:
    """ATTACKS A64."""
    inside.open(asking(AS_WEB, prompt="select_account").path())
    form = inside.form("continue")
    forged = inside.http.post(form.action, data={"action": "continue", "csrf": "x" * 43})
    assert forged.status_code == 403


# Signing up.


def test_an_app_asks_for_a_new_account(server: Live) -> None:
    browser = server.browser()
    page = browser.open(asking(AS_WEB, prompt="create").path())
    assert 'id="sign-up"' in page.text
    browser.press("sign-up", username="lea", password=WORD, name="Lea", email="lea@example.org")
    browser.press("allow")
    sub = who(server, browser)
    (lea,) = (user for user in every(server, User) if user.username == "lea")
    assert (lea.id, lea.claims, lea.email_verified) == (sub, {"name": "Lea"}, False)
    assert WORD not in lea.password


def test_whoever_has_an_account_signs_in_instead(server: Live) -> None:
    browser = server.browser()
    browser.open(asking(AS_WEB, prompt="create").path())
    (link,) = (part for part in browser.page.text.split('"') if part.endswith("?sign-in"))
    browser.open(link)
    browser.sign_in("miko")
    if 'id="allow"' in browser.page.text:
        browser.press("allow")
    assert who(server, browser) == server.users["miko"].id


def test_without_an_app(server: Live) -> None:
    browser = server.browser()
    assert "/sign-up" in browser.open("/sign-in").text
    browser.open("/sign-up")
    page = browser.press("sign-up", username="mio", password=WORD)
    assert page.request.url.path == "/apps"


WRONG = [
    row("A70", "a taken name", {"username": "Miko"}, "is taken"),
    row("", "no name", {"username": " "}, "Enter a username"),
    row("", "a short password", {"password": "1234567"}, "at least 15"),
    row("", "no e-mail address", {"email": "nobody"}, "Enter an email address"),
]


@pytest.mark.parametrize("fields, said", WRONG)
def test_what_is_wrong_is_said_and_nothing_is_made(
    server: Live, fields: dict[str, str], said: str
) -> None:
    before = len(every(server, User))
    browser = server.browser()
    browser.open("/sign-up")
    page = browser.press("sign-up", boxes=set(), **{"username": "new", "password": WORD, **fields})
    assert page.status_code == 400
    assert said in page.text
    assert WORD not in page.text
    assert len(every(server, User)) == before


def test_no_verified_flag_comes_from_a_form(server: Live) -> None:
    """ATTACKS A76."""
    browser = server.browser()
    browser.open("/sign-up")
    more = {"email_verified": "true", "status": "disabled", "id": "x" * 26, "claims": "x"}
    browser.press(
        "sign-up", username="eve", password=WORD, email="eve@example.org", boxes=set(), **more
    )
    (eve,) = (user for user in every(server, User) if user.username == "eve")
    assert (eve.email_verified, eve.status) == (False, "active")
    assert eve.id in {one.user for one in every(server, Session)}


def test_where_it_is_off_there_is_nothing(tmp_path: Path) -> None:
    with live(tmp_path) as other:
        browser = other.browser()
        assert browser.open("/sign-up").status_code == 404
        assert "/sign-up" not in browser.open("/sign-in").text
        document = other.http.get("/.well-known/openid-configuration").json()
        assert "create" not in document["prompt_values_supported"]


# Answers in a form.


HOSTILE = "\"><script>alert(1)</script><x a='"


def test_an_answer_in_a_form_is_escaped_and_leads_to_the_app_alone(
    server: Live, inside: Browser
) -> None:
    """ATTACKS A68."""
    sent = asking(AS_WEB, response_mode="form_post", state=HOSTILE)
    page = inside.open(sent.path())
    (form,) = forms(page.text)
    assert form.action == AS_WEB.redirect_uri
    assert form.fields["state"] == HOSTILE
    assert set(form.fields) == {"code", "state", "iss"}
    assert "<script>alert" not in page.text
    policy = page.headers["content-security-policy"]
    # The app may redirect the form anywhere, and nobody types into this page: its one form is this.
    assert len(forms(page.text)) == 1
    assert "form-action" not in policy
    assert "script-src 'self'" in policy
    assert page.headers["cache-control"] == "no-store"
    assert redeem(server, form.fields["code"], AS_WEB).status_code == 200


def test_an_unverified_apps_error_waits_for_the_user(server: Live) -> None:
    """RFC 9700 4.11.2: nobody is sent on unasked, by a form either."""
    from tests.attacks.play import AS_POST

    sent = asking(AS_POST, response_mode="form_post", prompt="none")
    page = server.browser().open(sent.path())
    (form,) = forms(page.text)
    assert form.fields["error"] == "login_required"
    assert "answer.js" not in page.text


def test_a_native_app_gets_its_form_too(server: Live) -> None:
    browser = server.browser()
    browser.open(asking(STEFAPP, response_mode="form_post").path())
    browser.sign_in()
    page = browser.press("allow")
    (form,) = forms(page.text)
    assert redeem(server, form.fields["code"]).status_code == 200
