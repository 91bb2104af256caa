"""The ways that people take beside the straight one: back, reload, twice, in two tabs, another."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.attacks.play import change, find, introspected
from tests.attacks.test_a56_token_exchange import AGENT, PRINTER
from tests.attacks.test_a56_token_exchange import exchange as passed
from tests.browser import Asking
from tests.installation import CHIRP
from tests.journeys.stefapp import StefApp
from tests.journeys.tab import Window, boxes, open_app, picture, sign_in
from tests.live import Live
from tests.rows import row

from valetkey.client import Denied
from valetkey.server.model.client import Client, Exchange

pytestmark = pytest.mark.browser

HOME = "You\u2019re connected"


def at(tab: Page, heading: str) -> None:
    """The page with this heading is shown."""
    expect(tab.get_by_role("heading", level=1)).to_contain_text(heading)


def test_reload_changes_nothing(tab: Page, stefapp: StefApp) -> None:
    waiting = stefapp.connect()
    tab.goto(waiting.address)
    tab.reload()
    sign_in(tab)
    at(tab, "stefApp wants access")
    tab.uncheck("input[value='profile.write']")
    tab.reload()
    assert boxes(tab)["profile.write"]
    tab.click("#allow")
    at(tab, HOME)
    assert waiting.result().missing == frozenset()


def test_back_from_the_app_says_that_it_is_over(tab: Page, stefapp: StefApp) -> None:
    waiting = stefapp.connect()
    tab.goto(waiting.address)
    sign_in(tab)
    tab.click("#allow")
    at(tab, HOME)
    assert waiting.result().granted
    tab.go_back()
    expect(tab.locator("h1#error")).to_be_visible()
    assert stefapp.call("POST", "/chirps")


def test_back_from_consent_does_not_ask_for_the_password_again(
    tab: Page, server: Live, stefapp: StefApp
) -> None:
    waiting = stefapp.connect()
    tab.goto(f"{server.url}/sign-in")
    tab.goto(waiting.address)
    sign_in(tab)
    at(tab, "stefApp wants access")
    tab.go_back()
    tab.go_forward()
    at(tab, "stefApp wants access")
    tab.click("#allow")
    at(tab, HOME)
    assert waiting.result().granted


def test_a_double_click_on_allow_does_no_harm(tab: Page, stefapp: StefApp) -> None:
    waiting = stefapp.connect()
    tab.goto(waiting.address)
    sign_in(tab)
    at(tab, "stefApp wants access")
    tab.dblclick("#allow", no_wait_after=True)
    at(tab, HOME)
    assert waiting.result().granted
    assert stefapp.call("POST", "/chirps")


def test_a_double_click_on_sign_in_does_no_harm(tab: Page, stefapp: StefApp) -> None:
    waiting = stefapp.connect()
    tab.goto(waiting.address)
    tab.fill("#username", "miko")
    tab.fill("#password", "correct horse battery")
    tab.dblclick("#sign-in", no_wait_after=True)
    at(tab, "stefApp wants access")
    tab.click("#allow")
    at(tab, HOME)
    assert waiting.result().granted


def test_cancel_goes_back_with_a_no(tab: Page, server: Live, stefapp: StefApp) -> None:
    waiting = stefapp.connect()
    tab.goto(waiting.address)
    sign_in(tab)
    tab.click("#cancel")
    at(tab, HOME)
    with pytest.raises(Denied) as denied:
        waiting.result()
    assert denied.value.code == "access_denied"
    tab.goto(f"{server.url}/apps")
    expect(tab.locator("article")).to_have_count(0)


def test_another_account_decides(tab: Page, server: Live, stefapp: StefApp) -> None:
    waiting = stefapp.connect()
    tab.goto(waiting.address)
    sign_in(tab)
    tab.get_by_role("button", name="Use another account").click()
    sign_in(tab, username="noor")
    expect(tab.locator(".who")).to_contain_text("Noor")
    tab.click("#allow")
    at(tab, HOME)
    assert waiting.result().sub == server.users["noor"].id


@pytest.mark.parametrize(
    "wrong",
    [
        row("4.1.2.1", "unknown client", {"client_id": "nobody"}),
        row("4.1.2.1", "foreign redirect URI", {"redirect_uri": "https://thief.example/callback"}),
    ],
)
def test_whom_nobody_knows_gets_a_page(tab: Page, server: Live, wrong: dict[str, str]) -> None:
    tab.goto(server.url + Asking(more=wrong).path())
    expect(tab.locator("h1#error")).to_be_visible()
    expect(tab.locator("#error-code")).to_be_visible()
    assert tab.url.startswith(server.url)
    picture(tab, f"error-{min(wrong)}")


@pytest.fixture
def other(server: Live, api: str, tmp_path: Path) -> Iterator[StefApp]:
    """stefApp on Miko's other computer, whose browser she has open in the same profile."""
    app = StefApp(server.issuer, api, tmp_path / "other")
    yield app
    app.close()


def test_two_tabs_go_each_its_own_way(window: Window, stefapp: StefApp, other: StefApp) -> None:
    first, second = window.tab(), window.tab()
    one, two = stefapp.connect(), other.connect()
    first.goto(one.address)
    second.goto(two.address)
    sign_in(first)
    at(first, "stefApp wants access")
    # She is signed in by now; the form that the second tab still shows works all the same.
    sign_in(second)
    at(second, "stefApp wants access")
    first.uncheck("input[value='profile.write']")
    first.click("#allow")
    at(first, HOME)
    # What the second tab shows is out of date: she sees how it stands now, before she says yes.
    second.click("#allow")
    expect(second.locator(".can .lead")).to_have_text("stefApp isn\u2019t asking for anything new.")
    second.click("#allow")
    at(second, HOME)
    assert one.result().granted == two.result().granted
    assert one.result().tokens.refresh_token != two.result().tokens.refresh_token
    assert stefapp.call("POST", "/chirps") == other.call("POST", "/chirps")


def test_a_branch_is_cut_off_and_comes_back(tab: Page, server: Live, stefapp: StefApp) -> None:
    """stefApp's key goes to an agent, and from there to a printer; Miko sees both."""
    waiting = stefapp.connect()
    tab.goto(waiting.address)
    sign_in(tab)
    tab.click("#allow")
    at(tab, HOME)
    waiting.result()
    may = Exchange(clients=("stefapp", "agent"), audiences=(CHIRP,))
    change(server, find(server, Client, "printer"), exchange=may)
    key = stefapp.key.tokens
    assert key is not None
    held = key.access_token
    first = passed(server, held, AGENT).json()["access_token"]
    second = passed(server, first, PRINTER).json()["access_token"]

    tab.goto(f"{server.url}/apps")
    open_app(tab)
    tree = tab.get_by_role("region", name="Delegated access")
    hands = tree.locator("li[data-hand]")
    expect(hands).to_have_count(2)
    expect(hands.first.locator("li[data-hand]")).to_contain_text("Printer")

    tree.get_by_role("button", name="Remove", exact=True).last.click()
    expect(tab.get_by_role("status")).to_contain_text("everything below it")
    expect(hands.last).to_contain_text("Access removed")
    assert [introspected(server, one)["active"] for one in (held, first, second)] == [
        True,
        True,
        False,
    ]
    hands.first.get_by_role("button", name="Remove", exact=True).click()
    expect(tree.get_by_role("button", name="Allow again")).to_have_count(2)
    picture(tab, "branches")
    tab.set_viewport_size({"width": 1200, "height": 900})
    assert not introspected(server, first)["active"]
    assert passed(server, held, AGENT).json()["error"] == "access_denied"
    assert stefapp.call("POST", "/chirps")

    tree.get_by_role("button", name="Allow again").first.click()
    expect(tab.get_by_role("status")).to_contain_text("Allowed again.")
    assert introspected(server, first)["active"]


def test_it_goes_without_script(chromium: Browser, stefapp: StefApp) -> None:
    window = Window(chromium, javascript=False)
    tab, waiting = window.tab(), stefapp.connect()
    tab.goto(waiting.address)
    sign_in(tab)
    tab.uncheck("input[value='profile.write']")
    tab.click("#allow")
    at(tab, HOME)
    window.context.close()
    assert waiting.result().missing == {"profile.write"}
    assert window.errors == []
