"""The owner signs in, in a new browser, while strangers guess at the account (ATTACKS A95)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.attacks.test_a71_brute_force import at, guess
from tests.journeys.tab import picture, sign_in
from tests.live import Live, live

from valetkey.server.accounts import proof_of_work
from valetkey.server.accounts.throttle import ACCOUNT, PAIR

pytestmark = pytest.mark.browser


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with live(tmp_path, name="Chirp", trusted_proxies=("127.0.0.0/8",)) as server:
        yield server


def test_the_browser_pays_with_a_check_of_some_seconds(
    tab: Page, server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof_of_work, "BITS", 8)
    for number in range(ACCOUNT.attempts // PAIR.attempts + 1):
        thief = at(server, f"203.0.{number}.1")
        for _ in range(PAIR.attempts):
            guess(thief, "miko", "x")
    tab.goto(f"{server.url}/sign-in")
    sign_in(tab)
    expect(tab.get_by_role("alert")).to_contain_text("Too many incorrect passwords")
    expect(tab.locator("#work-done")).to_be_visible()
    expect(tab.locator("#work-status")).to_be_hidden()
    picture(tab, "sign-in-under-attack")
    sign_in(tab)
    expect(tab.get_by_role("heading", level=1)).to_have_text("Connected apps")
