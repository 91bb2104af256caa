"""Miko, called as a browser is: `python -m tests.docs.miko ADDRESS`.

Signs in, agrees, and is led back to the app. With `MIKO=careful` in the environment, `chirps.write`
is left out, unless it is all that is asked.
"""

import os
import sys
from typing import Final
from urllib.parse import urlsplit

import httpx2
from tests.browser import Browser

PASSWORD: Final = "my very own password"
CHOICE: Final = "chirps.write"


def main(address: str) -> None:
    """Plays the visit."""
    parts = urlsplit(address)
    browser = Browser(f"{parts.scheme}://{parts.netloc}")
    browser.open(f"{parts.path}?{parts.query}")
    browser.press("sign-in", username="miko", password=PASSWORD)
    asked = {*browser.form("allow").boxes}
    careful = os.environ.get("MIKO") == "careful"
    browser.press("allow", boxes=asked - {CHOICE} if careful and asked != {CHOICE} else asked)
    httpx2.get(browser.page.headers["location"]).raise_for_status()
    browser.http.close()


if __name__ == "__main__":
    main(sys.argv[1])
