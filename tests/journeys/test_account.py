"""A person's own account, clicked through: sessions, activity, profile, data, deletion, e-mail and
password."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.attacks.play import every, find
from tests.installation import PASSWORDS
from tests.journeys.tab import Window, picture, sign_in
from tests.live import Live, live
from tests.mail_server import Mailbox, mailbox, text

from valetkey.server.model.user import Session, User
from valetkey.server.settings.accounts import AccountSettings

pytestmark = pytest.mark.browser

NEW = "lanterns over quiet water"
ITALIAN = """msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Profile"
msgstr "Profilo"
"""


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


@pytest.fixture
def server(tmp_path: Path, box: Mailbox) -> Iterator[Live]:
    folder = tmp_path / "words"
    (folder / "it/LC_MESSAGES").mkdir(parents=True)
    (folder / "it/LC_MESSAGES/valetkey.po").write_text(ITALIAN)
    with live(
        tmp_path,
        name="Chirp",
        mail=box.settings,
        accounts=AccountSettings(mail_codes=True),
        locale_folder=folder,
        unthrottled=("127.0.0.1",),
    ) as server:
        yield server


def at_security(tab: Page, server: Live) -> None:
    tab.goto(f"{server.issuer}/security")
    sign_in(tab)
    expect(tab.locator("h1")).to_have_text("Security")


def code_in(box: Mailbox, before: int, subject: str) -> str:
    """The code in the first mail with this subject after so many mails."""
    ends = time.monotonic() + 30
    while True:
        found = [one for one in box.mails[before:] if one["subject"] == subject]
        if found:
            (code,) = set(re.findall(r"\b[B-Z]{4}-[B-Z]{4}\b", text(found[0])))
            return str(code)
        assert time.monotonic() < ends, [one["subject"] for one in box.mails[before:]]
        time.sleep(0.1)


def test_sessions_are_seen_and_ended_one_by_one_and_all(
    chromium: Browser, tab: Page, server: Live
) -> None:
    windows = [Window(chromium) for _ in range(3)]
    others = [window.tab() for window in windows]
    for other in others:
        at_security(other, server)
    at_security(tab, server)
    tab.get_by_role("link", name="Show browsers").click()
    expect(tab.locator("li.item")).to_have_count(4)
    picture(tab, "sessions")
    tab.locator("button.end").first.click()
    expect(tab.locator("li.item")).to_have_count(3)
    tab.click("#end-others")
    expect(tab.locator("li.item")).to_have_count(1)
    expect(tab.locator("#end-others")).to_have_count(0)
    for other in others:
        other.reload()
        expect(other.locator("#password")).to_be_visible()
    for window in windows:
        window.context.close()
    assert len(every(server, Session)) == 1
    tab.get_by_role("link", name="Activity").click()
    expect(tab.locator("main")).to_contain_text("Signed in")
    picture(tab, "activity")
    tab.get_by_role("link", name="Sign-ins").click()
    expect(tab.locator("main [aria-current=true]")).to_have_text("Sign-ins")
    expect(tab.locator("main")).to_contain_text("Signed in")


def test_a_profile_in_a_language_of_the_operators_own(tab: Page, server: Live) -> None:
    tab.goto(f"{server.issuer}/profile")
    sign_in(tab)
    picture(tab, "profile")
    assert "it" in [one.get_attribute("value") for one in tab.locator("#language option").all()]
    tab.fill("#given_name", "Miko Ada")
    tab.select_option("#language", "de")
    tab.select_option("#zone", "Asia/Tokyo")
    tab.click("#save")
    expect(tab.locator("html")).to_have_attribute("lang", "de")
    expect(tab.get_by_role("status")).to_be_visible()
    expect(tab.locator("#given_name")).to_have_value("Miko Ada")
    tab.select_option("#language", "it")
    tab.click("#save")
    expect(tab.locator("h1")).to_have_text("Profilo")
    user = find(server, User, server.users["miko"].id)
    assert (user.language, user.zone, user.claims["given_name"]) == ("it", "Asia/Tokyo", "Miko Ada")
    tab.goto(f"{server.issuer}/activity")
    expect(tab.locator("time").first).to_contain_text(re.compile(r"JST|\+0?9"))


def test_data_is_downloaded_and_an_account_is_deleted_and_comes_back(
    tab: Page, server: Live
) -> None:
    tab.goto(f"{server.issuer}/profile")
    sign_in(tab)
    with tab.expect_download() as coming:
        tab.click("#download")
    assert coming.value.suggested_filename == "my-data.json"
    document = json.loads(Path(coming.value.path()).read_text("utf-8"))
    assert document["account"]["username"] == "miko"
    assert PASSWORDS["miko"] not in json.dumps(document)
    tab.click("#delete")
    picture(tab, "delete-account")
    tab.click("#delete")
    code = tab.locator("#code").inner_text()
    picture(tab, "deletion")
    tab.goto(f"{server.issuer}/sign-in")
    sign_in(tab)
    expect(tab.get_by_role("alert")).to_contain_text("The username or password is incorrect")
    tab.goto(f"{server.issuer}/restore")
    tab.fill("#code", "not it")
    tab.click("#restore")
    expect(tab.get_by_role("alert")).to_be_visible()
    picture(tab, "restore")
    tab.fill("#code", code.lower())
    tab.click("#restore")
    expect(tab.locator("main")).to_contain_text("Sign in")
    at_security(tab, server)


def test_an_address_is_changed_with_a_code(tab: Page, server: Live, box: Mailbox) -> None:
    before = len(box.mails)
    at_security(tab, server)
    tab.get_by_role("link", name="Change email address").click()
    picture(tab, "email")
    tab.fill("#email", "miko@elsewhere.example")
    tab.click("#send")
    picture(tab, "prove-email")
    tab.fill("#code", "BBBB-BBBB")
    tab.click("#prove")
    expect(tab.get_by_role("alert")).to_contain_text("This code is incorrect")
    tab.fill("#code", code_in(box, before, "Confirm your email address"))
    tab.click("#prove")
    expect(tab.get_by_role("status")).to_contain_text("Your email address is confirmed")
    user = find(server, User, server.users["miko"].id)
    assert (user.email, user.email_verified) == ("miko@elsewhere.example", True)


def test_a_password_is_changed_forgotten_and_reset(tab: Page, server: Live, box: Mailbox) -> None:
    at_security(tab, server)
    tab.get_by_role("link", name="Change password").click()
    tab.fill("#password", "miko@example.org")
    tab.click("#change-password")
    expect(tab.get_by_role("alert")).to_be_visible()
    picture(tab, "change-password")
    tab.fill("#password", NEW)
    tab.click("#change-password")
    expect(tab.locator("main")).to_contain_text("Your password is changed")
    tab.goto(f"{server.issuer}/sign-out")
    tab.click("#sign-out")
    tab.goto(f"{server.issuer}/sign-in")
    before = len(box.mails)
    tab.click("#forgot")
    tab.fill("#username", "miko")
    tab.click("#send")
    picture(tab, "reset")
    tab.fill("#code", code_in(box, before, "Reset your password"))
    tab.fill("#password", f"{NEW}, again")
    tab.click("#reset")
    expect(tab.locator("h1")).to_have_text("Your password is changed")
    tab.get_by_role("link", name="Sign in").click()
    sign_in(tab, password=f"{NEW}, again")
    tab.wait_for_url("**/apps")


def test_a_code_by_mail_signs_in_without_script(
    chromium: Browser, server: Live, box: Mailbox
) -> None:
    window, before = Window(chromium, javascript=False), len(box.mails)
    tab = window.tab()
    tab.goto(f"{server.issuer}/sign-in?next=/activity")
    tab.click("#mail-code")
    tab.fill("#username", "miko")
    tab.click("#send")
    tab.fill("#code", "BBBB-BBBB")
    tab.click("#sign-in")
    expect(tab.get_by_role("alert")).to_contain_text("This code is incorrect")
    tab.fill("#code", code_in(box, before, "Your sign-in code"))
    tab.click("#sign-in")
    expect(tab.locator("h1")).to_have_text("Activity")
    tab.goto(f"{server.issuer}/security/password")
    expect(tab.locator("#sign-in")).to_be_visible()
    expect(tab.locator("#mail-code")).to_have_count(0)
    window.context.close()
    assert window.errors == []
