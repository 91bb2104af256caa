"""Chromium, the running server, Chirp and stefApp."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.journeys.api import chirp
from tests.journeys.stefapp import StefApp
from tests.journeys.tab import Window
from tests.live import Live, live

CHROMIUM = Path("/usr/bin/chromium")

expect.set_options(timeout=30_000)  # A page may take its time on a busy machine.


@pytest.fixture(scope="module")  # One playwright in a thread at a time: other modules have theirs.
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with live(tmp_path, name="Chirp", unthrottled=("127.0.0.1",)) as server:
        yield server


@pytest.fixture
def api(server: Live) -> Iterator[str]:
    with chirp(server.issuer) as address:
        yield address


@pytest.fixture
def stefapp(server: Live, api: str, tmp_path: Path) -> Iterator[StefApp]:
    app = StefApp(server.issuer, api, tmp_path / "stefapp")
    yield app
    app.close()


@pytest.fixture
def window(chromium: Browser) -> Iterator[Window]:
    """A fresh profile; no error shows in its console."""
    window = Window(chromium)
    yield window
    window.context.close()
    assert window.errors == []


@pytest.fixture
def tab(window: Window) -> Page:
    return window.tab()
