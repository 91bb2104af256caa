"""The app's address, and any other to which a form of ours leads, redirects on to another origin.
Chromium applies `form-action` of our page to every redirect that follows a form."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import pytest
from playwright.sync_api import Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from tests.attacks.play import AS_WEB, asking, find, redeem
from tests.client.running import running
from tests.journeys.tab import Window, sign_in
from tests.live import Live, live

from valetkey.server.model.change import Update
from valetkey.server.model.client import Client
from valetkey.server.settings.ways import HandoffSettings, SignInSettings

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def hop() -> Iterator[str]:
    """An address that redirects to a page of another origin."""

    async def last(request: Request) -> Response:
        return HTMLResponse("<!doctype html><title>There</title><h1>The last page</h1>")

    with running(Starlette(routes=[Route("/last", last)])) as there:

        async def onward(request: Request) -> Response:
            body = (await request.body()).decode()
            return RedirectResponse(f"{there}/last?{body or request.url.query}", 302)

        hops = Route("/hop", onward, methods=["GET", "POST"])
        with running(Starlette(routes=[hops])) as first:
            yield f"{first}/hop"


class Visit:
    """A user of the app with that address, in a tab."""

    def __init__(self, server: Live, tab: Page, hop: str) -> None:
        self.server, self.tab, self.back = server, tab, hop

    def ask(self, **more: str) -> None:
        """The app sends them."""
        by = msgspec.structs.replace(AS_WEB, redirect_uri=self.back)
        self.tab.goto(self.server.url + asking(by, **more).path())

    def arrive(self, at: str) -> None:
        """They see the page to which the address redirects."""
        self.tab.wait_for_url(f"**/last?*{at}*")

    def know(self) -> None:
        """They have a session, and the app is allowed what it asks for."""
        self.ask(prompt="consent")
        sign_in(self.tab)
        self.tab.click("#allow")
        self.arrive("code=")


def consent(visit: Visit) -> None:
    visit.ask(prompt="consent")
    sign_in(visit.tab)
    visit.tab.click("#allow")
    visit.arrive("code=")


def refusal(visit: Visit) -> None:
    visit.ask(prompt="consent")
    sign_in(visit.tab)
    visit.tab.click("#cancel")
    visit.arrive("error=access_denied")


def a_form_for_the_app(visit: Visit) -> None:
    visit.ask(prompt="consent", response_mode="form_post")
    sign_in(visit.tab)
    visit.tab.click("#allow")
    visit.arrive("code=")


def signing_in(visit: Visit) -> None:
    visit.know()
    visit.ask(prompt="login")
    sign_in(visit.tab)
    visit.arrive("code=")


def choosing_an_account(visit: Visit) -> None:
    visit.know()
    visit.ask(prompt="select_account")
    visit.tab.click("#continue")
    visit.arrive("code=")


def signing_out_for_an_app(visit: Visit) -> None:
    """In a browser where it signed its user in before, so the page asks first."""
    visit.know()
    code = parse_qs(urlsplit(visit.tab.url).query)["code"][0]
    by = msgspec.structs.replace(AS_WEB, redirect_uri=visit.back)
    hint = redeem(visit.server, code, by).json()["id_token"]
    visit.tab.context.clear_cookies()
    visit.ask()
    sign_in(visit.tab)
    visit.arrive("code=")
    query = {"id_token_hint": hint, "post_logout_redirect_uri": visit.back, "state": "out"}
    visit.tab.goto(f"{visit.server.url}/logout?{urlencode(query)}")
    visit.tab.click("#sign-out")
    visit.arrive("state=out")


CASES: dict[str, Callable[[Visit], None]] = {
    one.__name__.replace("_", " "): one
    for one in (
        consent,
        refusal,
        a_form_for_the_app,
        signing_in,
        choosing_an_account,
        signing_out_for_an_app,
    )
}


@pytest.fixture(scope="module")
def passwords(tmp_path_factory: pytest.TempPathFactory, hop: str) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("passwords")
    with live(folder, name="Chirp", unthrottled=("127.0.0.1",)) as server:
        web = msgspec.structs.replace(
            find(server, Client, "web"),
            redirect_uris=(hop,),
            post_logout_redirect_uris=(hop,),
        )
        server.run(server.store.commit([Update(web)]))
        yield server


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_form_ends_beyond_the_app(
    case: Callable[[Visit], None], passwords: Live, window: Window, hop: str
) -> None:
    case(Visit(passwords, window.tab(), hop))


def test_a_form_ends_beyond_the_platform(tmp_path: Path, window: Window, hop: str) -> None:
    """The platform's login page sends its users on, to a provider of its own."""
    ways = SignInSettings(password=False, handoff=HandoffSettings(url=hop))
    with live(tmp_path, sign_in=ways) as server:
        begun = server.http.post(
            "/device_authorization", data={"client_id": "tv", "scope": "chirps"}
        ).json()
        tab = window.tab()
        tab.goto(begun["verification_uri"])
        tab.fill("#user_code", begun["user_code"])
        tab.click("#continue")
        tab.click("#confirm")
        tab.wait_for_url("**/last?interaction=*")
