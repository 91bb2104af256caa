"""A user whose platform signs them in: in a browser, with two servers and an app."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import msgspec
import pytest
from playwright.sync_api import Page, expect
from tests.attacks.play import AS_WEB, asking, change, every, find
from tests.handoff import GOLD, SECRETS, handing_off
from tests.journeys.platform import SmallPlatform, small_platform
from tests.journeys.tab import Window, picture
from tests.live import Live

from valetkey.server.model.client import Client
from valetkey.server.model.pending import Pending

APP = "http://127.0.0.1/app"
"""The app's address, at the port of the platform."""


@pytest.fixture(scope="module")
def platform() -> Iterator[SmallPlatform]:
    with small_platform() as platform:
        yield platform


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, platform: SmallPlatform) -> Iterator[Live]:
    at = {"url": f"{platform.url}/login", "logout_url": f"{platform.url}/logout"}
    folder: Path = tmp_path_factory.mktemp("platform")
    with handing_off(folder, handoff=at, name="Chirp") as server:
        platform.issuer, platform.auth = server.issuer, ("platform", SECRETS["platform"])
        change(server, find(server, Client, "web"), redirect_uris=(APP,))
        yield server


def path(live: Live, **more: str) -> str:
    """Where the app sends its user."""
    at: str = live.settings.sign_in.handoff.url
    asked = msgspec.structs.replace(AS_WEB, redirect_uri=at.replace("/login", "/app"))
    return live.url + asking(asked, **more).path()


def ask(tab: Page, live: Live, **more: str) -> None:
    """The app sends its user."""
    tab.goto(path(live, **more))


def sign_in(tab: Page, user: str, otp: str = "") -> None:
    """The user fills in the platform's form."""
    tab.fill("#user", user)
    tab.fill("#otp", otp)
    tab.click("#go")


def told(tab: Page) -> dict[str, str]:
    """What the app is told, once the browser is there."""
    tab.wait_for_url(re.compile(r"/app\?"))
    query = parse_qs(urlsplit(tab.url).query)
    return {name: values[0] for name, values in query.items()}


def arrive(tab: Page, live: Live, user: str) -> None:
    """The user signs in for the app, and says yes."""
    ask(tab, live)
    sign_in(tab, user)
    tab.click("#allow")
    assert "code" in told(tab)


def test_one_user_all_the_way(
    live: Live, tab: Page, window: Window, platform: SmallPlatform
) -> None:
    ask(tab, live)
    expect(tab.locator("h1")).to_have_text("Sign in for Web app")
    sign_in(tab, "Miko")
    expect(tab.locator("main")).to_contain_text("Miko")
    tab.click("#allow")
    assert "code" in told(tab)

    # Another tab: nobody is asked.
    other = window.tab()
    ask(other, live)
    assert "code" in told(other)

    # The app wants a new sign-in.
    for more in ({"prompt": "login"}, {"max_age": "0"}):
        ask(tab, live, **more)
        sign_in(tab, "Miko")
        assert "code" in told(tab)

    # And a higher level.
    ask(tab, live, acr_values=GOLD)
    assert platform.seen[-1]["acr_values"] == [GOLD]
    sign_in(tab, "Miko", otp="123456")
    assert "code" in told(tab)
    ask(tab, live, prompt="none")
    assert "code" in told(tab)

    # Out at the platform is out here, and the app learns it without a page.
    tab.goto(f"{platform.url}/leave")
    expect(tab.locator("h1")).to_have_text("Left: 200 1")
    ask(tab, live, prompt="none")
    assert told(tab)["error"] == "login_required"

    # Out here is out there.
    ask(tab, live)
    sign_in(tab, "Miko")
    assert "code" in told(tab)
    assert platform.sessions
    tab.goto(f"{live.url}/sign-out")
    platform.sessions = {
        sid: one for sid, one in platform.sessions.items() if one.at >= time.time() - 60
    }
    before = len(platform.sessions)
    tab.click("#sign-out")
    tab.wait_for_url(f"{live.url}/signed-out")
    assert len(platform.sessions) == before - 1
    ask(tab, live)
    expect(tab.locator("h1")).to_have_text("Sign in for Web app")
    tab.click("#cancel")
    assert told(tab)["error"] == "access_denied"


def test_another_account(live: Live, tab: Page) -> None:
    arrive(tab, live, "Noor")
    ask(tab, live, prompt="select_account consent")
    sign_in(tab, "Edda")
    expect(tab.locator("main")).to_contain_text("Edda")
    tab.click("text=Use another account")
    # A form of ours led to the platform: the policy of the page lets it.
    expect(tab.locator("h1")).to_have_text("Sign in for Web app")
    sign_in(tab, "Noor")
    expect(tab.locator("main")).to_contain_text("Noor")
    tab.click("#allow")
    assert "code" in told(tab)


def test_pages_of_their_own(live: Live, tab: Page) -> None:
    tab.goto(f"{live.url}/apps")
    expect(tab.locator("h1")).to_have_text("Sign in for your account")
    sign_in(tab, "Lumi")
    tab.wait_for_url(f"{live.url}/apps")
    expect(tab.locator("body")).to_contain_text("Lumi")


def test_two_tabs_a_double_click_and_the_back_button(live: Live, tab: Page, window: Window) -> None:
    other = window.tab()
    ask(tab, live, state="one")
    ask(other, live, state="two")
    other.fill("#user", "Ivo")
    other.dblclick("#go")
    other.click("#allow")
    assert told(other)["state"] == "two"
    sign_in(tab, "Ivo")
    assert told(tab)["state"] == "one"
    # Back to the platform's form, and once more: the request is over, and starts again.
    ask(tab, live, prompt="login")
    sign_in(tab, "Ivo")
    assert "code" in told(tab)
    tab.go_back()
    tab.wait_for_load_state()
    if tab.locator("#go").count():
        sign_in(tab, "Ivo")
        tab.wait_for_load_state()
        if tab.locator("#go").count():
            sign_in(tab, "Ivo")
    assert "code" in told(tab)


def test_a_tab_that_was_left(live: Live, tab: Page) -> None:
    ask(tab, live, state="left")
    expect(tab.locator("#go")).to_be_visible()
    for one in every(live, Pending):
        if one.kind in {"handoff", "interaction"} and not one.confirmed:
            change(live, one, expires=int(time.time()) - 1)
    sign_in(tab, "Runa")
    # The request began anew; the platform's own session answers at once.
    expect(tab.locator("main")).to_contain_text("Runa")
    tab.click("#allow")
    assert told(tab)["state"] == "left"


def test_a_lost_cookie(live: Live, tab: Page, window: Window) -> None:
    ask(tab, live, state="lost")
    expect(tab.locator("#go")).to_be_visible()
    window.context.clear_cookies()
    sign_in(tab, "Tove")
    expect(tab.locator("h1")).to_have_text("Start again in this browser")
    picture(tab, "handoff-restart")
    tab.click("a.restart")
    expect(tab.locator("main")).to_contain_text("Tove")
    tab.click("#allow")
    assert told(tab)["state"] == "lost"


def test_silently_in_a_frame_of_the_same_site(
    live: Live, tab: Page, platform: SmallPlatform
) -> None:
    arrive(tab, live, "Sif")
    silent = path(live, prompt="none")
    cookies = [one for one in tab.context.cookies() if one["name"] != "vk_session"]
    tab.context.clear_cookies()
    tab.context.add_cookies(cookies)  # type: ignore[arg-type]
    tab.goto(f"{platform.url}/frame?src={quote(silent, safe='')}")
    frame = tab.frame_locator("iframe")
    expect(frame.locator("h1")).to_have_text("The app")
    (inner,) = [one for one in tab.frames if "/app?" in one.url]
    assert "code=" in inner.url
    assert platform.seen[-1]["silent"] is True
