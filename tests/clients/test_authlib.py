"""Authlib, a client that others wrote, unchanged against the running server."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]
from authlib.integrations.httpx_client import OAuth2Client  # type: ignore[import-untyped]
from authlib.integrations.starlette_client import OAuth  # type: ignore[import-untyped]
from starlette.requests import Request
from tests.browser import CALLBACK
from tests.clients.person import agree
from tests.installation import CHIRP, SECRETS, WEB
from tests.live import Live, live
from tests.rows import row

SCOPE = "openid profile email chirps offline_access"
VERIFIER = "a verifier of the length that RFC 7636 wants".replace(" ", "-")


@pytest.fixture(scope="module", params=["", "/oauth"], ids=["no path", "a path"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """A server whose issuer has a path, or none."""
    with live(tmp_path_factory.mktemp("authlib"), path=request.param) as server:
        yield server


class Registered(msgspec.Struct):
    """How the client is registered, in Authlib's words."""

    client_id: str
    client_secret: str | None
    token_endpoint_auth_method: str
    redirect_uri: str


@pytest.fixture(
    params=[
        row("2.3.1", "basic", Registered("web", SECRETS["web"], "client_secret_basic", WEB)),
        row("2.1", "public", Registered("stefapp", None, "none", CALLBACK)),
    ]
)
def client(request: pytest.FixtureRequest, server: Live) -> Iterator[Any]:
    """Authlib's client, which knows the server's metadata."""
    metadata = server.http.get("/.well-known/oauth-authorization-server").json()
    registered = msgspec.structs.asdict(request.param)
    with OAuth2Client(
        **registered,
        scope=SCOPE,
        code_challenge_method="S256",
        revocation_endpoint_auth_method=registered["token_endpoint_auth_method"],
        **metadata,
    ) as client:
        yield client


def connect(client: Any, server: Live) -> None:
    """The code flow, as Authlib's documentation has it."""
    url, state = client.create_authorization_url(
        client.metadata["authorization_endpoint"], code_verifier=VERIFIER
    )
    callback = agree(server.browser(), url)
    client.fetch_token(authorization_response=callback, state=state, code_verifier=VERIFIER)


def called(client: Any) -> str:
    name: str = client.get(client.metadata["userinfo_endpoint"]).raise_for_status().json()["name"]
    return name


def test_the_code_becomes_tokens_that_open_userinfo(client: Any, server: Live) -> None:
    connect(client, server)
    assert client.token["token_type"].lower() == "bearer"
    assert set(client.token["scope"].split()) >= set(SCOPE.split())
    claims = client.get(client.metadata["userinfo_endpoint"]).raise_for_status().json()
    assert claims["sub"] == server.users["miko"].id
    assert (claims["name"], claims["email"]) == ("Miko", "miko@example.org")


def test_an_expired_token_is_refreshed_by_itself(client: Any, server: Live) -> None:
    connect(client, server)
    before = client.token["access_token"]
    client.token["expires_at"] = 0
    assert called(client) == "Miko"
    assert client.token["access_token"] != before
    client.refresh_token()
    assert called(client) == "Miko"


def test_what_is_revoked_opens_nothing(client: Any, server: Live) -> None:
    connect(client, server)
    revoked = client.revoke_token(
        client.metadata["revocation_endpoint"], client.token["refresh_token"]
    )
    assert revoked.status_code == 200
    assert client.get(client.metadata["userinfo_endpoint"]).status_code == 401
    with pytest.raises(OAuthError, match="invalid_grant"):
        client.refresh_token()


def test_an_api_asks_what_a_token_is_worth(client: Any, server: Live) -> None:
    connect(client, server)
    with OAuth2Client("chirp", SECRETS["chirp"]) as chirp:
        reply = chirp.introspect_token(
            client.metadata["introspection_endpoint"], client.token["access_token"]
        )
    told = reply.json()
    assert told["active"]
    assert (told["client_id"], told["sub"]) == (client.client_id, server.users["miko"].id)
    assert CHIRP in told["aud"]


def test_another_verifier_gets_nothing(client: Any, server: Live) -> None:
    url, state = client.create_authorization_url(
        client.metadata["authorization_endpoint"], code_verifier=VERIFIER
    )
    callback = agree(server.browser(), url)
    with pytest.raises(OAuthError, match="invalid_grant"):
        client.fetch_token(
            authorization_response=callback, state=state, code_verifier=VERIFIER.upper()
        )


def visiting(session: dict[str, Any], callback: str = "") -> Request:
    """A request to a web app that signs its users in with us."""
    query = callback.partition("?")[2].encode()
    return Request(
        {"type": "http", "method": "GET", "headers": [], "session": session, "query_string": query}
    )


@pytest.fixture
def web(server: Live) -> Any:
    """The web app's side, set up with nothing but the address of our metadata."""
    return OAuth().register(
        "valetkey",
        client_id="web",
        client_secret=SECRETS["web"],
        server_metadata_url=f"{server.issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": SCOPE, "code_challenge_method": "S256"},
    )


@pytest.mark.anyio
async def test_a_web_app_signs_its_user_in(web: Any, server: Live) -> None:
    session: dict[str, Any] = {}
    away = await web.authorize_redirect(visiting(session), WEB)
    callback = agree(server.browser(), away.headers["location"])
    token = await web.authorize_access_token(visiting(session, callback))
    # Authlib has checked the ID Token: its signature, iss, aud, nonce, at_hash and times.
    assert token["userinfo"]["sub"] == server.users["miko"].id
    assert (await web.userinfo(token=token))["email"] == "miko@example.org"
