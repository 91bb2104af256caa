"""A tab in Chromium whose errors are recorded, and pictures of what it shows."""

import os
import re
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page
from tests.axe import OF_COLOURS, violations
from tests.installation import PASSWORDS

PICTURES: Final = Path(__file__).parents[2] / "build/screenshots"
WANTED: Final = bool(os.environ.get("VALETKEY_PICTURES"))
"""Whether a person wants to see the pictures; a machine looks at the page itself."""
WIDTHS: Final = (320, 1200)
APP_PAGE: Final = re.compile(r"/apps/[0-9a-v]{26}$")
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
REFUSED: Final = "Failed to load resource: the server responded with"
CHANGED: Final = "Failed to load resource: net::ERR_NETWORK_CHANGED"


def record_errors(page: Page, errors: list[str]) -> None:
    """Adds to `errors` what the page's scripts raise, what its console calls an error, and what
    its policy blocks. A warning is no error: Chromium says so when a person is faster than
    `autofocus`. Neither is a status of 400 and above, which the error page has, nor that the
    network of the machine changed, as when a container starts."""

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith((REFUSED, CHANGED)):
            errors.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))


class Window:
    """A browser profile, and the `errors` of its tabs."""

    def __init__(self, chromium: Browser, *, javascript: bool = True) -> None:
        self.context: BrowserContext = chromium.new_context(
            viewport={"width": WIDTHS[-1], "height": 900}, java_script_enabled=javascript
        )
        self.errors: list[str] = []

    def tab(self) -> Page:
        """A new tab."""
        page = self.context.new_page()
        record_errors(page, self.errors)
        return page


def sign_in(page: Page, *, username: str = "miko", password: str = "") -> None:
    """Fills the form in, and sends it."""
    page.fill("#username", username)
    page.fill("#password", password or PASSWORDS[username])
    page.click("#sign-in")


def open_app(page: Page) -> None:
    """From the list to stefApp's page, whose script has run when this returns."""
    page.locator("article[data-client-id=stefapp] a.details").click()
    page.wait_for_url(APP_PAGE)


def boxes(page: Page) -> dict[str, bool]:
    """The permissions on the page that are the user's choice, and which of them are ticked."""
    found = page.locator("input[name=permission]:enabled")
    return {one.get_attribute("value") or "": one.is_checked() for one in found.all()}


def picture(page: Page, name: str) -> None:
    """Looks at the page in both schemes and both widths, with what is folded open: axe finds
    nothing to say, and nothing scrolls sideways. Takes pictures if they are WANTED."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for folded in page.locator("details").all():
        folded.evaluate("element => element.open = true")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if WANTED:
                page.screenshot(path=PICTURES / f"{name}-{scheme}-{width}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page, *(OF_COLOURS if scheme == "dark" else ())) == []
