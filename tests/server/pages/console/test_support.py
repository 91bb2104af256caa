"""The support view: how somebody is found and helped, and what stays closed."""

from collections.abc import Iterator

import pytest
from tests.attacks.play import STEFAPP, every, find, redeem
from tests.browser import Browser, authorize, error_code
from tests.live import Live, live
from tests.server.pages.console.staff import ON, bind, staff

from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant
from valetkey.server.model.user import Session
from valetkey.server.pages.console.names import segment


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("console"), name="Chirp", **ON) as server:
        redeem(server, authorize(server.browser(), STEFAPP))
        yield server


@pytest.fixture
def miko(server: Live) -> str:
    """The path of Miko's support view."""
    return f"/console/users/{server.users['miko'].id}"


def opened(server: Live, path: str, reason: str = "Ticket 7") -> Browser:
    """The browser of a support person who has opened the view."""
    browser = staff(server, "noor", "support")
    browser.open(path)
    browser.press("confirm", reason=reason)
    assert browser.page.url.path == path, browser.page.text
    return browser


def link(browser: Browser, part: str) -> str:
    """The address of a link on the page."""
    found = [one for one in browser.page.text.split('"') if part in one and one.startswith("/")]
    assert found, part
    return found[0]


def test_a_search_finds_one_person(server: Live, miko: str) -> None:
    browser = staff(server, "noor", "support")
    searches = {"email": "miko@ex", "name": "mik", "username": "miko", "subject": miko[15:]}
    for by, text in searches.items():
        page = browser.open(f"/console/users?by={by}&search={text}")
        assert page.status_code == 200
        assert f'href="{miko}"' in page.text, by
        assert server.users["noor"].id not in page.text, by
    assert "Nothing found." in browser.open("/console/users?by=username&search=nobody").text


def test_the_support_view_opens_with_a_reason(server: Live, miko: str) -> None:
    browser = staff(server, "noor", "support")
    page = browser.open(miko)
    assert page.url.path == f"{miko}/open"
    assert "Post chirps" not in page.text
    assert browser.press("confirm", reason=" ").status_code == 409
    page = browser.press("confirm", reason="Ticket 6: lost phone")
    assert page.url.path == miko
    for words in ("stefApp", "Post chirps in your name", "Connected", "App signed in"):
        assert words in page.text, words
    opened = [one for one in every(server, Event) if one.kind == "support-opened"]
    assert [one.reason for one in opened] == ["Ticket 6: lost phone"]
    # It is open in this session alone.
    again = staff(server, "noor", "support")
    assert again.open(miko).url.path == f"{miko}/open"


def test_support_stops_one_permission_and_the_user_reads_why(server: Live, miko: str) -> None:
    browser = opened(server, miko)
    path = link(browser, segment("chirps.write"))
    browser.open(path)
    page = browser.press("confirm", reason="You asked us to.")
    assert page.url.path == miko
    assert "Stopped. The user sees your reason." in page.text
    (grant,) = every(server, Grant)
    assert "chirps.write" not in grant.permissions
    assert "chirps.read" in grant.permissions
    user = server.browser()
    user.open("/activity")
    user.sign_in("miko")
    assert "You asked us to." in user.page.text
    assert "Support looked at your account" in user.page.text
    assert "You asked us to." in user.open(f"/apps/{grant.id}").text


def test_support_signs_out_and_makes_a_link(server: Live, miko: str) -> None:
    victim = server.browser()
    victim.open("/apps")
    victim.sign_in("miko")
    browser = opened(server, miko)
    browser.open(f"{miko}/sign-out")
    assert "Signed out everywhere." in browser.press("confirm", reason="Stolen laptop").text
    assert [one for one in every(server, Session) if one.user == server.users["miko"].id] == []
    browser.open(f"{miko}/reset-link")
    page = browser.press("confirm", reason="Forgot it")
    assert page.status_code == 200
    assert f"{server.issuer}/forgot/" in page.text
    reasons = {one.kind: one.reason for one in every(server, Event) if one.by == "administrator"}
    assert reasons["signed-out"] == "Stolen laptop"
    assert reasons["reset-link-made"] == "Forgot it"


def test_what_is_not_theirs_stays_closed(server: Live, miko: str) -> None:
    browser = staff(server, "noor", "support")
    for path in ("keys", "keys/rotate", "audit", "audit/export", "settings", "health", "jobs"):
        page = browser.open(f"/console/{path}")
        assert page.status_code in (403, 404), path
    for path in ("", "/users", "/apps", "/catalogs"):
        assert browser.open(f"/console{path}").status_code == 200, path
    (grant,) = every(server, Grant)
    other = f"/console/users/{server.users['noor'].id}"
    browser.open(other)
    browser.press("confirm", reason="My own")
    assert browser.open(f"{other}/grants/{grant.id}/stop-access").status_code == 404
    assert find(server, Grant, grant.id).status == "active"


def test_who_has_no_role_sees_no_console(server: Live, miko: str) -> None:
    browser = staff(server, "noor")
    for path in ("/console", miko, "/console/keys"):
        assert browser.open(path).status_code == 404, path
    stranger = server.browser()
    assert stranger.open("/console/users").url.path == "/sign-in"


def test_a_role_that_is_taken_away_ends_the_page_at_once(server: Live, miko: str) -> None:
    browser = opened(server, miko)
    assert browser.open(f"{miko}/sign-out").status_code == 200
    form = browser.form("confirm")
    bind(server, "noor")
    assert browser.open(miko).status_code == 404
    sent = browser.http.post(form.action, data={**form.fields, "reason": "x"})
    assert (sent.status_code, error_code(sent.text)) == (404, "invalid_request")


def test_two_factors_are_needed(server: Live, miko: str) -> None:
    browser = staff(server, "noor", "owner", two_factors=False)
    page = browser.open("/console")
    assert page.status_code == 403
    assert 'id="add"' in page.text
    assert browser.open(f"{miko}/open").status_code == 403
