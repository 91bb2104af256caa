"""Two tabs, back, too late, no cookie, another account, once more, silently, and out: for a
password and for a provider. The hand-off (`test_platform`) and a host (`test_embedded`) have
stories of their own; a directory is in `tests/integration/test_ldap_journeys.py`."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.journeys.cases import CASES, SignInWay, app_of
from tests.journeys.tab import Window, sign_in
from tests.live import Live, live
from tests.providers import there_and_here

pytestmark = pytest.mark.browser


class ByPassword:
    """A password of this server, or of a directory."""

    def __init__(self, server: Live, app: str, name: str = "password") -> None:
        self.server, self.app, self.name = server, app, name

    def at_sign_in(self, tab: Page) -> None:
        expect(tab.locator("#username")).to_be_visible()

    def sign_in(self, tab: Page, user: str = "miko") -> None:
        sign_in(tab, username=user)

    def forget(self, tab: Page) -> None:
        """The app signs its user out."""
        tab.goto(f"{self.server.url}/logout?client_id=web")
        tab.click("#sign-out")
        tab.wait_for_url("**/signed-out**")


class ByProvider:
    """An account at an OpenID provider."""

    name = "upstream"

    def __init__(self, there: Live, server: Live, app: str) -> None:
        self._there, self.server, self.app = there, server, app

    def at_sign_in(self, tab: Page) -> None:
        tab.get_by_role("link", name="Sign in with There").click()
        expect(tab.get_by_role("link", name="Sign in with There")).to_have_count(0)

    def sign_in(self, tab: Page, user: str = "miko") -> None:
        link = tab.get_by_role("link", name="Sign in with There")
        if link.count():
            link.click()
        if not tab.url.startswith(self._there.url):
            return  # It knows the user.
        if tab.locator("#another").count():
            tab.click("#another")
        sign_in(tab, username=user)
        tab.wait_for_load_state()
        if tab.url.startswith(self._there.url) and tab.locator("#allow").count():
            tab.click("#allow")

    def forget(self, tab: Page) -> None:
        """The user signs out there."""
        tab.goto(f"{self._there.url}/sign-out")
        tab.click("#sign-out")
        tab.wait_for_url("**/signed-out**")


@pytest.fixture(scope="module")
def by_password(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ByPassword]:
    folder = tmp_path_factory.mktemp("password")
    with (
        live(folder, name="Chirp", unthrottled=("127.0.0.1",)) as server,
        app_of(server) as app,
    ):
        yield ByPassword(server, app)


@pytest.fixture(scope="module")
def by_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ByProvider]:
    folder = tmp_path_factory.mktemp("provider")
    with there_and_here(folder, secure=True) as (there, server), app_of(server) as app:
        yield ByProvider(there, server, app)


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[Window]:
    """A fresh profile that trusts the provider's certificate; no error shows in its console."""
    window = Window(chromium)
    window.context.close()
    window.context = chromium.new_context(ignore_https_errors=True)
    yield window
    window.context.close()
    assert window.errors == []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("way", ["by_password", "by_provider"])
def test_each_way(
    way: str,
    case: Callable[[SignInWay, Window], None],
    visitor: Window,
    request: pytest.FixtureRequest,
) -> None:
    case(request.getfixturevalue(way), visitor)
