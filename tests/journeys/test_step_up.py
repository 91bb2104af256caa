"""Step-up, as a person meets it: an app asks for a sensitive permission, or for two factors."""

import pyotp
import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, expect
from tests.attacks.play import STEFAPP, change, every
from tests.journeys.tab import picture, sign_in
from tests.live import Live

from valetkey.server.model.assurance import TWO_FACTORS
from valetkey.server.model.factor import Factor
from valetkey.server.model.user import Session

pytestmark = pytest.mark.browser

SENSITIVE = replace(STEFAPP, scope="openid chirps.read dms.send")


def set_up(tab: Page, server: Live) -> pyotp.TOTP:
    tab.goto(f"{server.issuer}/security")
    sign_in(tab)
    tab.click("#add-authenticator")
    totp = pyotp.TOTP((tab.locator("#secret").text_content() or "").replace(" ", ""))
    tab.fill("#code", totp.now())
    tab.click("#confirm")
    tab.click("#continue")
    expect(tab.locator("#second-factors")).to_be_visible()
    for factor in every(server, Factor):
        if factor.kind == "totp":
            change(server, factor, counter=0)  # Its code of now was used: a test doesn't wait.
    return totp


def age(server: Live) -> None:
    """The session is an hour old."""
    (session,) = every(server, Session)
    change(server, session, auth_time=session.auth_time - 3600)


def test_a_sensitive_permission_takes_a_fresh_code_and_no_password(tab: Page, server: Live) -> None:
    totp = set_up(tab, server)
    age(server)
    tab.goto(f"{server.issuer}{SENSITIVE.path()}")
    expect(tab.locator("h1")).to_have_text("Confirm it’s you")  # noqa: RUF001
    expect(tab.locator("#password")).to_have_count(0)
    expect(tab.locator("#trust")).to_have_count(0)
    picture(tab, "step-up")
    tab.fill("#code", "000000")
    tab.click("#continue")
    expect(tab.get_by_role("alert")).to_contain_text("This code is incorrect")
    tab.fill("#code", totp.now())
    tab.click("#continue")
    expect(tab.locator("#allow")).to_be_visible()
    box = tab.locator("input[name=permission][value='dms.send']")
    expect(box).not_to_be_checked()
    picture(tab, "consent-sensitive")


def test_without_a_second_factor_it_takes_the_password(tab: Page, server: Live) -> None:
    tab.goto(f"{server.issuer}/security")
    sign_in(tab)
    expect(tab.locator("h1")).to_have_text("Security")
    age(server)
    tab.goto(f"{server.issuer}{SENSITIVE.path()}")
    expect(tab.locator("#username")).to_have_value("miko")
    sign_in(tab)
    expect(tab.locator("#allow")).to_be_visible()


def test_an_app_that_asks_for_two_factors_on_a_trusted_device(tab: Page, server: Live) -> None:
    totp = set_up(tab, server)
    (session,) = every(server, Session)
    change(server, session, amr=("pwd",), acr="")  # As after a sign-in on a trusted device.
    asks = replace(STEFAPP, more={"acr_values": TWO_FACTORS})
    tab.goto(f"{server.issuer}{asks.path()}")
    expect(tab.locator("#code")).to_be_visible()
    tab.click("#restart")
    expect(tab.locator("#password")).to_be_visible()
    tab.go_back()
    tab.fill("#code", totp.now())
    tab.click("#continue")
    expect(tab.locator("#allow")).to_be_visible()
    (session,) = every(server, Session)
    assert session.acr == TWO_FACTORS
