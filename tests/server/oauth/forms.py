"""The forms that apps send, as an app would fill them in."""

import base64
from collections.abc import Mapping
from typing import Any, Final

from tests.installation import CLIENTS, SECRETS

from valetkey.server.model.client import Client
from valetkey.server.oauth.core.feature import Call
from valetkey.wire import pkce
from valetkey.wire.form import Form

VERIFIER: Final = "v" * 43
CHALLENGE: Final = pkce.challenge(VERIFIER)

KITE: Final = Client(
    id="kite",
    name="Kite",
    redirect_uris=("https://kite.example/cb",),
    scope=(
        *("openid", "profile", "email", "offline_access"),
        *("chirps", "profile.write", "dms.read", "dms.send", "photos.read"),
    ),
)
"""A public client of a page of its own, which may ask for all and insists on nothing."""

REGISTERED: Final = {client.id: client for client in (*CLIENTS, KITE)}


def call(client: str, **parameters: Any) -> Call:
    """A form that the client or resource server posts, authenticated as it is registered."""
    registered = REGISTERED.get(client)
    method = "client_secret_basic" if registered is None else registered.auth_method
    match method:
        case "none":
            return Call(form=form({"client_id": client, **parameters}))
        case "client_secret_post":
            both = {"client_id": client, "client_secret": SECRETS[client]}
            return Call(form=form({**both, **parameters}))
        case "client_secret_basic":
            return Call(form=form(parameters), authorization=basic(client, SECRETS[client]))
        case _:
            raise ValueError(f"{method} needs more than a form")


def basic(name: str, secret: str) -> str:
    """The value of an Authorization header (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def form(parameters: Mapping[str, Any]) -> Form:
    """A form with these parameters. None leaves one out; a tuple is a repeated `resource`."""
    one = {name: value for name, value in parameters.items() if isinstance(value, str) and value}
    many = {name: value for name, value in parameters.items() if isinstance(value, tuple)}
    return Form(one, many)


def pushed(client: str, **changed: Any) -> dict[str, Any]:
    """The same for a pushed request."""
    return request(client, **changed)


def request(client: str, **changed: Any) -> dict[str, Any]:
    """An authorization request that would do, as changed. None leaves a parameter out."""
    given = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": REGISTERED[client].redirect_uris[0],
        "scope": "openid chirps.read",
        "state": "s t/ä&=",
        "nonce": "n-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (given | changed).items() if value is not None}
