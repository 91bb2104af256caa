"""Takes the documentation's screenshot from the running server: `python -m tests.docs.pictures`.

The platform is the one that the tests share, with its own name on its pages. Needs Chromium, and
pngquant to make the file small.
"""

import subprocess
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright
from tests.browser import Asking
from tests.installation import PASSWORDS
from tests.live import live

PICTURES: Final = Path(__file__).parents[2] / "docs" / "pictures"
CHROMIUM: Final = "/usr/bin/chromium"
ASKING: Final = Asking(scope="openid chirps dms.read")


def consent(page: Page, address: str) -> None:
    """Goes there as Miko would, as far as the consent page, where one permission is not hers to
    give away."""
    page.goto(address + ASKING.path())
    page.fill("#username", "miko")
    page.fill("#password", PASSWORDS["miko"])
    page.click("#sign-in")
    page.uncheck("input[value='dms.read']")


def main() -> None:
    """Takes it, at two pixels for each of the page's."""
    picture = PICTURES / "consent.png"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page(viewport={"width": 720, "height": 900}, device_scale_factor=2)
        with live(Path(folder), name="Chirp") as server:
            consent(page, server.url)
            page.screenshot(path=picture, full_page=True)
        chromium.close()
    subprocess.run(["pngquant", "--force", "--strip", "--output", picture, picture], check=True)


if __name__ == "__main__":
    main()
