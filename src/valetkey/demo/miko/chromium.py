"""Miko in headless Chromium, by playwright."""

import contextlib
import os
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from valetkey.demo.miko.html import Element, Lost, parse
from valetkey.demo.narrator import Exchange

if TYPE_CHECKING:
    from playwright.sync_api import Response

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
TIMEOUT: Final = 60_000
"""Milliseconds in which a page has to come, on a busy machine too."""

START: Final = 90_000
"""Milliseconds in which the browser has to start, on a busy machine too."""

QUIET: Final = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
"""The browser looks for nothing beyond this machine."""


def arguments() -> list[str]:
    """What the browser is started with. It refuses its sandbox to root."""
    return [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def executable() -> str | None:
    """The Chromium on this machine."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class ChromiumBody:
    """A real browser without a screen. Raises ImportError where there is no playwright, OSError
    where there is no Chromium, or it does not start."""

    name = "headless Chromium"

    def __init__(self) -> None:
        # Here: playwright is not among what the demo needs.
        from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415

        path = executable()
        if path is None:
            raise OSError("there is no Chromium on this machine")
        self._error = Error
        with contextlib.ExitStack() as undone:
            self._playwright = sync_playwright().start()
            undone.callback(self._playwright.stop)
            try:
                self._browser = self._playwright.chromium.launch(
                    executable_path=path, args=arguments(), timeout=START
                )
                self._context = self._browser.new_context(
                    viewport={"width": 1200, "height": 900},
                    # It is this machine, by a certificate of the demo.
                    ignore_https_errors=True,
                )
                self._page = self._context.new_page()
            except Error as error:
                raise OSError(f"Chromium does not start: {error}") from error
            undone.pop_all()
        self._page.set_default_timeout(TIMEOUT)
        self._page.on("response", self._note)
        self.exchanges: list[Exchange] = []

    @property
    def url(self) -> str:
        return self._page.url

    @property
    def page(self) -> Element:
        return parse(self._page.content())

    @property
    def cookies(self) -> Sequence[str]:
        return [cookie.get("value", "") for cookie in self._context.cookies()]

    def open(self, url: str) -> None:
        try:
            self._page.goto(url)
        except self._error:
            # The page that is left may have begun to load itself anew: then it was in the way.
            self._page.goto(url)

    def fill(self, field: str, text: str) -> None:
        try:
            self._page.fill(f"#{field}", text)
        except self._error as error:
            raise Lost(f"nothing can be typed into {field!r} on {self.url}") from error

    def tick(self, value: str, *, on: bool) -> None:
        try:
            self._page.set_checked(f'input[type=checkbox][value="{value}"]', on)
        except self._error as error:
            raise Lost(f"there is no box {value!r} to tick on {self.url}") from error

    def press(self, button: str) -> None:
        try:
            with self._page.expect_navigation():
                self._page.click(f"#{button}")
        except self._error as error:
            raise Lost(f"{button!r} on {self.url} cannot be pressed") from error

    def new_device(self) -> None:
        """Miko has a device that keeps passkeys and knows his finger (Chromium's virtual
        authenticator). It answers while a button is pressed."""
        self._cdp = self._context.new_cdp_session(self._page)
        self._cdp.send("WebAuthn.enable", {"enableUI": False})
        options = {
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": False,
        }
        made = self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._device = made["authenticatorId"]

    def press_with_finger(self, button: str) -> None:
        """Presses a button, and then the device's own."""
        self._page.wait_for_selector(f"#{button}")
        self._touch(at_once=True)
        self.press(button)
        self._touch(at_once=False)

    def lose_device(self) -> None:
        """The device is gone, with its passkeys."""
        self._cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self._device})

    def _touch(self, *, at_once: bool) -> None:
        wanted = {"authenticatorId": self._device, "enabled": at_once}
        self._cdp.send("WebAuthn.setAutomaticPresenceSimulation", wanted)

    def close(self) -> None:
        # Ctrl-C reaches the browser too: then it is gone already.
        with contextlib.suppress(Exception):
            self._browser.close()
        with contextlib.suppress(Exception):
            self._playwright.stop()

    def _note(self, response: "Response") -> None:
        request = response.request
        if request.resource_type != "document":
            return
        self.exchanges.append(
            Exchange(
                method=request.method,
                url=request.url,
                request_headers=request.headers,
                request_body=(request.post_data or "").encode(),
                status=response.status,
                headers=response.headers,
            )
        )
