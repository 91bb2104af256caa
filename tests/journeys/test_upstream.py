"""Miko signs in at one server of this project with her account at another, and links accounts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.journeys.api import chirp
from tests.journeys.stefapp import StefApp
from tests.journeys.tab import Window, picture, record_errors, sign_in
from tests.live import Live
from tests.providers import there_and_here

pytestmark = pytest.mark.browser


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    """The server at which she signs in with her account `there`, an OpenID provider by TLS."""
    with there_and_here(tmp_path) as (_, server):
        yield server


@pytest.fixture
def window(chromium: Browser) -> Iterator[Window]:
    """A fresh profile that trusts the provider's certificate; no error shows in its console."""
    window = Window(chromium)
    window.context.close()
    window.context = chromium.new_context(ignore_https_errors=True)
    yield window
    window.context.close()
    assert window.errors == []


@pytest.fixture
def tab(window: Window) -> Page:
    page = window.context.new_page()
    record_errors(page, window.errors)
    return page


@pytest.fixture
def api(server: Live) -> Iterator[str]:
    with chirp(server.issuer) as address:
        yield address


def heading(tab: Page, text: str) -> None:
    expect(tab.get_by_role("heading", level=1)).to_contain_text(text)


def test_she_signs_in_with_her_account_elsewhere(tab: Page, server: Live, stefapp: StefApp) -> None:
    waiting = stefapp.connect()
    tab.goto(waiting.address)
    heading(tab, "Sign in to Chirp")
    picture(tab, "upstream-choice")
    tab.get_by_role("link", name="Sign in with There").click()
    heading(tab, "Sign in to There")
    sign_in(tab)
    tab.click("#allow")
    heading(tab, "stefApp wants access")
    tab.click("#allow")
    heading(tab, "You\u2019re connected")
    assert waiting.result().granted
    # She signs out, and comes back by her address: There knows her, and nobody asks.
    tab.goto(f"{server.url}/sign-out")
    tab.click("#sign-out")
    expect(tab.locator("#sign-out-elsewhere")).to_be_visible()
    picture(tab, "upstream-signed-out")
    tab.goto(f"{server.url}/sign-in")
    tab.fill("#username", "miko@there.example")
    tab.click("#sign-in")
    tab.wait_for_url(f"{server.url}/apps")
    expect(tab.locator("article[data-client-id=stefapp]")).to_be_visible()
    tab.get_by_role("link", name="Linked accounts").click()
    expect(tab.locator("article")).to_contain_text("miko@example.org")
    tab.click(".unlink")
    expect(tab.locator("#problem")).to_contain_text("only way to sign in")
    picture(tab, "upstream-linked")


def test_she_links_an_account(tab: Page, server: Live) -> None:
    tab.goto(f"{server.url}/sign-in")
    sign_in(tab, username="noor")
    tab.goto(f"{server.url}/linked")
    tab.get_by_role("link", name="Link There").click()
    sign_in(tab)
    tab.click("#allow")
    heading(tab, "Link this account?")
    expect(tab.locator(".lead")).to_contain_text("miko@example.org")
    expect(tab.locator(".who")).to_contain_text("Noor")
    picture(tab, "upstream-link")
    tab.click("#link")
    expect(tab.locator("#notice")).to_contain_text("is linked")
    tab.goto(f"{server.url}/sign-out")
    tab.click("#sign-out")
    tab.goto(f"{server.url}/sign-in/with/there")
    tab.wait_for_url(f"{server.url}/apps")
    expect(tab.locator(".account")).to_contain_text("Noor")
    tab.goto(f"{server.url}/linked")
    tab.click(".unlink")
    expect(tab.locator("#notice")).to_contain_text("linked anymore")
