"""A64: forged consent.

Attack: Somebody repeats a consent form, changes it, or sends it in another session.
Defense: A consent counts once, from the user who saw the page, for what that page showed.
"""

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from tests.attacks.play import AS_WEB, STEFAPP, asking, change, every, find, redeem, sent_back
from tests.browser import Browser, Form, error_code
from tests.live import Live
from tests.rows import row

from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant


def _at_consent(server: Live, username: str = "miko") -> Browser:
    """A browser before the consent page of an app that holds no key yet."""
    for grant in every(server, Grant):
        if grant.status != "stopped":
            change(server, grant, status="stopped")
    browser = server.browser()
    browser.open(STEFAPP.path())
    browser.sign_in(username)
    return browser


def _answer(browser: Browser, form: Form, **fields: str) -> httpx2.Response:
    sent = {**form.fields, "action": "allow", "permission": [*form.boxes], **fields}
    return browser.http.post(form.action, data=sent)


def _no_key(server: Live) -> None:
    assert [grant for grant in every(server, Grant) if grant.status != "stopped"] == []


def test_a_yes_is_worth_one_code(server: Live) -> None:
    browser = _at_consent(server)
    form = browser.form("allow")
    first = _answer(browser, form)
    assert "code" in sent_back(first)
    again = _answer(browser, form)
    assert again.headers["location"] == first.headers["location"]
    for fields in ({"action": "cancel"}, {"permission": "openid"}, {"seen": ""}):
        other = _answer(browser, form, **fields)
        assert other.status_code == 400
        assert error_code(other.text) == "invalid_request"
        assert "location" not in other.headers
    assert redeem(server, sent_back(first)["code"]).status_code == 200
    assert redeem(server, sent_back(again)["code"]).json()["error"] == "invalid_grant"
    assert browser.open(form.action.removesuffix("/consent")).status_code == 400


def test_a_no_is_final_too(server: Live) -> None:
    browser = _at_consent(server)
    form = browser.form("allow")
    assert sent_back(_answer(browser, form, action="cancel"))["error"] == "access_denied"
    assert _answer(browser, form).status_code == 400
    _no_key(server)


def test_another_browser_cannot_answer(server: Live) -> None:
    victim, attacker = _at_consent(server), _at_consent(server, "noor")
    form = victim.form("allow")
    assert _answer(attacker, form).status_code == 403
    own = attacker.form("allow")
    tried = _answer(attacker, Form(form.action, own.fields, form.boxes))
    assert tried.status_code == 403
    assert attacker.open(form.action.removesuffix("/consent")).status_code == 400
    _no_key(server)
    assert "code" in sent_back(_answer(victim, form))


def test_another_user_in_the_same_browser_cannot_answer(server: Live) -> None:
    browser = _at_consent(server)
    form = browser.form("allow")
    browser.press("")  # Use another account.
    browser.sign_in("noor")
    assert _answer(browser, form).status_code == 403
    _no_key(server)


EDITED = [
    row("A64", "a permission that was not asked", {"permission": "account.delete"}, 400),
    row("A64", "one of another API", {"permission": "photos.read"}, 400),
    row("A64", "one that does not exist", {"permission": "no.such"}, 400),
    row("A64", "neither yes nor no", {"action": "perhaps"}, 400),
    row("A64", "no answer", {"action": ""}, 400),
    row("A64", "another sheet", {"seen": "0" * 64}, 200),
    row("A64", "no sheet", {"seen": ""}, 200),
    row("A64", "no token", {"csrf": ""}, 403),
]


@pytest.mark.parametrize("edited, status", EDITED)
def test_an_edited_form_gives_nothing(edited: dict[str, str], status: int, server: Live) -> None:
    browser = _at_consent(server)
    tried = _answer(browser, browser.form("allow"), **edited)
    assert tried.status_code == status
    assert "location" not in tried.headers
    _no_key(server)


def test_a_field_more_changes_nothing(server: Live) -> None:
    browser = _at_consent(server)
    more = {
        "client_id": "web",
        "redirect_uri": "https://evil.example/",
        "scope": "dms.send",
        "user": server.users["noor"].id,
        "state": "evil",
    }
    back = _answer(browser, browser.form("allow"), **more)
    assert back.headers["location"].startswith(STEFAPP.redirect_uri)
    assert sent_back(back)["state"] == STEFAPP.state
    mine = redeem(server, sent_back(back)["code"]).json()
    assert "dms" not in mine["scope"]
    (grant,) = [one for one in every(server, Grant) if one.status == "active"]
    assert (grant.user, grant.client) == (server.users["miko"].id, "stefapp")


def test_what_is_required_cannot_be_left_out(server: Live) -> None:
    browser = _at_consent(server)
    form = browser.form("allow")
    back = browser.http.post(form.action, data={**form.fields, "action": "allow"})
    mine = redeem(server, sent_back(back)["code"]).json()
    assert set(mine["scope"].split()) == {"openid", "chirps.read"}


def test_a_sheet_that_grew_meanwhile_is_shown_again(server: Live) -> None:
    browser = _at_consent(server)
    form = browser.form("allow")
    client = find(server, Client, "stefapp")
    change(server, client, required=("chirps.read", "chirps.write"))
    try:
        again = _answer(browser, form)
        assert again.status_code == 200
        assert 'id="allow"' in again.text
        _no_key(server)
    finally:
        change(server, find(server, Client, "stefapp"), required=client.required)


def test_a_client_that_lost_its_address_meanwhile_gets_nothing(server: Live) -> None:
    browser = server.browser()
    browser.open(AS_WEB.path())
    browser.sign_in()
    form = browser.form("allow")
    client = find(server, Client, "web")
    change(server, client, redirect_uris=("https://web.example/moved",))
    try:
        tried = _answer(browser, form)
        assert tried.status_code == 400
        assert "location" not in tried.headers
    finally:
        change(server, find(server, Client, "web"), redirect_uris=client.redirect_uris)


def test_two_browsers_with_one_pushed_request_get_one_code(server: Live) -> None:
    """RFC 9126 4: used once, at completion; the other is told that it is over."""
    pushed = server.http.post("/par", data=asking(STEFAPP, scope="openid").parameters()).json()
    path = f"/authorize?client_id=stefapp&request_uri={pushed['request_uri']}"
    one, two = server.browser(), server.browser()
    for browser, name in ((one, "miko"), (two, "noor")):
        browser.open(path)
        browser.sign_in(name)
    assert "code" in sent_back(one.press("allow"))
    late = two.press("allow")
    assert late.status_code == 400
    assert error_code(late.text) == "invalid_request"
    assert "location" not in late.headers
    assert server.browser().open(path).status_code == 400


def test_eight_answers_at_once_are_one_yes(server: Live) -> None:
    for _ in range(3):
        browser = _at_consent(server)
        form = browser.form("allow")
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _, b=browser, f=form: _answer(b, f), range(8)))
        assert {answer.status_code for answer in answers} <= {303, 503}
        assert len({answer.headers.get("location") for answer in answers} - {None}) == 1
        live = [grant for grant in every(server, Grant) if grant.status == "active"]
        assert len(live) == 1
