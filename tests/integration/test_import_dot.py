"""A real site with django-oauth-toolkit moves here: its app goes on, unchanged but for the
addresses of the server."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from authlib.integrations.requests_client import OAuth2Session  # type: ignore[import-untyped]
from tests.browser import PATIENCE, Browser
from tests.cli.line import Line
from tests.installation import PASSWORDS, RESOURCE_SERVERS
from tests.integration.tools import tool
from tests.live import Live, free_port

from valetkey.server.model.change import Create
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant
from valetkey.server.model.user import User

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

COUNT: Final = 2000
SECRET: Final = "a-secret-of-128-characters".ljust(128, ".")
REDIRECT: Final = "https://web.example/callback"
SITE: Final = Path(__file__).parent / "django/site.py"


class Site:
    """The site, with its server running."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(SITE, folder / "site.py")
        self.manage("migrate", "--verbosity", "0")
        self.manage("fill", REDIRECT, str(COUNT))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def command(self, *words: str) -> list[str]:
        # With -I, the file's folder, whose `site` hides that of Python, is not searched.
        return [str(tool("django-oauth-toolkit") / "bin/python"), "-I", "site.py", *words]

    def manage(self, *words: str) -> str:
        environ = os.environ | {"CLIENT_SECRET": SECRET, "OAUTHLIB_INSECURE_TRANSPORT": "1"}
        done = subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    environ = os.environ | {"OAUTHLIB_INSECURE_TRANSPORT": "1"}
    words = site.command("runserver", "--noreload", str(site.port))
    with (site.folder / "log").open("wb") as log:
        process = subprocess.Popen(words, cwd=site.folder, env=environ, stdout=log, stderr=log)
        try:
            until = time.monotonic() + PATIENCE
            while not _answers(site.url):
                assert time.monotonic() < until, (site.folder / "log").read_text()
                time.sleep(0.1)
            yield site
        finally:
            process.terminate()
            process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/login/").status_code == 200
    except httpx2.TransportError:
        return False


class WebApp:
    """The app, as its developer wrote it. Only the addresses of the server are new."""

    def __init__(self, authorize: str, token: str) -> None:
        self._authorize, self._token = authorize, token
        self._session = OAuth2Session(
            "web",
            SECRET,
            scope="chirps.read",
            redirect_uri=REDIRECT,
            code_challenge_method="S256",
        )

    def sign_in(self, drive: Callable[[str], str]) -> dict[str, Any]:
        verifier = "v" * 48
        url, _ = self._session.create_authorization_url(self._authorize, code_verifier=verifier)
        return dict(
            self._session.fetch_token(
                self._token, authorization_response=drive(url), code_verifier=verifier
            )
        )

    def refresh(self, token: str) -> dict[str, Any]:
        return dict(self._session.refresh_token(self._token, refresh_token=token))


def at_the_site(site: Site, url: str) -> str:
    """Signs Miko in at the site, and allows the app; where the browser is sent."""
    with httpx2.Client(base_url=site.url) as browser:
        browser.get("/login/")
        form = {"username": "miko", "password": PASSWORDS["miko"]}
        browser.post("/login/", data=form, headers={"X-CSRFToken": browser.cookies["csrftoken"]})
        allowed = dict(httpx2.URL(url).params.items())
        answer = browser.post(url, data={**allowed, "allow": "Authorize"})
        return str(answer.headers["location"])


def with_catalogs(folder: Path) -> Line:
    """An installation that knows its APIs, and nobody."""
    line = Line(folder)
    line.store(lambda store: store.commit([Create(one) for one in RESOURCE_SERVERS]))
    return line


def test_the_app_and_its_users_go_on(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    there = WebApp(f"{site.url}/o/authorize/", f"{site.url}/o/token/")
    held = there.sign_in(lambda url: at_the_site(site, url))
    assert there.refresh(held["refresh_token"])["access_token"]
    dumped = tmp_path / "dump.json"
    site.manage("dumpdata", "auth.user", "oauth2_provider", "--output", str(dumped))

    monkeypatch.chdir(tmp_path)
    line = with_catalogs(tmp_path)
    words = ("--scope", "write=chirps.write", "--allow-scope", "chirps", "--json")
    result = line.run("import", "dot", str(dumped), *words)
    done = httpx2.Response(200, content=result.stdout).json()
    assert (done["users"]["added"], done["users"]["refused"]) == (COUNT + 2, 0)
    assert (done["apps"]["added"], done["apps"]["refused"]) == (2, 1)
    assert done["apps"]["refusals"][0]["why"] == "there is no 'implicit' here"
    assert (done["grants"]["added"], done["grants"]["refused"]) == (COUNT + 1, 0)
    assert SECRET not in result.output

    server = Live(line.database)
    server.start(furnished=False)
    try:
        here = WebApp(f"{server.url}/authorize", f"{server.url}/token")
        # Their tokens are not ours: the app signs its user in once.
        with pytest.raises(Exception, match="invalid_grant"):
            here.refresh(held["refresh_token"])
        browser = server.browser()

        def drive(url: str) -> str:
            return in_the_browser(browser, url)

        tokens = here.sign_in(drive)
        assert here.refresh(tokens["refresh_token"])["access_token"]
        form = {"grant_type": "client_credentials", "scope": "chirps.read"}
        assert server.http.post("/token", data=form, auth=("machine", SECRET)).status_code == 200
    finally:
        server.stop()


def in_the_browser(browser: Browser, url: str) -> str:
    """Signs Miko in. There is no consent page: the grant is there."""
    browser.open(url)
    browser.sign_in()
    assert 'id="allow"' not in browser.page.text
    return browser.page.headers["location"]


def test_the_file_of_the_database_says_the_same(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = with_catalogs(tmp_path)
    words = ("--allow-scope", "chirps", "--json")
    result = line.run("import", "dot", str(site.folder / "site.sqlite3"), *words)
    assert result.exit_code == 1, result.output  # the implicit one
    done = httpx2.Response(200, content=result.stdout).json()
    assert done["apps"]["added"] == 2
    assert done["grants"]["added"] >= COUNT
    assert len([one for one in line.every(Grant) if one.client == "web"]) >= COUNT
    assert len(line.every(User)) == COUNT + 2
    assert {one.id for one in line.every(Client)} >= {"web", "machine"}
