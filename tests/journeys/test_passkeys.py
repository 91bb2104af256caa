"""Passkeys, as a person uses them: added, used to sign in, renamed, lost and removed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.attacks.play import change, every
from tests.journeys.tab import Window, picture, sign_in
from tests.journeys.virtual import VirtualDevice
from tests.live import Live, live

from valetkey.server.model.factor import Factor
from valetkey.server.model.user import Session

pytestmark = pytest.mark.browser


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with live(tmp_path, name="Chirp", unthrottled=("127.0.0.1",), host="localhost") as server:
        yield server


def add_passkey(tab: Page, name: str = "Laptop") -> list[str]:
    """Adds the first one; the recovery codes that come with it."""
    tab.click("#add")
    tab.fill("#name", name)
    tab.click("#add-passkey")
    expect(tab.locator("#codes")).to_be_visible()
    codes = tab.locator("#codes li").all_inner_texts()
    tab.click("#continue")
    expect(tab.get_by_role("status")).to_contain_text("The passkey was added")
    return codes


def test_a_passkey_is_added_used_renamed_and_removed(tab: Page, server: Live) -> None:
    device = VirtualDevice(tab)
    tab.goto(f"{server.issuer}/security/passkeys")
    sign_in(tab)
    expect(tab.locator("h1")).to_have_text("Passkeys")
    picture(tab, "passkeys-none")
    add_passkey(tab)
    assert len(device.credentials) == 1
    picture(tab, "passkeys")
    tab.goto(f"{server.issuer}/sign-out")
    tab.click("#sign-out")
    device.touch(at_once=False)  # Else it answers before the button is there.
    tab.goto(f"{server.issuer}/security/passkeys")
    expect(tab.locator("#passkey")).to_be_visible()
    picture(tab, "sign-in-passkey")
    device.touch(at_once=True)
    tab.click("#passkey")
    expect(tab.locator("article.passkey")).to_contain_text("Last used just now")
    (session,) = every(server, Session)
    assert (session.amr, session.acr) == (("pop", "user", "mfa"), "phr")
    tab.click("article.passkey a.details")
    picture(tab, "passkey")
    tab.fill("#name", "Red phone")
    tab.click("#rename")
    expect(tab.locator("article.passkey h2")).to_have_text("Red phone")
    tab.click("article.passkey a.details")
    tab.click("#remove")
    expect(tab.get_by_role("status")).to_contain_text("The passkey was removed")
    assert every(server, Factor) == ()


def test_conditional_ui_signs_in_without_a_button(tab: Page, server: Live, window: Window) -> None:
    VirtualDevice(tab)
    tab.goto(f"{server.issuer}/security/passkeys")
    sign_in(tab)
    add_passkey(tab)
    window.context.clear_cookies()
    tab.goto(f"{server.issuer}/security/passkeys")
    # The virtual authenticator chooses at once, as a person does from the list of the field.
    expect(tab.locator("article.passkey")).to_contain_text("Last used just now")


def test_an_issuer_with_a_path_and_without_script(
    chromium: Browser, tab: Page, tmp_path: Path
) -> None:
    with live(tmp_path, unthrottled=("127.0.0.1",), host="localhost", path="/oauth") as server:
        VirtualDevice(tab)
        tab.goto(f"{server.issuer}/security/passkeys")
        sign_in(tab)
        add_passkey(tab)
        tab.context.clear_cookies()
        tab.goto(f"{server.issuer}/security/passkeys")
        expect(tab.locator("article.passkey")).to_contain_text("Last used just now")
        plain = Window(chromium, javascript=False)
        page = plain.tab()
        page.goto(f"{server.issuer}/sign-in")
        expect(page.locator("#username")).to_be_visible()
        expect(page.locator("#passkey")).to_be_hidden()
        sign_in(page, username="noor")
        page.goto(f"{server.issuer}/security/passkeys/add")
        expect(page.locator("main")).to_contain_text("Passkeys need JavaScript and")
        plain.context.close()


def sign_out(tab: Page, server: Live) -> None:
    tab.goto(f"{server.issuer}/sign-out")
    tab.click("#sign-out")


def test_a_second_factor_after_a_password_and_a_lost_device(tab: Page, server: Live) -> None:
    device = VirtualDevice(tab)
    tab.goto(f"{server.issuer}/security/passkeys")
    sign_in(tab)
    codes = add_passkey(tab)
    sign_out(tab, server)
    device.touch(at_once=False)
    tab.goto(f"{server.issuer}/security/passkeys")
    sign_in(tab)
    expect(tab.locator("#code")).to_be_visible()
    picture(tab, "second-factor-passkey")
    device.touch(at_once=True)
    tab.click("#passkey")
    expect(tab.locator("article.passkey")).to_contain_text("Last used just now")
    (session,) = every(server, Session)
    assert (session.amr, session.acr) == (("pwd", "pop", "user", "mfa"), "phr")
    sign_out(tab, server)
    device.lose()
    tab.goto(f"{server.issuer}/security/passkeys")
    sign_in(tab)
    tab.fill("#code", codes[0])
    tab.click("#continue")
    tab.click("article.passkey a.details")
    tab.click("#remove")
    expect(tab.get_by_role("status")).to_contain_text("The passkey was removed")
    assert every(server, Factor) == ()


def test_a_fresh_proof_is_the_passkey_alone(tab: Page, server: Live) -> None:
    device = VirtualDevice(tab)
    tab.goto(f"{server.issuer}/security/passkeys")
    sign_in(tab)
    add_passkey(tab)
    (session,) = every(server, Session)
    change(server, session, auth_time=session.auth_time - 3600)
    device.touch(at_once=False)
    tab.goto(f"{server.issuer}/security/password")
    expect(tab.locator("h1")).to_contain_text("Confirm it")
    expect(tab.locator("#password")).to_have_count(0)
    picture(tab, "fresh-proof-passkey")
    device.touch(at_once=True)
    tab.click("#passkey")
    expect(tab.locator("#new-password, input[autocomplete=new-password]").first).to_be_visible()
    (fresh,) = every(server, Session)
    assert fresh.auth_time > session.auth_time - 3600
    assert fresh.id != session.id


def test_sign_up_offers_a_passkey_and_a_browser_may_make_one(tab: Page, tmp_path: Path) -> None:
    with live(
        tmp_path, unthrottled=("127.0.0.1",), host="localhost", enable=("sign-up",)
    ) as server:
        device = VirtualDevice(tab)
        tab.goto(f"{server.issuer}/sign-up")
        expect(tab.locator("input[name=passkeys]")).not_to_have_value("")
        tab.fill("#username", "kim")
        tab.fill("#password", "a tale of four silent rivers")
        tab.click("#sign-up")
        picture(tab, "passkey-offer")
        tab.click("#add-passkey")
        expect(tab.locator("#codes")).to_be_visible()
        tab.click("#continue")
        tab.wait_for_url("**/apps")
        sign_out(tab, server)
        device.touch(at_once=False)
        tab.goto(f"{server.issuer}/sign-in")
        field = tab.locator("input[name=passkeys]")
        expect(field).not_to_have_value("")
        # As in a browser whose password manager has just filled the form in.
        field.evaluate("element => { element.value = 'conditional' }")
        sign_in(tab, username="noor")
        tab.wait_for_url("**/apps")
        noor = server.users["noor"].id
        assert all(one.optional for one in every(server, Factor) if one.user == noor)
