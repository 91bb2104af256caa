"""A second factor, as a person uses it: set up, asked for, trusted, lost, and removed."""

import pyotp
import pytest
from playwright.sync_api import Page, expect
from tests.attacks.play import change, every
from tests.journeys.tab import picture, sign_in
from tests.live import Live

from valetkey.server.model.factor import Factor

pytestmark = pytest.mark.browser


def sign_out(tab: Page, server: Live) -> None:
    tab.goto(f"{server.issuer}/sign-out")
    tab.click("#sign-out")
    tab.goto(f"{server.issuer}/sign-in?next=/security")


def test_an_authenticator_is_set_up_used_and_removed(tab: Page, server: Live) -> None:
    tab.goto(f"{server.issuer}/security")
    sign_in(tab)
    picture(tab, "security")
    tab.click("#add-authenticator")
    expect(tab.locator(".qr")).to_be_visible()
    picture(tab, "set-up-authenticator")
    totp = pyotp.TOTP(tab.locator("#secret").inner_text().replace(" ", ""))
    tab.fill("#code", "000000")
    tab.click("#confirm")
    expect(tab.get_by_role("alert")).to_contain_text("This code is incorrect")
    tab.fill("#code", totp.now())
    tab.fill("#name", "Red phone")
    tab.click("#confirm")
    codes = tab.locator("#codes code").all_inner_texts()
    assert len(codes) == 10
    picture(tab, "recovery-codes")
    tab.click("#continue")
    expect(tab.locator("#second-factors")).to_contain_text("Red phone")
    expect(tab.locator("#codes-left")).to_have_text("10 unused codes")
    picture(tab, "security-with-factors")

    sign_out(tab, server)
    sign_in(tab)
    expect(tab.locator("h1")).to_contain_text("Confirm it")
    picture(tab, "second-factor")
    tab.fill("#code", codes[0])
    tab.check("#trust")
    tab.click("#continue")
    expect(tab.locator("#codes-left")).to_have_text("9 unused codes")

    sign_out(tab, server)
    sign_in(tab)
    expect(tab.locator("#codes-left")).to_be_visible()
    tab.click(".remove-factor")
    expect(tab.locator("h1")).to_contain_text("Confirm it")
    expect(tab.locator("#password")).to_have_count(0)
    (factor,) = [one for one in every(server, Factor) if one.kind == "totp"]
    change(server, factor, counter=0)  # Its code of now was used: a test doesn't wait.
    tab.fill("#code", totp.now())
    tab.click("#continue")
    tab.click(".remove-factor")
    expect(tab.locator("#add-authenticator")).to_be_visible()
    assert every(server, Factor) == ()
