"""A tab in Chromium that hears every complaint, and takes pictures of what it shows."""

from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page
from tests.axe import OF_COLOURS, violations
from tests.installation import PASSWORDS

PICTURES: Final = Path(__file__).parents[2] / "build/screenshots"
WIDTHS: Final = (320, 1200)
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")


class Window:
    """A browser profile. `heard` is all that its console said, but for pages that were refused."""

    def __init__(self, chromium: Browser, *, javascript: bool = True) -> None:
        self.context: BrowserContext = chromium.new_context(
            viewport={"width": WIDTHS[-1], "height": 900}, java_script_enabled=javascript
        )
        self.heard: list[str] = []

    def tab(self) -> Page:
        """A new tab."""
        page = self.context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.heard.append(str(error)))
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        # Chromium notes each answer of 400 and above, which a page like the error page has.
        if not message.text.startswith("Failed to load resource: the server responded with"):
            self.heard.append(message.text)


def sign_in(page: Page, *, username: str = "miko", password: str = "") -> None:
    """Fills the form in, and sends it."""
    page.fill("#username", username)
    page.fill("#password", password or PASSWORDS[username])
    page.click("#sign-in")


def boxes(page: Page) -> dict[str, bool]:
    """The permissions on the page that are the user's choice, and which of them are ticked."""
    found = page.locator("input[name=permission]:enabled")
    return {one.get_attribute("value") or "": one.is_checked() for one in found.all()}


def picture(page: Page, name: str) -> None:
    """Takes a picture in both schemes and both widths, with what is folded open; axe finds nothing
    to say, and nothing scrolls sideways."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for folded in page.locator("details").all():
        folded.evaluate("element => element.open = true")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=PICTURES / f"{name}-{scheme}-{width}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page, *(OF_COLOURS if scheme == "dark" else ())) == []
