"""One server for each file of attacks; a file that needs another one makes its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.live import Live, live

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A furnished server on which nobody is slowed down, with every way to authenticate by an
    assertion."""
    folder, more = tmp_path_factory.mktemp("live"), ("client_secret_jwt",)
    with live(folder, unthrottled=("127.0.0.0/8",), enable=more, log_requests=True) as server:
        yield server


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real browser, for what only a browser can tell."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()
