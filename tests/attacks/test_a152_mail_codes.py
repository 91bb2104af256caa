"""A152, A70, A151: sign-in with a code by mail.

Attack: An attacker signs in with a guessed or stolen code, with a link that a mail scanner opens,
or with nothing but a mailbox where an account or an app asks for more. Or the attacker learns which
accounts exist, or uses up the mails that the owner needs.
Defense: A code counts once, for 15 minutes, five times at most, in the browser that asked. To open
a link changes nothing. Known and unknown usernames get one answer for the same work. A code is
never a factor: it opens no account with a second one, reaches no level, and gives no fresh proof.
Its mails have a budget of their own.
"""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from msgspec.structs import replace
from tests.attacks.play import STEFAPP, asking, change, claims, every, find, redeem, sent_back
from tests.browser import Browser
from tests.live import Live, live
from tests.mail_server import Mailbox, mailbox, text
from tests.rows import row

from valetkey.server.accounts.notices import CODE
from valetkey.server.model import ids
from valetkey.server.model.assurance import PASSWORD, TWO_FACTORS
from valetkey.server.model.change import Create, Remove
from valetkey.server.model.environment import Env
from valetkey.server.model.factor import Factor
from valetkey.server.model.grant import Grant
from valetkey.server.model.pending import Pending
from valetkey.server.model.record import Record
from valetkey.server.model.stream import Job
from valetkey.server.model.user import Session, User
from valetkey.server.oauth.grants import sent_codes
from valetkey.server.oauth.grants.sent_codes import MAILS, SECONDS
from valetkey.server.oauth.signals import notice_delivery
from valetkey.server.settings.accounts import AccountSettings

ESSENTIAL = '{"id_token": {"acr": {"essential": true, "value": "%s"}}}'
SUBJECT = "Your sign-in code"
NOT_ENOUGH = 'id="not_enough"'


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, box: Mailbox) -> Iterator[Live]:
    with live(
        tmp_path_factory.mktemp("codes"),
        name="Chirp",
        mail=box.settings,
        accounts=AccountSettings(mail_codes=True),
        unthrottled=("127.0.0.1",),
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def _as_before(server: Live, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody has asked too often; and afterwards, people are as before."""
    monkeypatch.setattr(sent_codes, "MAILS", 1000)
    monkeypatch.setattr(notice_delivery, "HOURLY", 1000)
    before = [find(server, User, one.id) for one in server.users.values()]
    yield
    for one in before:
        fields = {name: getattr(one, name) for name in ("password", "mark", "email", "status")}
        now = find(server, User, one.id)
        change(server, now, **fields, email_verified=one.email_verified)
    kinds: tuple[type[Record], ...] = (Factor, Session, Grant, Pending)
    rows = [one for kind in kinds for one in every(server, kind)]
    server.run(server.store.commit([Remove(one) for one in rows]))


def codes(box: Mailbox) -> list[Any]:
    return [one for one in box.mails if one["subject"] == SUBJECT]


def mailed(server: Live, box: Mailbox, before: int) -> tuple[str, str]:
    """The code of the first mail after so many, and the path of its link."""
    ends = time.monotonic() + 20
    while len(found := codes(box)) <= before:
        assert time.monotonic() < ends, [one["subject"] for one in box.mails]
        time.sleep(0.05)
    body = text(found[before])
    (code,) = set(re.findall(r"\b[B-Z]{4}-[B-Z]{4}\b", body))
    (link,) = set(re.findall(rf"{re.escape(server.issuer)}(/sign-in/email/\S+)", body))
    return code, link


def ask(
    server: Live, box: Mailbox, name: str = "miko", at: str = "/sign-in?next=/security"
) -> tuple[Browser, str, str]:
    """The browser that asked, the code, and the path of the link."""
    before = len(codes(box))
    browser = server.browser()
    browser.open(at)
    browser.open(offered(browser)[0])
    browser.press("send", username=name)
    return browser, *mailed(server, box, before)


def offered(browser: Browser) -> list[str]:
    """The link to a code by mail on the sign-in page."""
    assert 'id="password"' in browser.page.text
    return re.findall(r'id="mail-code" href="([^"]+)"', browser.page.text)


def is_signed_in(browser: Browser) -> bool:
    return "Sign out" in browser.open("/apps").text


def test_a_code_that_is_typed_signs_in_and_goes_on(server: Live, box: Mailbox) -> None:
    browser, code, _ = ask(server, box)
    browser.press("sign-in", code=code.lower().replace("-", " "))
    assert browser.page.request.url.path == "/security"
    (session,) = every(server, Session)
    assert (session.amr, session.acr, session.way) == (("email",), "", "")


def test_an_app_learns_how_and_of_no_level(server: Live, box: Mailbox) -> None:
    browser, code, _ = ask(server, box, at=asking().path())
    browser.press("sign-in", code=code)
    browser.press("allow")
    answer = redeem(server, sent_back(browser.page)["code"]).json()
    said = claims(answer["id_token"])
    assert (said["amr"], said.get("acr")) == (["email"], None)


def test_a_link_works_in_the_browser_that_asked_and_once(server: Live, box: Mailbox) -> None:
    browser, _, link = ask(server, box)
    browser.open(link)
    assert 'id="code"' not in browser.page.text
    assert not is_signed_in(browser), "to open it changes nothing"
    browser.open(link)
    form = browser.form("sign-in")
    browser.press("sign-in")
    assert is_signed_in(browser)
    again = server.browser()
    again.http.cookies.update(browser.http.cookies)
    assert browser.open(link).status_code == 404
    assert browser.http.post(form.action, data=form.fields).status_code in {403, 404}


def test_a_stolen_link_and_a_scanner_get_nowhere(server: Live, box: Mailbox) -> None:
    browser, code, link = ask(server, box)
    thief = server.browser()
    for _ in range(3):
        page = thief.open(link)
        assert "Go back to the browser where you asked" in page.text
        assert 'id="sign-in"' not in page.text
        assert thief.http.head(link).status_code == 200
    own, _, _ = ask(server, box, "noor")
    form = own.form("sign-in")
    sent = form.fields | {"code": code}
    assert own.http.post(link.partition("?")[0], data=sent).status_code == 403
    assert not is_signed_in(own)
    browser.press("sign-in", code=code)
    assert is_signed_in(browser)


def test_five_guesses(server: Live, box: Mailbox) -> None:
    browser, code, _ = ask(server, box)
    wrong = "BBBB-BBBB" if code != "BBBB-BBBB" else "CCCC-CCCC"
    for left in (4, 3, 2, 1):
        assert f"{left} more time" in browser.press("sign-in", code=wrong).text
    for typed in (wrong, code):
        page = browser.press("sign-in", code=typed)
        assert (page.status_code, "Too many incorrect codes" in page.text) == (400, True)
    assert not is_signed_in(browser)


OVER = [
    row("A152", "15 minutes later", "late"),
    row("A152", "after another password", "password"),
    row("A152", "after the account was disabled", "disabled"),
]


@pytest.mark.parametrize("what", OVER)
def test_a_code_ends(what: str, server: Live, box: Mailbox) -> None:
    browser, code, _ = ask(server, box)
    miko = find(server, User, server.users["miko"].id)
    if what == "late":
        for one in every(server, Pending):
            if one.kind == "sign-in":
                change(server, one, expires=one.created - SECONDS)
    elif what == "password":
        change(server, miko, password=find(server, User, server.users["noor"].id).password)
    else:
        change(server, miko, status="disabled")
    page = browser.press("sign-in", code=code)
    assert page.status_code in {400, 404}
    assert every(server, Session) == ()


def add_authenticator(server: Live, browser: Browser) -> pyotp.TOTP:
    browser.open("/sign-in")
    browser.sign_in("miko")
    browser.open("/security/authenticator")
    secret = re.search(r'id="secret"[^>]*>([A-Z2-7 ]+)<', browser.page.text)
    assert secret is not None
    totp = pyotp.TOTP(secret[1].replace(" ", ""))
    browser.press("confirm", code=totp.now(), name="Phone")
    return totp


def test_it_opens_no_account_with_a_second_factor(server: Live, box: Mailbox) -> None:
    """Nor on a device that the user trusts: a mailbox and a trusted device are no factor."""
    browser = server.browser()
    totp = add_authenticator(server, browser)
    for factor in every(server, Factor):
        if factor.kind == "totp":
            change(server, factor, counter=0)
    browser.open("/sign-out")
    browser.press("sign-out")
    browser.open("/sign-in")
    browser.sign_in("miko")
    browser.press("continue", code=totp.now(), trust="1")
    browser.open("/sign-out")
    browser.press("sign-out")
    before = len(codes(box))
    browser.open("/sign-in")
    browser.open(offered(browser)[0])
    browser.press("send", username="miko")
    code, _ = mailed(server, box, before)
    page = browser.press("sign-in", code=code)
    assert (page.status_code, NOT_ENOUGH in page.text) == (403, True)
    assert not is_signed_in(browser)
    assert browser.open(str(page.request.url)).status_code == 404, "and it is used up"


ASKS_FOR_MORE = [
    row("A152", "an essential level", {"claims": ESSENTIAL % PASSWORD}, STEFAPP.scope),
    row("A152", "a stronger one", {"claims": ESSENTIAL % TWO_FACTORS}, STEFAPP.scope),
    row("A152", "a sensitive permission", {}, "openid chirps.read dms.send"),
]


@pytest.mark.parametrize("sends,scope", ASKS_FOR_MORE)
def test_it_is_not_offered_where_an_app_asks_for_more(
    sends: dict[str, str], scope: str, server: Live
) -> None:
    browser = server.browser()
    browser.open(replace(STEFAPP, scope=scope, more=sends).path())
    here = browser.page.request.url.path
    assert offered(browser) == []
    assert browser.open(f"{here}/email").request.url.path == here


def test_a_request_that_asks_for_more_meanwhile_gets_no_session(server: Live, box: Mailbox) -> None:
    """The code was asked for when it was enough."""
    browser, code, _ = ask(server, box, at=asking().path())
    (mail,) = [one for one in every(server, Pending) if one.parameters.get("pending")]
    waiting = find(server, Pending, mail.parameters["pending"])
    more = waiting.parameters | {"claims": ESSENTIAL % PASSWORD}
    change(server, waiting, parameters=more)
    page = browser.press("sign-in", code=code)
    assert NOT_ENOUGH in page.text
    assert every(server, Session) == ()


@pytest.mark.parametrize(
    "path", ["/security/password", "/security/email", "/security/authenticator", "/profile/delete"]
)
def test_it_is_no_fresh_proof(path: str, server: Live, box: Mailbox) -> None:
    browser, code, _ = ask(server, box)
    browser.press("sign-in", code=code)
    page = browser.open(path)
    assert 'id="password"' in page.text
    assert offered(browser) == []
    browser.sign_in("miko")
    assert browser.page.request.url.path == path


def test_a_sensitive_permission_asks_for_the_password(server: Live, box: Mailbox) -> None:
    browser, code, _ = ask(server, box)
    browser.press("sign-in", code=code)
    browser.open(replace(STEFAPP, scope="openid chirps.read dms.send").path())
    assert 'id="password"' in browser.page.text
    browser.sign_in("miko")
    assert 'id="allow"' in browser.page.text


NAMES = [
    row("A70", "somebody", "miko"),
    row("A70", "somebody who is disabled", "noor"),
    row("A70", "nobody", "nobody"),
    row("A70", "a strange name", "'; DROP TABLE users; --"),
]


@pytest.mark.parametrize("name", NAMES)
def test_one_answer_for_the_same_work(
    name: str, server: Live, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(server, find(server, User, server.users["noor"].id), status="disabled")
    real, commits = server.store.commit, list[list[str]]()

    def noted(changes: Any, *more: Any) -> Any:
        names = [type(one.record).__name__ for one in changes]
        # A mail is counted when it goes out, later.
        if {"Pending", "Throttle"} & {*names}:
            commits.append(names)
        return real(changes, *more)

    monkeypatch.setattr(server.store, "commit", noted)

    def answer(typed: str) -> tuple[Any, ...]:
        browser = server.browser()
        browser.open("/sign-in/email")
        commits.clear()
        sent = browser.send("send", username=typed)
        work = commits[: commits.index(["Pending", "Job"]) + 1]
        page = browser.open(sent.headers["location"])
        guessed = browser.press("sign-in", code="BBBB-BBBB")
        pages = [re.sub(r'/email/\w+|value="[^"]*"', "", one.text) for one in (page, guessed)]
        names = sorted(one for one in sent.headers if one not in ("date", "content-length"))
        return sent.status_code, guessed.status_code, pages, names, work

    assert answer(name) == answer("nobody")


def test_its_mails_are_limited_and_use_up_no_others(
    server: Live, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sent_codes, "MAILS", MAILS)
    noor, env = find(server, User, server.users["noor"].id), Env(int(time.time()), os.urandom)
    flo = replace(noor, id=ids.user_id(env), username="flo", email="flood@example.org", version=0)
    server.run(server.store.commit((Create(flo),)))
    browser = server.browser()
    for path, count in (("/sign-in/email", 4 * MAILS), ("/forgot", 1)):
        browser.open(path)
        form = browser.form("send")
        for _ in range(count):
            sent = browser.http.post(form.action, data=form.fields | {"username": "flo"})
            assert sent.status_code == 303, "and the answer stays the same"
    ends = time.monotonic() + 20
    while any(one.kind == CODE for one in every(server, Job)):
        assert time.monotonic() < ends
        time.sleep(0.05)
    assert box.receivers.count("flood@example.org") == MAILS + 1


def test_an_address_that_nobody_verified_gets_nothing(server: Live, box: Mailbox) -> None:
    change(server, find(server, User, server.users["miko"].id), email_verified=False)
    before = len(codes(box))
    browser = server.browser()
    browser.open("/sign-in/email")
    browser.press("send", username="miko")
    ends = time.monotonic() + 20
    while any(one.kind == CODE for one in every(server, Job)):
        assert time.monotonic() < ends
        time.sleep(0.05)
    assert len(codes(box)) == before


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/sign-out", "/x"])
def test_it_leads_nowhere_else(target: str, server: Live, box: Mailbox) -> None:
    """A69: the target travels with the request, and is one of the user's own pages."""
    before = len(codes(box))
    browser = server.browser()
    browser.page = browser.http.get("/sign-in/email", params={"next": target})
    assert browser.form("send").action == "/sign-in/email?next=/apps"
    sent = browser.http.post(
        "/sign-in/email",
        params={"next": target},
        data=browser.form("send").fields | {"username": "miko"},
    )
    code, _ = mailed(server, box, before)
    browser.open(sent.headers["location"])
    answer = browser.send("sign-in", code=code)
    assert (answer.status_code, answer.headers["location"]) == (303, "/apps")


def test_it_is_off_by_default(tmp_path: Path) -> None:
    with live(tmp_path) as server:
        browser = server.browser()
        browser.open("/sign-in")
        assert offered(browser) == []
        assert browser.open("/sign-in/email").status_code == 404
