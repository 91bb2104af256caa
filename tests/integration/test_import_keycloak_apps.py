"""A realm of a real Keycloak moves here: 1,000 users (`--budget long`: 10,000), 50 apps, and an app
that goes on, unchanged but for the addresses of the server."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import httpx2
import pytest
from authlib.integrations.requests_client import OAuth2Session  # type: ignore[import-untyped]
from tests.browser import forms
from tests.integration.test_import_dot import with_catalogs
from tests.integration.tools import tool
from tests.live import Live, free_port

from valetkey.server.model.grant import Grant

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

APPS: Final = 50
SECRET: Final = "a-secret-of-the-app"
REDIRECT: Final = "https://app0.example/callback"
WORD: Final = "correct horse"
START_SECONDS: Final = 300.0


def user(n: int, *, consents: int) -> dict[str, Any]:
    tag = hashlib.pbkdf2_hmac("sha512", WORD.encode(), b"0123456789abcdef", 1000, 64)
    salt = base64.b64encode(b"0123456789abcdef").decode()
    kind = {"hashIterations": 1000, "algorithm": "pbkdf2-sha512"}
    secret = {"value": base64.b64encode(tag).decode(), "salt": salt}
    stored = {"credentialData": json.dumps(kind), "secretData": json.dumps(secret)}
    one: dict[str, Any] = {
        "username": f"user{n}",
        "enabled": True,
        "email": f"user{n}@chirp.example",
        "emailVerified": True,
        "firstName": "User",
        "lastName": str(n),
        "credentials": [{"type": "password", **stored}],
    }
    if n == 0:
        one["realmRoles"] = ["offline_access"]  # or there is no offline session
    if 0 < n <= consents:
        consent = {
            "clientId": f"app{n % APPS}",
            "grantedClientScopes": ["email", "chirps.read", "offline_access"],
            "createdDate": 1_700_000_000_000,
        }
        one["clientConsents"] = [consent]
    return one


def client(n: int) -> dict[str, Any]:
    return {
        "clientId": f"app{n}",
        "name": f"App {n}",
        "secret": SECRET,
        "redirectUris": [f"https://app{n}.example/callback"],
        "consentRequired": True,
        "fullScopeAllowed": True,  # or the role of offline sessions is not in it
        "defaultClientScopes": ["profile", "email"],
        "optionalClientScopes": ["chirps.read", "offline_access"],
        "attributes": {"post.logout.redirect.uris": "+"},
    }


def realm(users: int) -> dict[str, Any]:
    scope = {
        "name": "chirps.read",
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "true"},
    }
    wild = client(1) | {"clientId": "wild", "redirectUris": ["https://wild.example/*"]}
    return {
        "realm": "chirp",
        "enabled": True,
        "sslRequired": "none",
        "roles": {"realm": [{"name": "offline_access"}]},
        "clientScopes": [scope, *BUILT_IN],
        "clients": [*map(client, range(APPS)), wild],
        "users": [user(n, consents=users // 5) for n in range(users)],
    }


BUILT_IN: Final = [
    {"name": name, "protocol": "openid-connect"} for name in ("profile", "email", "offline_access")
]


class Keycloak:
    """Keycloak, with a copy of its folder: it writes beside itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = shutil.copytree(tool("keycloak"), folder / "home", symlinks=True)
        self.environ = os.environ | {"JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1"}
        self.port = free_port()
        self.url = f"http://localhost:{self.port}/realms/chirp/protocol/openid-connect"

    def run(self, *words: str) -> None:
        command = [str(self.home / "bin/kc.sh"), *words]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=self.environ
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr

    def start(self) -> "subprocess.Popen[bytes]":
        words = (
            *("start-dev", "--import-realm", "--http-host=127.0.0.1", f"--http-port={self.port}"),
            f"--http-management-port={free_port()}",
        )
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(self.home / "bin/kc.sh"), *words],
                stdout=log,
                stderr=log,
                env=self.environ,
                start_new_session=True,
            )
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            late = process.poll() is not None or time.monotonic() > until
            assert not late, (self.folder / "log").read_text()[-3000:]
            time.sleep(0.5)
        return process

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/certs").status_code == 200
        except httpx2.TransportError:
            return False

    def sign_in(self, url: str) -> str:
        """Plays `user0`, who signs in and allows the app; where the browser is sent."""
        # Its cookies are for https, which a real browser takes localhost for.
        cookies: dict[str, str] = {}

        def visit(url: str, data: dict[str, str] | None = None) -> httpx2.Response:
            headers = {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
            method = "GET" if data is None else "POST"
            page = httpx2.request(method, url, data=data, headers=headers, timeout=60)
            for line in page.headers.get_list("set-cookie"):
                name, _, value = line.partition(";")[0].partition("=")
                cookies[name] = value
            return page

        page = visit(url)
        for _ in range(10):
            location = page.headers.get("location", "")
            if location.startswith(REDIRECT):
                return str(location)
            here = str(page.request.url)
            if location:
                page = visit(urljoin(here, location))
                continue
            assert forms(page.text), page.text
            form = forms(page.text)[0]
            answer = {"username": "user0", "password": WORD, "accept": "Yes"}
            page = visit(urljoin(here, form.action.replace("&amp;", "&")), form.fields | answer)
        raise AssertionError(page.text)


@pytest.fixture(scope="module")
def users(pytestconfig: pytest.Config) -> int:
    """How many the realm has; every fifth allowed an app something."""
    return 10_000 if pytestconfig.getoption("--budget") == "long" else 1_000


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory, users: int) -> tuple[Path, dict[str, Any]]:
    """A folder with the export, and the tokens of an offline session that its app has."""
    folder = tmp_path_factory.mktemp("keycloak")
    keycloak = Keycloak(folder)
    (imported := keycloak.home / "data/import").mkdir(parents=True)
    (imported / "chirp-realm.json").write_text(json.dumps(realm(users)))
    process = keycloak.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
            with session() as app:
                url, _ = app.create_authorization_url(f"{keycloak.url}/auth")
                answer, at = keycloak.sign_in(url), f"{keycloak.url}/token"
                token = dict(app.fetch_token(at, authorization_response=answer))
                assert app.refresh_token(at)["access_token"]
    finally:
        process.terminate()
        process.wait()
    # One file for all users takes Keycloak more than a quarter of an hour.
    out = folder / "out"
    keycloak.run("export", "--dir", str(out), "--realm", "chirp", "--users", "different_files")
    return out, token


def session() -> OAuth2Session:
    """The app, as its developer wrote it."""
    scope = "openid email chirps.read offline_access"
    return OAuth2Session("app0", SECRET, scope=scope, redirect_uri=REDIRECT)


def test_the_app_and_its_users_go_on(
    moved: tuple[Path, dict[str, Any]],
    users: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (out, token), grants = moved, users // 5 + 1
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.chdir(tmp_path)
    line = with_catalogs(tmp_path)
    began = time.monotonic()
    result = line.run("import", "keycloak", str(out), "--policy", "oidc", "--json")
    seconds = time.monotonic() - began
    assert result.exit_code == 1, result.output  # of the wildcard
    done = json.loads(result.stdout)
    print(f"{users} users, {APPS} apps, {grants} grants in {seconds:.1f} s")
    assert (done["users"]["added"], done["users"]["refused"]) == (users, 0)
    assert (done["apps"]["added"], done["apps"]["refused"]) == (APPS, 1)
    (refusal,) = done["apps"]["refusals"]
    assert (refusal["client"], refusal["field"]) == ("wild", "redirect_uris")
    assert done["apps"]["skipped"]["Keycloak's own apps"] >= 5
    assert (done["grants"]["added"], done["grants"]["refused"]) == (grants, 0)
    assert SECRET not in result.output
    assert len(line.every(Grant)) == grants

    server = Live(line.database)
    server.start(furnished=False)
    try:
        go_on(server, token)
    finally:
        server.stop()


def go_on(server: Live, token: dict[str, Any]) -> None:
    """The offline token of there is none here; one sign-in, without a consent page, is enough."""
    with session() as app:
        with pytest.raises(Exception, match="invalid_grant"):
            app.refresh_token(f"{server.url}/token", refresh_token=token["refresh_token"])
        browser = server.browser()
        url, _ = app.create_authorization_url(f"{server.url}/authorize")
        browser.open(url)
        browser.sign_in("user0", WORD)
        assert 'id="allow"' not in browser.page.text
        answer = browser.page.headers["location"]
        app.fetch_token(f"{server.url}/token", authorization_response=answer)
        assert app.refresh_token(f"{server.url}/token")["access_token"]
