"""The user's part: what an app is given when it opens a browser."""

import threading
from collections.abc import Callable
from collections.abc import Set as AbstractSet

import httpx2
from tests.browser import Browser
from tests.live import Live

from valetkey.client import App


def app(server: Live, scope: str = "openid chirps offline_access") -> App:
    return App(issuer=server.issuer, client_id="stefapp", scope=tuple(scope.split()))


def user(
    browser: Browser, *, leave_out: AbstractSet[str] = frozenset(), button: str = "allow"
) -> Callable[[str], None]:
    """Answers in the browser as the user would, in a thread of its own like a real browser."""

    def play(address: str) -> None:
        browser.open(address)
        if 'id="sign-in"' in browser.page.text:
            browser.sign_in()
        if 'id="allow"' in browser.page.text:
            # What was refused before stands unticked: a yes to it is an act of its own.
            boxes = set(browser.form(button).boxes) - leave_out
            browser.press(button, boxes=boxes)
        httpx2.get(browser.page.headers["location"])

    def start(address: str) -> None:
        threading.Thread(target=play, args=(address,), daemon=True).start()

    return start
