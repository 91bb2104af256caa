"""A real Hydra moves here, by what its admin API returns: its app goes on, unchanged but for the
addresses of the server."""

import json
import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from authlib.integrations.requests_client import OAuth2Session  # type: ignore[import-untyped]
from tests.browser import PATIENCE
from tests.cli.line import Line
from tests.cli.test_import_users import HASH, write
from tests.integration.test_import_dot import with_catalogs
from tests.integration.tools import tool
from tests.live import Live, free_port

from valetkey.server.model.client import Client

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

GRANTS: Final = 10_000
FLOWS: Final = 20
"""Consents that are really given; the others are copies of these in Hydra's database."""

SECRET: Final = "a-short-one-of-webs"
REDIRECT: Final = "https://web.example/callback"
SCOPE: Final = ["openid", "offline", "chirps.read"]

CLIENTS: Final = (
    {
        "client_id": "web",
        "client_name": "Web",
        "client_secret": SECRET,
        "scope": " ".join(SCOPE),
        "grant_types": ["authorization_code", "refresh_token"],
    },
    {"client_id": "native", "scope": "openid chirps.*", "token_endpoint_auth_method": "none"},
    {"client_id": "old", "scope": "openid", "grant_types": ["implicit"]},
    {"client_id": "http", "scope": "openid", "redirect_uris": ["http://a.example/"]},
)


class Hydra:
    """Hydra over a file of SQLite, with its public and its admin API."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "hydra.db"
        self.port, self.admin_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environ = os.environ | {
            "DSN": f"sqlite://{self.database}?_fk=true&mode=rwc",
            "SECRETS_SYSTEM": "a system secret for a test",
            "URLS_SELF_ISSUER": f"{self.url}/",
            "URLS_LOGIN": "http://127.0.0.1:9/login",
            "URLS_CONSENT": "http://127.0.0.1:9/consent",
            "SERVE_PUBLIC_PORT": str(self.port),
            "SERVE_PUBLIC_HOST": "127.0.0.1",
            "SERVE_ADMIN_PORT": str(self.admin_port),
            "SERVE_ADMIN_HOST": "127.0.0.1",
            "SQA_OPT_OUT": "true",
            "LOG_LEVEL": "error",
        }
        self.admin = httpx2.Client(base_url=f"http://127.0.0.1:{self.admin_port}/admin", timeout=60)

    def command(self, *words: str) -> list[str]:
        return [str(tool("hydra")), *words]

    def app(self) -> OAuth2Session:
        return OAuth2Session("web", SECRET, scope=" ".join(SCOPE), redirect_uri=REDIRECT)

    def consent(self, subject: str) -> str:
        """Plays a user's sign-in and consent; where the browser is sent."""
        with self.app() as app:
            url, _ = app.create_authorization_url(f"{self.url}/oauth2/auth")
        with httpx2.Client() as browser:
            step = browser.get(url).headers["location"]
            for kind, answer in (
                ("login", {"subject": subject}),
                ("consent", {"grant_scope": SCOPE, "remember": True, "remember_for": 0}),
            ):
                challenge = {f"{kind}_challenge": httpx2.URL(step).params[f"{kind}_challenge"]}
                path = f"/oauth2/auth/requests/{kind}/accept"
                accepted = self.admin.put(path, params=challenge, json=answer).json()
                step = browser.get(accepted["redirect_to"]).headers["location"]
            return str(step)

    def copy_consents(self) -> None:
        """Copies the consents of `user0` for other users."""
        with sqlite3.connect(self.database) as connection:
            connection.row_factory = sqlite3.Row
            query = "SELECT * FROM hydra_oauth2_flow WHERE subject = 'user0'"
            flow = dict(connection.execute(query).fetchone())
            marks = ", ".join("?" for _ in flow)
            for n in range(FLOWS, GRANTS):
                own = {
                    name: f"{value}{n}"
                    for name, value in flow.items()
                    if name.endswith(("_challenge", "_challenge_id", "_verifier", "_csrf"))
                }
                row = flow | own | {"subject": f"user{n}"}
                statement = f"INSERT INTO hydra_oauth2_flow VALUES ({marks})"
                connection.execute(statement, tuple(row.values()))

    def export(self, out: Path) -> None:
        """As the how-to has it: pages of the API, one after another."""
        with out.open("wb") as file:
            file.write(self.admin.get("/clients", params={"page_size": 500}).content)
            path = "/oauth2/auth/sessions/consent"
            for n in range(GRANTS):
                file.write(self.admin.get(path, params={"subject": f"user{n}"}).content)

    def hashes(self, out: Path) -> None:
        with sqlite3.connect(self.database) as connection:
            rows = connection.execute("SELECT id, client_secret FROM hydra_client").fetchall()
        lines = [json.dumps({"client_id": name, "client_secret": one}) for name, one in rows]
        out.write_text("\n".join(lines))
        out.chmod(0o600)


@pytest.fixture(scope="module")
def hydra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hydra]:
    folder = tmp_path_factory.mktemp("hydra")
    hydra = Hydra(folder)
    migrate = hydra.command("migrate", "sql", "up", "-e", "--yes")
    subprocess.run(migrate, env=hydra.environ, check=True, capture_output=True)
    with (folder / "log").open("wb") as log:
        words = hydra.command("serve", "all", "--dev")
        process = subprocess.Popen(words, env=hydra.environ, stdout=log, stderr=log)
        try:
            until = time.monotonic() + PATIENCE
            while not _is_ready(hydra):
                late = process.poll() is not None or time.monotonic() > until
                assert not late, (folder / "log").read_text()
                time.sleep(0.1)
            for one in CLIENTS:
                whole = {"redirect_uris": [REDIRECT], "response_types": ["code"]} | one
                assert hydra.admin.post("/clients", json=whole).status_code == 201, one
            yield hydra
        finally:
            hydra.admin.close()
            process.terminate()
            process.wait()


def _is_ready(hydra: Hydra) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{hydra.admin_port}/health/ready").status_code == 200
    except httpx2.TransportError:
        return False


def report(line: Line, *words: str) -> tuple[dict[str, Any], str]:
    result = line.run("import", "hydra", *words, "--json")
    assert result.exit_code == 1, result.output  # two apps are refused
    return json.loads(result.stdout), result.output


def test_the_app_and_its_users_go_on(
    hydra: Hydra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    for n in range(1, FLOWS):
        hydra.consent(f"user{n}")
    answer = hydra.consent("user0")
    with hydra.app() as app:
        app.fetch_token(f"{hydra.url}/oauth2/token", authorization_response=answer)
        token = app.refresh_token(f"{hydra.url}/oauth2/token")
    hydra.copy_consents()
    exported, hashes = tmp_path / "hydra.json", tmp_path / "hashes.ndjson"
    hydra.export(exported)
    hydra.hashes(hashes)

    monkeypatch.chdir(tmp_path)
    line = with_catalogs(tmp_path)
    people = [{"username": f"p{n}", "id": f"user{n}", "password_hash": HASH} for n in range(GRANTS)]
    line.ok("import", "users", write(line, "users.ndjson", *people), "--source", "platform")
    words = (str(exported), "--secrets", str(hashes), "--source", "platform", "--policy", "oidc")
    began = time.monotonic()
    done, output = report(line, *words)
    print(f"{GRANTS} grants in {time.monotonic() - began:.1f} s")
    assert (done["apps"]["added"], done["apps"]["refused"]) == (2, 2)
    assert {(one["client"], one["field"]) for one in done["apps"]["refusals"]} == {
        ("old", "grant_types"),
        ("http", "redirect_uris"),
    }
    assert done["apps"]["not_imported"] == {"the scope 'chirps.*'": 1}
    assert (done["grants"]["added"], done["grants"]["refused"]) == (GRANTS, 0)
    assert SECRET not in output
    assert "$pbkdf2" not in output
    again, _ = report(line, *words)
    assert (again["grants"]["added"], again["grants"]["unchanged"]) == (0, GRANTS)
    assert again["apps"]["unchanged"] == 2

    server = Live(line.database)
    server.start(furnished=False)
    try:
        with hydra.app() as here:
            go_on(here, server, token)
    finally:
        server.stop()
    (web,) = [one for one in line.every(Client) if one.id == "web"]
    assert web.secrets[0].digest.startswith("$hmac-sha256$")


def go_on(app: OAuth2Session, server: Live, token: dict[str, Any]) -> None:
    """The token of there is none here; one sign-in, without a consent page, is enough."""
    # This one name is another here.
    app.scope = app.scope.replace("offline", "offline_access")
    with pytest.raises(Exception, match="invalid_grant"):
        app.refresh_token(f"{server.url}/token", refresh_token=token["refresh_token"])
    browser = server.browser()
    url, _ = app.create_authorization_url(f"{server.url}/authorize")
    browser.open(url)
    browser.sign_in("p3", "correct horse")
    assert 'id="allow"' not in browser.page.text
    answer = browser.page.headers["location"]
    app.fetch_token(f"{server.url}/token", authorization_response=answer)
    assert app.refresh_token(f"{server.url}/token")["access_token"]
