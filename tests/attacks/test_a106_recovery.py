"""A106, A72, A70, A81: reset links and mail codes.

Attack: An attacker takes over an account by a reset: with a stolen link, with guesses, with a link
that a mail scanner opens, or with a link to another host. Or the attacker learns which accounts
exist, or floods an inbox.
Defense: A code counts once, for 15 minutes, in the browser that asked. To open a link changes
nothing. Known and unknown usernames get one answer for the same work. Nobody is signed in by a
reset.
"""

import os
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from tests.attacks.play import change, every, find, signed_in
from tests.browser import Browser
from tests.installation import PASSWORDS
from tests.live import Live, live
from tests.mail_server import Mailbox, mailbox, text
from tests.rows import row

from valetkey.server.accounts.notices import CODE
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.stream import Job
from valetkey.server.model.user import Session, User
from valetkey.server.oauth.grants import sent_codes
from valetkey.server.oauth.grants.sent_codes import MAILS
from valetkey.server.oauth.signals import notice_delivery

NEW = "lanterns over quiet water"


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, box: Mailbox) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("recovery")
    with live(
        folder, name="Chirp", mail=box.settings, unthrottled=("127.0.0.1",), enable=("sign-up",)
    ) as running:
        for user in running.users.values():
            change(running, find(running, User, user.id), email_verified=True)
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
        change(server, find(server, User, one.id), **fields)


def subjects(box: Mailbox, kind: str) -> list[Any]:
    return [one for one in box.mails if kind in one["subject"].lower()]


def newest(box: Mailbox, kind: str, before: int) -> Any:
    """The first mail of this kind after so many."""
    ends = time.monotonic() + 20
    while len(found := subjects(box, kind)) <= before:
        assert time.monotonic() < ends, [one["subject"] for one in box.mails]
        time.sleep(0.05)
    return found[before]


def ask(server: Live, box: Mailbox, name: str = "miko") -> tuple[Browser, str, str]:
    """The browser that asked, the code, and the path of the link."""
    before = len(subjects(box, "password"))
    browser = server.browser()
    browser.open("/sign-in")
    browser.open(re.findall(r'id="forgot" href="([^"]+)"', browser.page.text)[0])
    browser.press("send", username=name)
    body = text(newest(box, "password", before))
    (code,) = set(re.findall(r"\b[B-Z]{4}-[B-Z]{4}\b", body))
    (link,) = set(re.findall(rf"{re.escape(server.issuer)}(/forgot/\S+)", body))
    return browser, code, link


def can_sign_in(server: Live, word: str) -> bool:
    browser = server.browser()
    browser.open("/sign-in")
    return browser.send("sign-in", username="miko", password=word).status_code == 303


def test_a_code_that_is_typed_leads_to_a_new_password(server: Live, box: Mailbox) -> None:
    elsewhere = signed_in(server, "miko")
    told = len(subjects(box, "changed"))
    browser, code, _ = ask(server, box)
    page = browser.press("reset", code=code.lower(), password=NEW)
    assert "Sign in with your new password" in page.text
    assert not browser.http.cookies.get("vk_session"), "other factors stay required"
    assert elsewhere.open("/apps").request.url.path == "/sign-in"
    assert can_sign_in(server, NEW)
    assert not can_sign_in(server, PASSWORDS["miko"])
    assert newest(box, "changed", told)["to"] == "miko@example.org"


def test_a_link_works_in_the_browser_that_asked_and_once(server: Live, box: Mailbox) -> None:
    browser, _, link = ask(server, box)
    browser.open(link)
    assert 'id="code"' not in browser.page.text
    assert "little besides your name" in browser.press("reset", password="miko@example.org").text
    browser.press("reset", password=NEW)
    assert can_sign_in(server, NEW)
    assert browser.open(link).status_code == 404


def test_a_stolen_link_and_a_scanner_get_nowhere(server: Live, box: Mailbox) -> None:
    browser, code, link = ask(server, box)
    thief = server.browser()
    for _ in range(3):
        page = thief.open(link)
        assert "Go back to the browser where you asked" in page.text
        assert 'id="reset"' not in page.text
        assert thief.http.head(link).status_code == 200
    # A form of another reset of the thief's own, sent to this one.
    own, _, _ = ask(server, box, "noor")
    form = own.form("reset")
    sent = form.fields | {"code": code, "password": NEW}
    assert own.http.post(link.partition("?")[0], data=sent).status_code == 403
    assert can_sign_in(server, PASSWORDS["miko"])
    browser.press("reset", code=code, password=NEW)
    assert can_sign_in(server, NEW)


def test_five_guesses(server: Live, box: Mailbox) -> None:
    browser, code, _ = ask(server, box)
    wrong = "BBBB-BBBB" if code != "BBBB-BBBB" else "CCCC-CCCC"
    for left in (4, 3, 2, 1):
        assert f"{left} more time" in browser.press("reset", code=wrong, password=NEW).text
    for typed in (wrong, code):
        page = browser.press("reset", code=typed, password=NEW)
        assert (page.status_code, "Too many incorrect codes" in page.text) == (400, True)
    assert can_sign_in(server, PASSWORDS["miko"])


SPOOFED = [
    row("A72", "Host", {"host": "evil.example"}),
    row("A72", "X-Forwarded-Host", {"x-forwarded-host": "evil.example"}),
    row("A72", "Forwarded", {"forwarded": "host=evil.example;proto=https"}),
    row("A72", "X-Forwarded-For and a proto", {"x-forwarded-proto": "gopher"}),
]


@pytest.mark.parametrize("headers", SPOOFED)
def test_a_link_leads_to_this_server_alone(
    headers: dict[str, str], server: Live, box: Mailbox
) -> None:
    before = len(subjects(box, "password"))
    browser = server.browser()
    browser.open("/forgot")
    form = browser.form("send")
    browser.http.post(form.action, data=form.fields | {"username": "miko"}, headers=headers)
    mail = newest(box, "password", before)
    whole = text(mail) + text(mail, "html")
    assert "evil" not in whole
    assert "gopher" not in whole
    assert f"{server.issuer}/forgot/" in whole


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
    noor = find(server, User, server.users["noor"].id)
    change(server, noor, status="disabled")
    real, commits = server.store.commit, list[list[str]]()

    def noted(changes: Any, *more: Any) -> Any:
        names = [type(one.record).__name__ for one in changes]
        # A mail is counted when it goes out, later.
        if {"Pending", "Throttle"} & {*names}:
            commits.append(names)
        return real(changes, *more)

    monkeypatch.setattr(server.store, "commit", noted)

    def answer(typed: str) -> tuple[int, str, list[str], list[list[str]]]:
        browser = server.browser()
        browser.open("/forgot")
        commits.clear()
        sent = browser.send("send", username=typed)
        work = commits[: commits.index(["Pending", "Job"]) + 1]
        page = browser.open(sent.headers["location"])
        bare = re.sub(r'/forgot/\w+|value="[^"]*"', "", page.text)
        names = sorted(one for one in sent.headers if one not in ("date", "content-length"))
        return sent.status_code, bare, names, work

    assert answer(name) == answer("nobody")


def test_an_inbox_is_not_flooded(
    server: Live, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sent_codes, "MAILS", MAILS)
    env = Env(int(time.time()), os.urandom)
    miko = find(server, User, server.users["miko"].id)
    flo = replace(miko, id=ids.user_id(env), username="flo", email="flo@example.org", version=0)
    server.run(server.store.commit((Create(flo),)))
    browser = server.browser()
    browser.open("/forgot")
    form = browser.form("send")
    for _ in range(4 * MAILS):
        sent = browser.http.post(form.action, data=form.fields | {"username": "flo"})
        assert sent.status_code == 303, "and the answer stays the same"
    ends = time.monotonic() + 20
    while any(one.kind == CODE for one in every(server, Job)):
        assert time.monotonic() < ends
        time.sleep(0.05)
    assert box.receivers.count("flo@example.org") == MAILS


def addressed(server: Live, box: Mailbox, to: str) -> tuple[Browser, str, str]:
    """Miko's browser that asked for another address, the code, and the path of the link."""
    before = len(subjects(box, "email"))
    miko = signed_in(server, "miko")
    miko.open("/security")
    miko.open("/security/email")
    miko.press("send", email=to)
    mail = newest(box, "email", before)
    assert mail["to"] == to
    (code,) = set(re.findall(r"\b[B-Z]{4}-[B-Z]{4}\b", text(mail)))
    (link,) = set(re.findall(rf"{re.escape(server.issuer)}(/security/email/\S+)", text(mail)))
    return miko, code, link


def test_an_address_counts_once_it_is_proved_and_the_old_one_is_told(
    server: Live, box: Mailbox
) -> None:
    miko, code, link = addressed(server, box, "new@example.org")
    user = server.users["miko"].id
    assert find(server, User, user).email == "miko@example.org"
    noor = signed_in(server, "noor")
    assert noor.open(link).status_code == 404, "a link for somebody else"
    assert find(server, User, server.users["noor"].id).email == "noor@example.org"
    assert signed_in(server, "miko").open(link).status_code == 200
    assert find(server, User, user).email == "miko@example.org", "to open it changes nothing"
    page = miko.press("prove", code=code)
    assert "Your email address is confirmed" in page.text
    assert find(server, User, user).email == "new@example.org"
    ends = time.monotonic() + 20
    while not any(
        to == "miko@example.org" and "email" in mail["subject"].lower()
        for mail, to in zip(box.mails, box.receivers, strict=True)
    ):
        assert time.monotonic() < ends
        time.sleep(0.05)
    assert miko.open(link).status_code == 404


def test_an_address_takes_a_fresh_proof(server: Live) -> None:
    miko = signed_in(server, "miko")
    miko.open("/security/email")
    form = miko.form("send")
    for one in every(server, Session):
        change(server, one, auth_time=one.auth_time - 601)
    sent = miko.http.post(form.action, data=form.fields | {"email": "thief@example.org"})
    assert sent.headers["location"].startswith("/sign-in?next=/security/email")


def test_a_new_account_proves_its_address(server: Live, box: Mailbox) -> None:
    before = len(subjects(box, "email"))
    lea = server.browser()
    lea.open("/sign-up")
    lea.press("sign-up", username="lea", password=NEW, email="lea@example.org")
    mail = newest(box, "email", before)
    (link,) = set(re.findall(rf"{re.escape(server.issuer)}(/security/email/\S+)", text(mail)))
    lea.open(link)
    lea.press("prove")
    (user,) = [one for one in every(server, User) if one.username == "lea"]
    assert (user.email, user.email_verified) == ("lea@example.org", True)
