"""An app that registers itself over HTTP, and looks after what it said."""

from typing import Any

import httpx2
from tests.live import Live
from tests.server.oauth.clients.apps import MINE, jwks

from valetkey.server.model.client import Client
from valetkey.server.model.query import Many, One

CB = "https://app.example/cb"
APP: dict[str, Any] = {"client_name": "An app", "redirect_uris": [CB]}

FULL: dict[str, Any] = {
    "client_uri": "https://app.example",
    "scope": "openid chirps.read chirps.write",
    "grant_types": ["authorization_code", "refresh_token"],
    "token_endpoint_auth_method": "private_key_jwt",
    "token_endpoint_auth_signing_alg": "ES256",
    "jwks": jwks(MINE),
    "request_object_signing_alg": "ES256",
    "request_uris": ["https://app.example/r"],
    "default_max_age": 0,
    "software_id": "an-app",
    "software_version": "1.0",
    "required_permissions": ["chirps.read"],
    "permission_reasons": {"chirps.write": "To post."},
}
"""All that it may say of itself."""

_NETWORKS = iter(f"10.{high}.{low}.1" for high in range(256) for low in range(256))


def post(server: Live, document: Any, *, token: str = "", address: str = "") -> httpx2.Response:
    headers = {"x-forwarded-for": address or next(_NETWORKS)}
    headers |= {"authorization": f"Bearer {token}"} if token else {}
    return server.http.post("/register", json=document, headers=headers)


def registered(server: Live, **changed: Any) -> dict[str, Any]:
    answer = post(server, APP | changed)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


def managed(
    server: Live, app: dict[str, Any], method: str, document: Any = None, token: str | None = None
) -> httpx2.Response:
    bearer = app["registration_access_token"] if token is None else token
    return server.http.request(
        method,
        app["registration_client_uri"],
        json=document,
        headers={"authorization": f"Bearer {bearer}"} if bearer else {},
    )


def find(server: Live, name: str) -> Client | None:
    wanted = One(Client, name)
    client: Client | None = server.run(server.store.read(wanted)).one(wanted)
    return client


def kept(server: Live, name: str) -> Client:
    found = find(server, name)
    assert found is not None
    return found


def every(server: Live) -> dict[str, Client]:
    wanted = Many(Client)
    return {one.id: one for one in server.run(server.store.read(wanted)).many(wanted)}
