"""A device on the running server, and what browsers do with its code."""

from typing import Any

import httpx2
from tests.attacks.play import call
from tests.browser import Asking, Browser
from tests.live import Live

from valetkey.spec import names

TV = Asking(client_id="tv")


def begin(server: Live, scope: str = "openid chirps", by: Asking = TV) -> dict[str, Any]:
    """What a device is told."""
    answer = call(server, "/device_authorization", {"scope": scope}, by)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def fetch(server: Live, device_code: str, by: Asking = TV) -> httpx2.Response:
    """The device comes for its tokens."""
    return call(server, "/token", {"grant_type": names.DEVICE_CODE, "device_code": device_code}, by)


def enters(browser: Browser, code: str) -> httpx2.Response:
    """Somebody types a code, on a fresh page."""
    browser.open("/device")
    return browser.press("continue", user_code=code)


def approve(server: Live, code: str, browser: Browser | None = None) -> Browser:
    """The whole way of a user who says yes."""
    who = browser or server.browser()
    enters(who, code)
    who.press("confirm")
    if 'id="sign-in"' in who.page.text:
        who.sign_in()
    who.press("allow")
    assert who.page.status_code == 200, who.page.text
    return who


def error(answer: httpx2.Response) -> str:
    """The registered code of a refusal."""
    return str(answer.json()["error"])
