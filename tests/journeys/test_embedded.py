"""A platform with users of its own, and the server in it: two sessions that go together."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from playwright.sync_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tests.attacks.play import AS_WEB, asking
from tests.browser import Asking
from tests.client.running import running
from tests.embedded.hosts import PASSWORDS, PATH, EmbeddingHost, embedding
from tests.installation import SECRETS
from tests.journeys.tab import Window, picture

from valetkey.server.model.change import Stale, Update
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import Many
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import Database

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddingHost]:
    with embedding("fastapi", tmp_path_factory.mktemp("host"), asyncio.run) as one:
        yield one


@pytest.fixture(scope="module")
def app() -> Iterator[Asking]:
    """How the app asks, whose callback is a page of its own."""

    async def callback(request: Request) -> PlainTextResponse:
        return PlainTextResponse("back at the app")

    with running(Starlette(routes=[Route("/callback", callback)])) as url:
        yield msgspec.structs.replace(
            AS_WEB, client_id="local", redirect_uri=f"{url}/callback", scope="openid profile chirps"
        )


@pytest.fixture
def asks(host: EmbeddingHost, app: Asking) -> Callable[..., None]:
    """The app sends the browser to the server."""

    def ask(tab: Page, **more: str) -> None:
        tab.goto(host.url + PATH + asking(app, **more).path())

    return ask


def sign_in(tab: Page, name: str = "miko") -> None:
    """At the host, on its own page."""
    tab.wait_for_url("**/login?**")
    tab.fill("[name=name]", name)
    tab.fill("[name=password]", PASSWORDS[name])
    tab.click("#login")


def answer(tab: Page) -> dict[str, str]:
    """What the app is told."""
    tab.wait_for_url("**/callback?**")
    query = parse_qs(urlsplit(tab.url).query)
    return {name: values[0] for name, values in query.items()}


def subject(host: EmbeddingHost, app: Asking, code: str) -> str:
    form = app.redemption(code)
    tokens = host.http.post("/token", data=form, auth=("local", SECRETS["web"])).json()
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    sub: str = host.http.get("/userinfo", headers=headers).json()["sub"]
    return sub


def expire_requests(host: EmbeddingHost) -> None:
    """Every request that waits is over."""
    with ThreadPoolExecutor(1) as pool:  # Playwright's own loop runs in this thread.
        pool.submit(asyncio.run, _expire_requests(host)).result()


async def _expire_requests(host: EmbeddingHost) -> None:
    store = await open_store(Database(host.database))
    waiting, past = Many(Pending), int(time.time()) - 1
    expired = False
    while not expired:
        rows = (await store.read(waiting)).many(waiting)
        with contextlib.suppress(Stale):  # The server wrote one meanwhile.
            await store.commit([Update(msgspec.structs.replace(one, expires=past)) for one in rows])
            expired = True
    await store.close()


def test_from_the_hosts_sign_in_to_the_end_of_both_sessions(
    host: EmbeddingHost, app: Asking, asks: Callable[..., None], tab: Page, window: Window
) -> None:
    asks(tab)
    sign_in(tab)
    expect(tab.locator("#allow")).to_be_visible()
    expect(tab.locator("body")).to_contain_text("Miko")
    picture(tab, "embedded-consent")
    tab.click("#allow")
    miko = subject(host, app, answer(tab)["code"])
    # Silently from now on, in a second tab too.
    other = window.tab()
    asks(other, prompt="none")
    assert subject(host, app, answer(other)["code"]) == miko
    # The user's own pages.
    tab.goto(f"{host.url}{PATH}/apps")
    expect(tab.locator("article[data-client-id=local]")).to_be_visible()
    picture(tab, "embedded-apps")
    # The cookies of both live side by side.
    names = {cookie.get("name", "") for cookie in window.context.cookies()}
    assert "session" in names
    assert len([name for name in names if name.startswith("vk_")]) == 3
    # A sign-out at the host is one here.
    tab.goto(host.url)
    expect(tab.locator("#user")).to_have_text("miko")
    tab.click("#logout")
    expect(tab.locator("#user")).to_have_text("nobody")
    asks(other, prompt="none")
    assert answer(other)["error"] == "login_required"
    tab.goto(f"{host.url}{PATH}/apps")
    sign_in(tab)
    tab.wait_for_url(f"**{PATH}/apps")
    # And a sign-out here is one at the host.
    tab.goto(f"{host.url}{PATH}/sign-out")
    tab.click("#sign-out")
    tab.wait_for_url("**/signed-out")
    tab.goto(host.url)
    expect(tab.locator("#user")).to_have_text("nobody")


def test_two_tabs_and_the_back_button(
    host: EmbeddingHost, app: Asking, asks: Callable[..., None], tab: Page, window: Window
) -> None:
    second = window.tab()
    asks(tab, prompt="consent")
    asks(second, prompt="consent", state="the other tab")
    sign_in(second)
    second.click("#allow")
    assert answer(second)["state"] == "the other tab"
    # The first tab still shows the host's page: its own request goes on.
    sign_in(tab)
    expect(tab.locator("#allow")).to_be_visible()
    tab.go_back()
    tab.wait_for_url("**/login?**")
    sign_in(tab)
    tab.click("#allow")
    assert answer(tab)["state"] == AS_WEB.state
    # Back, over the end: a page that says so, and no second answer.
    tab.go_back()
    expect(tab.locator("#allow")).to_have_count(0)


def test_another_account(
    host: EmbeddingHost, app: Asking, asks: Callable[..., None], tab: Page
) -> None:
    asks(tab, prompt="consent")
    sign_in(tab)
    expect(tab.locator("body")).to_contain_text("Miko")
    tab.get_by_role("button", name="Use another account").click()
    sign_in(tab, "noor")
    expect(tab.locator("#allow")).to_be_visible()
    expect(tab.locator("body")).to_contain_text("Noor")
    tab.click("#allow")
    noor = subject(host, app, answer(tab)["code"])
    asks(tab, prompt="select_account")
    sign_in(tab)
    if tab.locator("#allow").count():
        tab.click("#allow")
    assert subject(host, app, answer(tab)["code"]) != noor


def test_a_request_that_expired_at_the_hosts_page(
    host: EmbeddingHost, app: Asking, asks: Callable[..., None], tab: Page
) -> None:
    asks(tab, prompt="login")
    tab.wait_for_url("**/login?**")
    expire_requests(host)
    sign_in(tab)
    expect(tab.locator("h1#error")).to_be_visible()
    picture(tab, "embedded-expired")
    # The host's session is there all the same, so the app's next request goes on at once.
    asks(tab, prompt="consent")
    tab.click("#allow")
    assert "code" in answer(tab)


def test_a_cookie_that_was_lost_at_the_hosts_page(
    host: EmbeddingHost, asks: Callable[..., None], tab: Page, window: Window
) -> None:
    asks(tab, prompt="login")
    tab.wait_for_url("**/login?**")
    for cookie in window.context.cookies():
        if cookie.get("name", "").startswith("vk_"):
            window.context.clear_cookies(name=cookie.get("name", ""))
    sign_in(tab)
    expect(tab.locator("h1#error")).to_be_visible()
    expect(tab.locator("#allow")).to_have_count(0)
    assert tab.url.startswith(host.url), "no answer reached the app"
    picture(tab, "embedded-lost-cookie")
    asks(tab, prompt="consent")
    tab.click("#allow")
    assert "code" in answer(tab)


def test_max_age_and_a_way_back_that_was_tampered_with(
    host: EmbeddingHost, app: Asking, asks: Callable[..., None], tab: Page
) -> None:
    tab.goto(f"{host.url}/login?next=https://evil.example/")
    sign_in(tab)
    assert tab.url == f"{host.url}/"
    asks(tab)
    if tab.locator("#allow").count():
        tab.click("#allow")
    assert "code" in answer(tab)
    time.sleep(1.1)  # the sign-in was a second ago
    asks(tab, max_age="0")
    tab.wait_for_url("**/login?**")
    way = parse_qs(urlsplit(tab.url).query)["next"][0]
    assert way.startswith(f"{PATH}/continue/")
    tab.goto(host.url + way)
    assert answer(tab)["error"] == "login_required"
    asks(tab, max_age="0")
    sign_in(tab)
    assert "code" in answer(tab)
