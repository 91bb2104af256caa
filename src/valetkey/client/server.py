"""The authorization server, as an app calls it: metadata, keys, and forms."""

from typing import Any, Final
from urllib.parse import quote_plus

import httpx2
import msgspec

from valetkey.client.app import App
from valetkey.client.errors import Aborted, Denied, ServerUnavailable
from valetkey.jose.jwk import PublicKey, parse_set
from valetkey.jose.objects import read_object
from valetkey.wire import metadata
from valetkey.wire.metadata import ServerMetadata

TIMEOUT: Final = 10.0
"""Seconds that a server has for an answer."""


def discover(issuer: str, http: httpx2.Client) -> ServerMetadata:
    """The server's metadata (RFC 8414, else OpenID Connect Discovery). Raises Aborted where the
    document is another issuer's (RFC 8414 3.3), ServerUnavailable."""
    for address in (
        metadata.well_known(issuer, metadata.AUTHORIZATION_SERVER),
        issuer.rstrip("/") + metadata.OPENID,
    ):
        response = _sent(http, http.build_request("GET", address))
        if response.status_code == 200:
            found = msgspec.convert(_object(response), ServerMetadata)
            if found.issuer != issuer:
                raise Aborted(f"the metadata of {issuer} speaks of another issuer")
            return found
    raise ServerUnavailable(f"{issuer} publishes no metadata")


def keys(about: ServerMetadata, http: httpx2.Client) -> tuple[PublicKey, ...]:
    """The keys that the server signs with. Raises ServerUnavailable."""
    response = _sent(http, http.build_request("GET", about.jwks_uri))
    if response.status_code != 200:
        raise ServerUnavailable("the server's keys cannot be fetched")
    return parse_set(_object(response))


def get(address: str, access_token: str, http: httpx2.Client) -> dict[str, Any]:
    """A document for which the server wants the access token. Raises Denied, ServerUnavailable."""
    headers = {"Authorization": f"Bearer {access_token}"}
    return _answer(_sent(http, http.build_request("GET", address, headers=headers)))


def post(address: str, form: dict[str, str], *, app: App, http: httpx2.Client) -> dict[str, Any]:
    """The answer to a form that the app sends as itself. Raises Denied where the server refuses in
    a registered code, ServerUnavailable where it does not answer or not sensibly."""
    sent = {name: value for name, value in form.items() if value}
    auth: httpx2.Auth | None = None
    if not app.secret:
        sent["client_id"] = app.client_id
    elif app.auth_method == "client_secret_post":
        sent |= {"client_id": app.client_id, "client_secret": app.secret}
    else:
        # RFC 6749 2.3.1: both parts are form-encoded before they are joined.
        auth = httpx2.BasicAuth(quote_plus(app.client_id), quote_plus(app.secret))
    return _answer(_sent(http, http.build_request("POST", address, data=sent), auth))


def _answer(response: httpx2.Response) -> dict[str, Any]:
    if response.status_code >= 500:
        raise ServerUnavailable(f"the server answers {response.status_code}")
    found = _object(response) if response.content else {}
    if response.is_success:
        return found
    code, description = found.get("error"), found.get("error_description", "")
    if not isinstance(code, str):
        raise ServerUnavailable(f"the server answers {response.status_code} without a code")
    raise Denied(code, description if isinstance(description, str) else "")


def _object(response: httpx2.Response) -> dict[str, Any]:
    try:
        return read_object(response.content)
    except ValueError as error:
        raise ServerUnavailable("the server's answer is not a JSON object") from error


def _sent(
    http: httpx2.Client, request: httpx2.Request, auth: httpx2.Auth | None = None
) -> httpx2.Response:
    try:
        # A redirect would carry secrets to wherever it leads.
        return http.send(request, auth=auth, follow_redirects=False)
    except httpx2.HTTPError as error:
        raise ServerUnavailable(f"{request.url.host} does not answer") from error
