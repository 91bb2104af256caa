"""A36: device code phishing (RFC 8628 5.4, RFC 10027).

Attack: An attacker sends a user a link that would connect the attacker's device.
Defense: A link approves nothing. The page says which app asks, from where and since when, and
offers no permission of high risk.
"""

import re

import pytest
from tests.attacks.elsewhere import begin, enters, error, fetch
from tests.attacks.play import Tags, call, every, signed_in
from tests.browser import Asking
from tests.live import Live

from valetkey.server.model.pending import Pending


def test_the_complete_address_approves_nothing(server: Live) -> None:
    told, miko = begin(server), signed_in(server)
    before = {row.id: row.version for row in every(server, Pending)}
    page = miko.open(told["verification_uri_complete"].removeprefix(server.issuer))
    assert page.status_code == 200
    assert told["user_code"] in page.text
    assert {row.id: row.version for row in every(server, Pending)} == before
    assert error(fetch(server, told["device_code"])) == "authorization_pending"


def test_nothing_sends_itself(server: Live) -> None:
    page = server.browser().open(f"/device?user_code={begin(server)['user_code']}")
    assert not [tag for tag, _ in Tags(page.text).tags if tag == "script"]
    assert "refresh" not in page.headers
    assert 'http-equiv="refresh"' not in page.text


def test_each_step_is_a_form_of_its_own(server: Live) -> None:
    """Sign-in and consent do not come before the user said that they mean it."""
    told, miko = begin(server), signed_in(server)
    enters(miko, told["user_code"])
    path = miko.page.url.path
    assert 'id="confirm"' in miko.page.text
    csrf = miko.form("confirm").fields["csrf"]
    skipped = miko.http.post(f"{path}/consent", data={"csrf": csrf, "action": "allow"})
    assert skipped.status_code == 403
    for action in ("", "allow", "yes"):
        answer = miko.http.post(f"{path}/confirm", data={"csrf": csrf, "action": action})
        assert answer.status_code == 400
    assert miko.http.get(path).text.count('id="confirm"') == 1
    assert error(fetch(server, told["device_code"])) == "authorization_pending"


def test_a_forged_confirmation(server: Live) -> None:
    told, miko, thief = begin(server), signed_in(server), server.browser()
    enters(miko, told["user_code"])
    enters(thief, told["user_code"])
    sent = {**thief.form("confirm").fields, "action": "confirm"}
    answer = miko.http.post(f"{miko.page.url.path}/confirm", data=sent)
    assert answer.status_code == 403
    stolen = thief.http.get(miko.page.url.path)
    assert stolen.status_code == 400
    assert 'id="confirm"' not in stolen.text


def test_what_the_page_says(server: Live) -> None:
    told = begin(server)
    browser = server.browser()
    enters(browser, told["user_code"])
    text = re.sub(r"\s+", " ", " ".join(Tags(browser.page.text).text))
    for words in ("Living room", told["user_code"], "127.0.0.1", "just now", "UTC", "same network"):
        assert words in text, words
    assert "Continue only if you started this yourself" in text


def test_the_address_is_not_the_devices_own_word(server: Live) -> None:
    """ATTACKS A14: a header of an untrusted peer says nothing."""
    form = {"scope": "openid", "client_id": "tv"}
    headers = {"x-forwarded-for": "198.51.100.99", "forwarded": "for=198.51.100.99"}
    told = server.http.post("/device_authorization", data=form, headers=headers).json()
    browser = server.browser()
    enters(browser, told["user_code"])
    assert "198.51.100.99" not in browser.page.text


@pytest.mark.parametrize("scope", ["dms.read", "openid dms.read", "chirps dms.read"])
def test_risky_permissions_are_not_given_away(scope: str, server: Live) -> None:
    answer = call(server, "/device_authorization", {"scope": scope}, Asking(client_id="tv"))
    assert (answer.status_code, error(answer)) == (400, "invalid_scope")


def test_a_no_ends_it_at_once(server: Live) -> None:
    told, browser = begin(server), server.browser()
    enters(browser, told["user_code"])
    page = browser.press("disown")
    assert "Not connected" in page.text
    assert error(fetch(server, told["device_code"])) == "access_denied"
    assert enters(server.browser(), told["user_code"]).status_code == 400
