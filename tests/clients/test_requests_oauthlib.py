"""requests-oauthlib, a client that others wrote, unchanged against the running server."""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from oauthlib.oauth2 import (  # type: ignore[import-untyped]
    BackendApplicationClient,
    InvalidGrantError,
)
from requests_oauthlib import OAuth2Session  # type: ignore[import-untyped]
from tests.browser import CALLBACK
from tests.clients.person import agree
from tests.installation import SECRETS, WEB
from tests.live import Live, live
from tests.rows import row

SCOPE = ["openid", "profile", "email", "offline_access", "chirps"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("requests")) as server:
        yield server


@pytest.fixture(autouse=True)
def _over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """oauthlib's own switches: the server is on loopback, and says more scope than was asked."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("OAUTHLIB_RELAX_TOKEN_SCOPE", "1")
    assert os.environ["OAUTHLIB_INSECURE_TRANSPORT"]


CLIENTS = [
    row("2.3.1", "with a secret", "web", WEB, {"client_secret": SECRETS["web"]}),
    row("2.1", "public", "stefapp", CALLBACK, {"include_client_id": True}),
]


def connected(server: Live, name: str, callback: str, proof: dict[str, Any]) -> Any:
    session = OAuth2Session(name, redirect_uri=callback, scope=SCOPE, pkce="S256")
    url, _ = session.authorization_url(f"{server.url}/authorize")
    answer = agree(server.browser(), url)
    session.fetch_token(f"{server.url}/token", authorization_response=answer, **proof)
    return session


@pytest.mark.parametrize("name,callback,proof", CLIENTS)
def test_the_code_becomes_tokens(
    server: Live, name: str, callback: str, proof: dict[str, Any]
) -> None:
    session = connected(server, name, callback, proof)
    claims = session.get(f"{server.url}/userinfo").json()
    assert claims["sub"] == server.users["miko"].id
    assert claims["email"] == "miko@example.org"


@pytest.mark.parametrize("name,callback,proof", CLIENTS)
def test_a_refresh(server: Live, name: str, callback: str, proof: dict[str, Any]) -> None:
    session = connected(server, name, callback, proof)
    auth = (name, proof["client_secret"]) if "client_secret" in proof else None
    more = {} if auth else {"client_id": name}
    before = session.token["access_token"]
    session.refresh_token(f"{server.url}/token", auth=auth, **more)
    assert session.token["access_token"] != before
    assert session.get(f"{server.url}/userinfo").status_code == 200


def test_a_refusal_is_understood(server: Live) -> None:
    session = OAuth2Session("web", redirect_uri=WEB, scope=SCOPE, pkce="S256")
    session.authorization_url(f"{server.url}/authorize")
    with pytest.raises(InvalidGrantError):
        session.fetch_token(f"{server.url}/token", code="vk_code_x", client_secret=SECRETS["web"])


def test_a_machine(server: Live) -> None:
    session = OAuth2Session(client=BackendApplicationClient("machine", scope=["chirps"]))
    token = session.fetch_token(f"{server.url}/token", client_secret=SECRETS["machine"])
    assert {"chirps.read", "chirps.write"} <= {*token["scope"]}
    assert urlsplit(server.url).scheme == "http"
