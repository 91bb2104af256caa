"""The journeys of people whose passwords a real slapd checks."""

from collections.abc import Callable, Iterator
from shutil import which

import pytest
from playwright.sync_api import Browser, Page
from tests.journeys.cases import CASES, SignInWay, app_of
from tests.journeys.conftest import chromium
from tests.journeys.tab import Window, sign_in
from tests.journeys.test_each_way import ByPassword
from tests.live import live

from valetkey.server.model.keys import Secret
from valetkey.server.settings.other_systems import DirectorySettings
from valetkey.server.settings.ways import SignInSettings

# What `test_ldap` lacks, it says by skipping itself: then there is nothing to import from it.
pytest.importorskip("bonsai", reason="the extra `ldap` is not installed")
if which("slapd", path="/usr/sbin:/usr/bin:/usr/local/sbin") is None:
    pytest.skip("slapd is not installed", allow_module_level=True)

from tests.integration.test_ldap import BASE, READER, WORD, Slapd, slapd

pytestmark = [
    pytest.mark.integration,
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

__all__ = ["chromium", "slapd"]


class ByDirectory(ByPassword):
    """A password of the directory."""

    def sign_in(self, tab: Page, user: str = "miko") -> None:
        sign_in(tab, username=f"ldap-{user}", password=WORD)


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory, slapd: Slapd) -> Iterator[ByDirectory]:
    ldap = DirectorySettings(
        url=slapd.url, base=BASE, bind_dn=READER, bind_password=Secret("reader-word")
    )
    folder = tmp_path_factory.mktemp("server")
    settings = {"sign_in": SignInSettings(ldap=ldap), "unthrottled": ("127.0.0.1",)}
    with live(folder, name="Chirp", **settings) as server, app_of(server) as app:
        yield ByDirectory(server, app, "ldap")


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[Window]:
    window = Window(chromium)
    yield window
    window.context.close()
    assert window.errors == []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_by_directory(
    way: ByDirectory, case: Callable[[SignInWay, Window], None], visitor: Window
) -> None:
    case(way, visitor)
