"""What happens to people on their way, whichever way they sign in: the same cases for each way."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import msgspec
from playwright.sync_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from tests.attacks.play import AS_WEB, asking, change, every, find
from tests.client.running import running
from tests.journeys.tab import Window, picture
from tests.live import Live

from valetkey.server.model.client import Client
from valetkey.server.model.pending import Pending


class SignInWay(Protocol):
    """How a user signs in at `server`, for the app at the address `app`. `name` names pictures."""

    name: str
    server: Live
    app: str

    def at_sign_in(self, tab: Page) -> None:
        """The tab shows the place where the user signs in."""

    def sign_in(self, tab: Page, user: str = "miko") -> None:
        """The user signs in there."""

    def forget(self, tab: Page) -> None:
        """Nobody is signed in there any more."""


@contextlib.contextmanager
def app_of(server: Live) -> Iterator[str]:
    """The address of the app, at which there is a page of its own."""

    async def home(request: Request) -> HTMLResponse:
        return HTMLResponse("<!doctype html><title>App</title><h1>The app</h1>")

    change(server, find(server, Client, "web"), redirect_uris=("http://127.0.0.1/app",))
    with running(Starlette(routes=[Route("/app", home)])) as url:
        yield f"{url}/app"


def ask(way: SignInWay, tab: Page, **more: str) -> None:
    """The app sends its user."""
    by = msgspec.structs.replace(AS_WEB, redirect_uri=way.app)
    tab.goto(way.server.url + asking(by, **more).path())


def told(way: SignInWay, tab: Page) -> dict[str, str]:
    """What the app gets, after a yes if one is needed."""
    there = tab.locator("#allow").or_(tab.get_by_role("heading", name="The app"))
    expect(there.first).to_be_visible()
    if tab.locator("#allow").count():
        tab.click("#allow")
    tab.wait_for_url(f"{way.app}?**")
    query: Mapping[str, list[str]] = parse_qs(urlsplit(tab.url).query)
    return {name: values[0] for name, values in query.items()}


def two_tabs(way: SignInWay, window: Window) -> None:
    first, second = window.tab(), window.tab()
    ask(way, first, state="one")
    way.at_sign_in(first)
    ask(way, second, state="two")
    way.at_sign_in(second)
    way.sign_in(second)
    assert told(way, second)["state"] == "two"
    # What the first tab still shows works all the same.
    way.sign_in(first)
    assert told(way, first)["state"] == "one"


def back_button(way: SignInWay, window: Window) -> None:
    tab = window.tab()
    ask(way, tab)
    way.at_sign_in(tab)
    way.sign_in(tab)
    assert "code" in told(way, tab)
    # Back, over the end: no second answer, and the app can begin again.
    tab.go_back()
    expect(tab.locator("h1")).to_be_visible()
    expect(tab.locator("#allow")).to_have_count(0)
    ask(way, tab, state="again")
    assert told(way, tab)["state"] == "again"


def expired(way: SignInWay, window: Window) -> None:
    tab = window.tab()
    ask(way, tab, state="left")
    way.at_sign_in(tab)
    for one in every(way.server, Pending):
        change(way.server, one, expires=int(time.time()) - 1)
    way.sign_in(tab)
    expect(tab.locator("h1#error")).to_be_visible()
    picture(tab, f"{way.name}-expired")
    ask(way, tab, state="anew")
    if not tab.locator("#allow").count() and not tab.url.startswith(way.app):
        way.sign_in(tab)
    assert told(way, tab)["state"] == "anew"


def lost_cookie(way: SignInWay, window: Window) -> None:
    tab = window.tab()
    ask(way, tab)
    way.at_sign_in(tab)
    for name in ("vk_browser", "__Host-vk_browser"):
        window.context.clear_cookies(name=name, domain="127.0.0.1")
    way.sign_in(tab)
    expect(tab.locator("h1")).to_be_visible()
    expect(tab.locator("#allow")).to_have_count(0)
    picture(tab, f"{way.name}-lost-cookie")
    assert tab.url.startswith(way.server.url), "no answer reached the app"
    ask(way, tab, state="anew")
    if not tab.locator("#allow").count() and not tab.url.startswith(way.app):
        way.sign_in(tab)
    assert told(way, tab)["state"] == "anew"


def another_account(way: SignInWay, window: Window) -> None:
    tab = window.tab()
    ask(way, tab, prompt="consent")
    way.at_sign_in(tab)
    way.sign_in(tab)
    expect(tab.locator(".who")).to_contain_text("Miko")
    tab.get_by_role("button", name="Use another account").click()
    way.at_sign_in(tab)
    way.sign_in(tab, "noor")
    expect(tab.locator(".who")).to_contain_text("Noor")
    assert "code" in told(way, tab)


def step_up(way: SignInWay, window: Window) -> None:
    tab = window.tab()
    ask(way, tab)
    way.at_sign_in(tab)
    way.sign_in(tab)
    assert "code" in told(way, tab)
    time.sleep(1.1)  # The sign-in was a second ago.
    for more in ({"prompt": "login"}, {"max_age": "0"}):
        ask(way, tab, **more)
        way.at_sign_in(tab)
        way.sign_in(tab)
        assert "code" in told(way, tab)


def prompt_none(way: SignInWay, window: Window) -> None:
    tab = window.tab()
    ask(way, tab, prompt="none")
    assert told(way, tab)["error"] == "login_required"
    ask(way, tab)
    way.at_sign_in(tab)
    way.sign_in(tab)
    assert "code" in told(way, tab)
    ask(way, tab, prompt="none")
    assert "code" in told(way, tab)


def sign_out(way: SignInWay, window: Window) -> None:
    tab = window.tab()
    ask(way, tab)
    way.at_sign_in(tab)
    way.sign_in(tab)
    assert "code" in told(way, tab)
    # Here.
    tab.goto(f"{way.server.url}/sign-out")
    tab.click("#sign-out")
    tab.wait_for_url("**/signed-out**")
    ask(way, tab, prompt="none")
    assert told(way, tab)["error"] == "login_required"
    # And there.
    ask(way, tab)
    if not tab.url.startswith(way.app) and not tab.locator("#allow").count():
        way.at_sign_in(tab)
        way.sign_in(tab)
    assert "code" in told(way, tab)
    way.forget(tab)
    ask(way, tab, prompt="none")
    assert told(way, tab)["error"] == "login_required"


CASES = {
    "two tabs": two_tabs,
    "back button": back_button,
    "expired": expired,
    "lost cookie": lost_cookie,
    "another account": another_account,
    "step-up": step_up,
    "prompt=none": prompt_none,
    "sign-out both ways": sign_out,
}
