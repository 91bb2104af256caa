"""Takes the documentation's screenshots from the running server: `python -m tests.docs.pictures`.

The platform is the one that the tests share, with its own name on its pages. Needs Chromium, and
pngquant to make the files small.
"""

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright
from tests.browser import Asking, authorize
from tests.docs.markdown import ROOT
from tests.installation import PASSWORDS
from tests.live import Live, live
from tests.server.pages.console.staff import ON, staff

PICTURES: Final = ROOT / "docs" / "pictures"
CHROMIUM: Final = "/usr/bin/chromium"
ASKING: Final = Asking(scope="openid chirps dms.read")


def sign_in(page: Page) -> None:
    """Fills in the sign-in form, as Miko."""
    page.fill("#username", "miko")
    page.fill("#password", PASSWORDS["miko"])
    page.click("#sign-in")


def consent(page: Page, server: Live) -> None:
    """The consent page, where Miko has unchecked one permission."""
    page.goto(server.url + ASKING.path())
    sign_in(page)
    page.uncheck("input[value='dms.read']")


def apps(page: Page, server: Live) -> None:
    """The connected apps, after Miko has allowed one."""
    authorize(server.browser(), ASKING)
    page.goto(f"{server.url}/apps")


def app(page: Page, server: Live) -> None:
    """The page of that app."""
    page.goto(f"{server.url}/apps")
    page.click("a[href^='/apps/']")


def console(page: Page, server: Live) -> None:
    """The overview of the console, for an owner."""
    browser = staff(server, "noor", "owner")
    page.context.clear_cookies()
    for one in browser.http.cookies.jar:
        page.context.add_cookies([{"name": one.name, "value": one.value or "", "url": server.url}])
    page.goto(f"{server.url}/console")


def console_support(page: Page, server: Live) -> None:
    """The support view of Miko."""
    page.goto(f"{server.url}/console/users/{server.users['miko'].id}")
    page.fill("#reason", "Ticket 7")
    page.click("#confirm")
    page.goto(page.url.partition("?")[0])


SHOTS: Final[dict[Callable[[Page, Live], None], int]] = {
    consent: 0,
    apps: 600,
    app: 1000,
    console: 700,
    console_support: 900,
}
"""Each shot with its height, 0 for the whole page. The first one signs in, and the later ones go on
in its session."""

WIDE: Final[dict[Callable[[Page, Live], None], int]] = {console: 1100, console_support: 1100}
"""The widths of those that are not 720 pixels wide."""


def main() -> None:
    """Takes each, at two pixels for each of the page's."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page(viewport={"width": 720, "height": 900}, device_scale_factor=2)
        with live(Path(folder), name="Chirp", **ON) as server:
            for shot, height in SHOTS.items():
                width = WIDE.get(shot, 720)
                page.set_viewport_size({"width": width, "height": height or 900})
                shot(page, server)
                picture = str(PICTURES / f"{shot.__name__.replace('_', '-')}.png")
                if not height:  # A bar that sticks to the window's edge would hide a row.
                    whole = page.evaluate("document.documentElement.scrollHeight")
                    page.set_viewport_size({"width": width, "height": whole})
                page.screenshot(path=picture)
                small = ["pngquant", "--force", "--strip", "--output", picture, picture]
                subprocess.run(small, check=True)
        chromium.close()


if __name__ == "__main__":
    main()
