"""A key in the hand of its user: each change is made on a page, and seen in stefApp's own window.

The programs are those of the demo: the server, Chirp behind the kit, and stefApp.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.journeys.api import hear
from tests.journeys.tab import Window, boxes, open_app, picture

from valetkey.demo.programs import Programs
from valetkey.demo.stage import USER, Stage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SECONDS = 60_000
"""Milliseconds that a window has on a busy machine."""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with contextlib.closing(Programs(tmp_path)) as programs:
        stage = Stage(tmp_path, programs)
        stage.set_up()
        stage.start()
        yield stage


class Two:
    """Two windows side by side: stefApp's, and Miko's browser."""

    def __init__(self, stage: Stage, app: Page, tab: Page) -> None:
        self.stage, self.app, self.tab = stage, app, tab

    def state(self, wanted: str) -> None:
        """stefApp's window comes to say this, looked at again and again: an API that has fallen
        behind asks, and is not told why a key opens nothing (RFC 7662 2.2)."""
        until = time.monotonic() + SECONDS / 1000
        while True:
            self.app.goto(self.stage.addresses.window)
            found = self.app.locator("#state").get_attribute("data-state")
            if found == wanted:
                return
            assert time.monotonic() < until, f"{found}, not {wanted}"
            self.app.wait_for_timeout(250)

    def over_to_the_browser(self) -> None:
        """The page to which stefApp sends its user."""
        link = self.app.locator("#by-hand")
        expect(link).to_be_visible(timeout=SECONDS)
        self.tab.goto(link.get_attribute("href") or "")

    def signs_in(self) -> None:
        """stefApp asks for a key, and Miko signs in: the consent page."""
        self.state("new")
        self.app.click("#connect")
        self.over_to_the_browser()
        self.tab.fill("#username", USER)
        self.tab.fill("#password", self.stage.password)
        self.tab.click("#sign-in")
        expect(self.tab.locator("#allow")).to_be_visible()

    def back(self) -> None:
        """stefApp has its answer."""
        expect(self.tab.get_by_role("heading", level=1)).to_have_text("You\u2019re connected")
        expect(self.app.locator("#state")).to_have_attribute(
            "data-state", "connected", timeout=SECONDS
        )

    def page(self) -> None:
        """To stefApp's page among the connected apps."""
        self.tab.goto(f"{self.stage.addresses.server}/apps")
        open_app(self.tab)

    def limits(self, number: str) -> None:
        """Lets stefApp post so often a day ("" for as it likes). Chirp has heard of it when this
        returns."""
        self.page()
        self.tab.click("#limits")
        self.tab.fill("#often-day-1", number)
        self.tab.click("#save")
        expect(self.tab.get_by_role("status")).to_contain_text("Saved", timeout=SECONDS)
        hear()

    def posts(self, text: str) -> None:
        """Posts a chirp in stefApp's window, which shows what came of it when this returns."""
        self.app.fill("#text", text)
        with self.app.expect_navigation():
            self.app.click("#post")

    def unticks(self, permission: str) -> None:
        """Takes a permission away by its box alone: the script sends it, and the page stays. Chirp
        has heard of it when this returns."""
        with self.tab.expect_response(lambda answer: answer.request.method == "POST"):
            self.tab.locator(f"input[name=permission][value='{permission}']").click()
        expect(self.tab.get_by_role("status")).to_contain_text("Saved", timeout=SECONDS)
        hear()


@pytest.fixture
def two(chromium: Browser, stage: Stage) -> Iterator[Two]:
    apps, people = Window(chromium), Window(chromium)
    yield Two(stage, apps.tab(), people.tab())
    for window in (apps, people):
        window.context.close()
        assert window.errors == []


def test_every_change_is_seen_in_the_apps_window(two: Two) -> None:
    app, tab = two.app, two.tab
    two.signs_in()

    # Consent: one permission stays with Miko, and a sensitive one he ticks himself.
    assert (boxes(tab)["profile.write"], boxes(tab)["dms.read"]) == (True, False)
    tab.uncheck("input[value='profile.write']")
    tab.check("input[value='dms.read']")
    picture(tab, "live-1-consent")
    tab.set_viewport_size({"width": 1200, "height": 900})
    tab.click("#allow")
    two.back()
    expect(app.locator("#ask-edit")).to_be_visible()

    # Use.
    two.posts("Chirping from a quiet window")
    expect(app.locator("#notice")).to_contain_text("Posted.")
    expect(app.locator(".chirps")).to_contain_text("Chirping from a quiet window")

    # Taken away by a box alone; the next try is refused, and stefApp greys what is gone.
    two.page()
    picture(tab, "live-2-page")
    tab.set_viewport_size({"width": 1200, "height": 900})
    two.unticks("chirps.write")
    assert "chirps.write" not in boxes(tab)
    two.posts("Once more")
    expect(app.locator("#notice.bad")).to_be_visible(timeout=SECONDS)
    expect(app.locator("#ask-post")).to_be_visible(timeout=SECONDS)

    # Given back on the page, where what was folded open stays so: it works again without stefApp
    # asking.
    tab.check("input[name=more][value='chirps.write']")
    tab.click("#give")
    expect(tab.get_by_role("status")).to_contain_text("Allowed.")
    assert boxes(tab)["chirps.write"]

    # Paused, and let go on.
    tab.click("#pause")
    expect(tab.get_by_role("status")).to_contain_text("Paused")
    two.state("paused")
    tab.click("#resume")
    expect(tab.get_by_role("status")).to_contain_text("has access again")
    two.state("connected")

    # Upgraded by stefApp: only what is new is asked.
    app.click("#ask-send")
    two.over_to_the_browser()
    expect(tab.get_by_role("heading", level=1)).to_contain_text("stefApp wants more access")
    assert boxes(tab) == {"dms.send": False}
    tab.check("input[value='dms.send']")
    picture(tab, "live-3-more")
    tab.set_viewport_size({"width": 1200, "height": 900})
    tab.click("#allow")
    two.back()
    expect(app.locator("#send")).to_be_visible()

    # Stopped.
    two.page()
    expect(tab.locator(".receipts details")).to_have_count(2)
    picture(tab, "live-4-receipts")
    tab.set_viewport_size({"width": 1200, "height": 900})
    tab.click("#stop")
    tab.wait_for_url("**/stop")
    tab.click("#stop")
    expect(tab.get_by_role("status")).to_contain_text("stefApp no longer has access")
    two.state("ended")


def test_a_limit_is_seen_in_the_apps_window(two: Two) -> None:
    """Set with the yes, used up, refused in the window, raised, and lifted."""
    app, tab = two.app, two.tab
    two.signs_in()
    tab.uncheck("input[value='profile.write']")
    picture(tab, "live-5-consent-with-a-limit")
    tab.set_viewport_size({"width": 1200, "height": 900})
    tab.fill("[name='often:chirps.write']", "2")
    tab.click("#allow")
    two.back()
    expect(app.locator("#ask-edit")).to_be_visible()
    for number in (1, 2):
        two.posts(f"Number {number} of 2")
        expect(app.locator("#notice.good")).to_contain_text("Posted.")
    two.posts("One too many")
    expect(app.locator("#notice.bad")).to_contain_text("only 2 times a day")
    picture(app, "live-6-limit-reached")
    app.set_viewport_size({"width": 1200, "height": 900})
    two.limits("5")
    picture(tab, "live-7-limits")
    tab.set_viewport_size({"width": 1200, "height": 900})
    two.posts("Within the new limit")
    expect(app.locator("#notice.good")).to_contain_text("Posted.")
    two.limits("")
    expect(tab.locator("main")).not_to_contain_text("Used")
