"""A109: a person's account, handled by others.

Attack: Another user, or a page of another site, reads someone's data, ends their sessions, or
deletes their account; a name that someone chose runs as a script where others see it; a code that
cancels a deletion is guessed, or signs somebody in.
Defense: Every page takes the user from the session and nothing from the request. Forms are bound to
the browser and the session. The download and the deletion need a fresh proof. Text is escaped.
"""

import json
import re
import time

import pytest
from tests.attacks.play import AS_WEB, change, every, find, redeem, refresh, signed_in
from tests.browser import Browser, authorize, forms
from tests.live import Live

from valetkey.server.model.erasure import Erasure
from valetkey.server.model.event import Event
from valetkey.server.model.user import Session, User
from valetkey.server.pages.account.deletion import RESTORE
from valetkey.server.pages.account.profile import DELETE, DOWNLOAD, PROFILE
from valetkey.server.pages.account.sessions import SESSIONS

POSTS = (SESSIONS, PROFILE, DOWNLOAD, DELETE)


def fields(browser: Browser, path: str, page: str) -> dict[str, str]:
    """What the form to `path` sends by itself."""
    return next(one.fields for one in forms(browser.http.get(page).text) if one.action == path)


def account(server: Live, username: str) -> User:
    return find(server, User, server.users[username].id)


@pytest.mark.parametrize("path", POSTS)
def test_a_form_of_another_browser_or_site_does_nothing(server: Live, path: str) -> None:
    miko, noor = signed_in(server, "miko"), signed_in(server, "noor")
    for username in ("miko", "noor"):
        signed_in(server, username)  # Else there is no other session to end.
    page = PROFILE if path == DOWNLOAD else path
    theirs = fields(noor, path, page)
    before = account(server, "miko"), len(every(server, Session))
    for data, headers in (
        ({"csrf": ""}, {}),
        (theirs, {}),
        (fields(miko, path, page), {"origin": "https://evil.example"}),
        (fields(miko, path, page), {"sec-fetch-site": "cross-site"}),
    ):
        reply = miko.http.post(path, data=data, headers=headers)
        assert reply.status_code == 403, path
    assert (account(server, "miko"), len(every(server, Session))) == before
    assert every(server, Erasure) == ()


def test_nothing_in_the_request_names_another_user(server: Live) -> None:
    miko, noor = signed_in(server, "miko"), server.users["noor"].id
    names = {"user": noor, "sub": noor, "username": "noor", "id": noor}
    query = "&".join(f"{name}={value}" for name, value in names.items())
    data = fields(miko, DOWNLOAD, PROFILE) | names
    document = json.loads(miko.http.post(f"{DOWNLOAD}?{query}", data=data).text)
    assert document["account"]["username"] == "miko"
    assert noor not in json.dumps(document)
    for page in (PROFILE, "/activity", SESSIONS, DELETE):
        assert "noor" not in miko.http.get(f"{page}?{query}").text.lower()


@pytest.mark.parametrize("path", [DOWNLOAD, DELETE])
def test_a_browser_that_somebody_finds_open_does_no_harm(server: Live, path: str) -> None:
    miko = signed_in(server, "miko")
    data = fields(miko, path, PROFILE if path == DOWNLOAD else path)
    for session in every(server, Session):
        if session.user == server.users["miko"].id:
            change(server, session, auth_time=int(time.time()) - 3600)
    reply = miko.http.post(path, data=data)
    assert (reply.status_code, "again=1" in reply.headers["location"]) == (303, True)
    assert every(server, Erasure) == ()


def test_a_name_is_no_script_anywhere(server: Live) -> None:
    noor = signed_in(server, "noor")
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    sent = fields(noor, PROFILE, PROFILE)
    data = sent | {"name": evil, "nickname": evil, "language": "", "zone": ""}
    assert noor.http.post(PROFILE, data=data).status_code == 303
    assert account(server, "noor").claims["name"] == evil
    for path in (PROFILE, "/apps", "/activity", SESSIONS, "/security", "/sign-out"):
        text = noor.http.get(path).text
        assert "<img" not in text
        assert "<script>" not in text
    for wrong in (
        {"website": "javascript:alert(1)"},
        {"zone": "../../etc/passwd"},
        {"name": "a\nb"},
    ):
        reply = noor.http.post(PROFILE, data=sent | wrong)
        assert reply.status_code == 400, wrong
        assert 'aria-invalid="true"' in reply.text
    assert noor.http.post(PROFILE, data=data | {"name": ""}).status_code == 303


def test_a_deleted_account_is_shut_at_once_and_a_code_only_opens_it(server: Live) -> None:
    browser = server.browser()
    tokens = redeem(server, authorize(browser, AS_WEB, username="noor"), AS_WEB).json()
    other = signed_in(server, "noor")
    reply = browser.http.post(DELETE, data=fields(browser, DELETE, DELETE))
    code = re.search(r'id="code"[^>]*>([0-9A-Z-]+)<', reply.text)
    assert code is not None
    assert refresh(server, tokens["refresh_token"], AS_WEB).status_code == 400
    for one in (browser, other):
        assert one.http.get(PROFILE).status_code == 303
    one = server.browser()
    one.open("/sign-in")
    one.sign_in("noor")
    assert one.http.get(PROFILE).status_code == 303
    # A guess opens nothing, the code opens the account, and signs nobody in.
    sent = fields(one, RESTORE, RESTORE)
    assert one.http.post(RESTORE, data=sent | {"code": "AAAAA-" * 5}).status_code == 400
    assert one.http.post(RESTORE, data=sent | {"code": ""}).status_code == 400
    assert one.http.post(RESTORE, data=sent | {"code": code[1].lower()}).status_code == 200
    assert one.http.get(PROFILE).status_code == 303
    assert one.http.post(RESTORE, data=sent | {"code": code[1]}).status_code == 400
    assert account(server, "noor").status == "active"
    assert refresh(server, tokens["refresh_token"], AS_WEB).status_code == 200
    kinds = [one.kind for one in every(server, Event) if one.user == server.users["noor"].id]
    assert {"deletion-requested", "deletion-cancelled"} <= set(kinds)
    assert every(server, Erasure) == ()
