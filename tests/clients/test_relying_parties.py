"""Libraries that sign people in by OpenID Connect without PKCE, in their default configuration."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.clients.relying import App, visiting
from tests.live import Live, live

HERE = Path(__file__).parent
NODE = shutil.which("node")

node = (
    pytest.mark.node,
    pytest.mark.skipif(NODE is None, reason="Node.js is not installed"),
    pytest.mark.skipif(
        not (HERE / "node/node_modules/passport-openidconnect").exists(),
        reason="npm packages are not installed: scripts/node-packages.sh tests/clients/node",
    ),
)

APPS = {
    "mozilla-django-oidc": App(
        command=(sys.executable, str(HERE / "python/django_oidc.py")),
        start="/oidc/authenticate/",
        callback="/oidc/callback/",
        auth_method="client_secret_post",
    ),
    "pyoidc": App(
        command=(sys.executable, str(HERE / "python/pyoidc.py")),
        start="/",
        callback="/callback",
        auth_method="client_secret_basic",
    ),
    "passport-openidconnect": App(
        command=(str(NODE), "passport.mjs"),
        folder=HERE / "node",
        start="/login",
        callback="/callback",
        auth_method="client_secret_post",
    ),
}
MARKS = {"passport-openidconnect": node}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("relying")) as server:
        yield server


@pytest.fixture(params=[pytest.param(name, marks=MARKS.get(name, ())) for name in APPS])
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


def placed(name: str, folder: Path) -> App:
    """The app, with a database of its own where it keeps one."""
    return APPS[name]._replace(more={"DATABASE": str(folder / "app.sqlite3")})


def known_by(name: str, server: Live) -> str:
    """What the app knows its user by. passport-openidconnect reads the ID Token alone."""
    miko = server.users["miko"]
    return miko.id if name == "passport-openidconnect" else miko.email


def test_the_user_is_signed_in(name: str, server: Live, tmp_path: Path) -> None:
    app = placed(name, tmp_path)
    with visiting(server, name, app, tmp_path / "log") as visit:
        page = visit.sign_in(app.start)
    assert page.status_code == 200, (tmp_path / "log").read_text()
    assert known_by(name, server) in page.text


@pytest.mark.parametrize("name", [pytest.param("passport-openidconnect", marks=node)])
def test_an_app_that_reads_the_id_token_alone_finds_claims_there_by_a_switch(
    name: str, server: Live, tmp_path: Path
) -> None:
    app = APPS[name]._replace(fields={"claims_in_id_token": True})
    with visiting(server, f"{name}-claims", app, tmp_path / "log") as visit:
        page = visit.sign_in(app.start)
    assert server.users["miko"].email in page.text


def test_a_policy_that_wants_pkce_is_named_to_the_developer(
    name: str, server: Live, tmp_path: Path
) -> None:
    app = placed(name, tmp_path)
    with visiting(server, f"{name}-strict", app, tmp_path / "log", policy="default") as visit:
        answer = parse_qs(urlsplit(visit.refused(app.start)).query)
    assert answer["error"] == ["invalid_request"]
    assert "policy oidc" in answer["error_description"][0]
