"""Staff at work in the console: support helps Miko, an operator stops an app and lets it in again,
and nobody reaches further than their role."""

from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.attacks.play import STEFAPP, find, redeem
from tests.browser import authorize
from tests.journeys.tab import Window, picture, sign_in
from tests.live import Live, live
from tests.server.pages.console.staff import ON, bind

from valetkey.server.model.client import Client

pytestmark = pytest.mark.browser


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with live(tmp_path, name="Chirp", unthrottled=("127.0.0.1",), **ON) as server:
        redeem(server, authorize(server.browser(), STEFAPP))
        yield server


def enter(
    tab: Page,
    server: Live,
    path: str = "/console",
    *,
    username: str = "noor",
    password: str = "",
    heading: str = "Overview",
) -> None:
    """Noor signs in, and sets up the second factor that the console wants. The page is the one
    with this heading."""
    tab.goto(f"{server.issuer}{path}")
    sign_in(tab, username=username, password=password)
    expect(tab.locator("h1")).to_have_text("Second factor needed")
    picture(tab, "console-no-factor")
    tab.click("#add")
    tab.click("#add-authenticator")
    expect(tab.locator(".qr")).to_be_visible()
    totp = pyotp.TOTP((tab.locator("#secret").text_content() or "").replace(" ", ""))
    tab.fill("#code", totp.now())
    tab.fill("#name", "Phone")
    tab.click("#confirm")
    tab.goto(f"{server.issuer}{path}")
    expect(tab.locator("h1")).to_have_text(heading)


def find_miko(tab: Page, server: Live) -> None:
    """From the overview to the page that asks why."""
    tab.get_by_role("link", name="Users", exact=True).click()
    tab.select_option("#by", "username")
    tab.fill("#search", "miko")
    tab.keyboard.press("Enter")
    picture(tab, "console-users")
    tab.get_by_role("row").nth(1).get_by_role("link").click()
    expect(tab.locator("h1")).to_contain_text("Open the account of")


def test_support_stops_one_permission_and_miko_reads_why(
    window: Window, server: Live, chromium: Browser
) -> None:
    tab = window.tab()
    bind(server, "noor", "support")
    enter(tab, server)
    picture(tab, "console-overview")
    find_miko(tab, server)
    expect(tab.locator("#reason")).to_be_focused()
    tab.fill("#reason", "Ticket 7: posts that Miko did not write")
    picture(tab, "console-open")
    tab.keyboard.press("Enter")
    expect(tab.locator("main")).to_contain_text("What they allowed")
    expect(tab.locator("article[data-client-id=stefapp]")).to_contain_text("Post chirps")
    picture(tab, "console-support")
    tab.locator("[data-permission='chirps.write']").click()
    expect(tab.locator("h1")).to_have_text("Stop this permission of stefApp?")
    tab.fill("#reason", "You asked us to stop the posts.")
    picture(tab, "console-stop-permission")
    tab.click("#confirm")
    expect(tab.get_by_role("status")).to_contain_text("Stopped. The user sees your reason.")
    expect(tab.locator("[data-permission='chirps.write']")).to_have_count(0)

    miko = Window(chromium)
    own = miko.tab()
    own.goto(f"{server.issuer}/activity")
    sign_in(own)
    expect(own.locator("main")).to_contain_text("You asked us to stop the posts.")
    expect(own.locator("main")).to_contain_text("Support looked at your account")
    picture(own, "activity-after-support")
    own.goto(f"{server.issuer}/apps")
    own.locator("article[data-client-id=stefapp] a.details").click()
    expect(own.locator("main")).to_contain_text("You asked us to stop the posts.")
    miko.context.close()
    assert miko.errors == []

    # What is not theirs is refused, and a role that is taken away ends the page at once.
    tab.goto(f"{server.issuer}/console/keys")
    expect(tab.locator("h1#error")).to_be_visible()
    bind(server, "noor")
    tab.goto(f"{server.issuer}/console/users")
    expect(tab.locator("h1#error")).to_be_visible()


def test_an_operator_suspends_an_app_and_restores_it(tab: Page, server: Live) -> None:
    bind(server, "noor", "operator")
    enter(tab, server)
    tab.get_by_role("link", name="Apps", exact=True).click()
    picture(tab, "console-apps")
    tab.get_by_role("link", name="stefApp", exact=True).click()
    tab.click("#suspend")
    tab.click("#confirm")  # The browser asks for the reason, and sends nothing.
    tab.fill("#reason", "It posts spam.")
    tab.click("#confirm")
    expect(tab.locator("#suspended")).to_contain_text("It posts spam.")
    picture(tab, "console-app-suspended")
    assert find(server, Client, "stefapp").status == "suspended"
    tab.click("#restore")
    tab.fill("#reason", "The developer mended it.")
    tab.click("#confirm")
    expect(tab.get_by_role("status")).to_contain_text("Restored.")
    assert find(server, Client, "stefapp").status == "active"
