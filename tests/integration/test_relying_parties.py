"""Web apps in other languages that sign their users in, each library in its default
configuration."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import httpx2
import pytest
from tests.attacks.play import tokens
from tests.browser import PATIENCE
from tests.clients.relying import App, running, visiting
from tests.integration.tools import tool
from tests.live import Live, free_port, live
from tests.rows import row

pytestmark = pytest.mark.integration

HERE: Final = Path(__file__).parent


def oauth2_proxy() -> App:
    return App(
        command=(
            str(tool("oauth2-proxy")),
            "--provider=oidc",
            "--oidc-issuer-url={ISSUER}",
            "--client-id={CLIENT_ID}",
            "--client-secret={CLIENT_SECRET}",
            "--http-address=127.0.0.1:{PORT}",
            "--redirect-url=http://127.0.0.1:{PORT}/oauth2/callback",
            "--email-domain=*",
            "--upstream=static://200",
            "--cookie-secret=a-secret-of-32-bytes-for-a-test!",
            "--cookie-secure=false",
        ),
        start="/oauth2/start?rd=/oauth2/userinfo",
        callback="/oauth2/callback",
        auth_method="client_secret_basic",
    )


def go_oidc() -> App:
    return App(
        command=(str(tool("go-oidc")),),
        start="/login",
        callback="/callback",
        auth_method="client_secret_basic",
    )


def openidconnect() -> App:
    return go_oidc()._replace(command=(str(tool("openidconnect")),))


def spring() -> App:
    return App(
        command=("java", "-XX:TieredStopAtLevel=1", "-jar", str(tool("spring"))),
        start="/",
        callback="/login/oauth2/code/valetkey",
        auth_method="client_secret_basic",
        patience=180,
    )


def omniauth() -> App:
    if shutil.which("rackup") is None:
        pytest.skip(
            "rackup is not installed: apt-get install ruby-rack ruby-omniauth-openid-connect"
        )
    return App(
        command=(
            *("rackup", "--server", "webrick", "--host", "127.0.0.1", "--port", "{PORT}"),
            str(HERE / "ruby/omniauth.ru"),
        ),
        start="/auth/valetkey",
        callback="/auth/valetkey/callback",
        auth_method="client_secret_basic",
    )


APPS: Final[Mapping[str, Callable[[], App]]] = {
    "oauth2-proxy": oauth2_proxy,
    "coreos/go-oidc": go_oidc,
    "openidconnect for Rust": openidconnect,
    "Spring Security": spring,
    "omniauth_openid_connect": omniauth,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("relying")) as server:
        yield server


@pytest.mark.parametrize("name", APPS)
def test_the_user_is_signed_in(name: str, server: Live, tmp_path: Path) -> None:
    app = APPS[name]()
    client_id = name.replace(" ", "-").replace("/", "-")
    with visiting(server, client_id, app, tmp_path / "log") as visit:
        page = visit.sign_in(app.start)
    assert page.status_code == 200, (page.text, (tmp_path / "log").read_text())
    assert "miko@example.org" in page.text


@pytest.mark.parametrize(
    "which, status",
    [
        row("RFC 9068 4", "an access token for this API", "access_token", 200),
        row("RFC 9068 4", "an ID Token", "id_token", 401),
    ],
)
def test_spring_protects_an_api_as_the_how_to_has_it(
    which: str, status: int, server: Live, tmp_path: Path
) -> None:
    app, port = spring(), free_port()
    token = tokens(server)[which]
    with running(
        app, issuer=server.issuer, client_id="an-api", port=port, log=tmp_path / "log"
    ) as address:
        bearer = {"authorization": f"Bearer {token}"}
        reply = httpx2.get(f"{address}/api/me", headers=bearer, timeout=PATIENCE)
    assert reply.status_code == status, (reply.headers, (tmp_path / "log").read_text())
    assert (server.users["miko"].id in reply.text) == (status == 200)
