"""The authorization server, as an app calls it: metadata, keys, and forms."""

from typing import Any, Final
from urllib.parse import quote_plus

import httpx2
import msgspec

from valetkey.client.app import App
from valetkey.client.errors import Aborted, Denied, ServerUnavailable
from valetkey.client.holder import Holder
from valetkey.jose.jwk import PublicKey, parse_set
from valetkey.jose.objects import read_object
from valetkey.wire import dpop, metadata, pkce
from valetkey.wire.metadata import ServerMetadata

TIMEOUT: Final = 10.0
"""Seconds that a server has for an answer."""

MAX_BYTES: Final = 256 * 1024
"""Of an answer: what is longer is none."""


class Reply(msgspec.Struct, frozen=True):
    """An answer, read to its end. Its body may hold a secret. `fresh_nonce`: it brought a nonce
    that the proof did not have."""

    status: int
    body: bytes
    fresh_nonce: bool = False

    def __repr__(self) -> str:
        return f"Reply({self.status})"


def discover(issuer: str, http: httpx2.Client) -> ServerMetadata:
    """The server's metadata (RFC 8414, else OpenID Connect Discovery). Raises Aborted where the
    document is another issuer's (RFC 8414 3.3) or others could listen, ServerUnavailable."""
    for address in (
        metadata.well_known(issuer, metadata.AUTHORIZATION_SERVER),
        issuer.rstrip("/") + metadata.OPENID,
    ):
        reply = _sent(http, httpx2.Request("GET", address))
        if reply.status == 200:
            return _trusted(reply.body, issuer)
    raise ServerUnavailable(f"{issuer} publishes no metadata")


def _trusted(document: bytes, issuer: str) -> ServerMetadata:
    try:
        found = metadata.read_server(document, issuer=issuer)
    except metadata.BadMetadata as error:
        raise Aborted(f"the metadata of {issuer}: {error}") from error
    if pkce.METHOD not in found.code_challenge_methods_supported:
        # RFC 9700 2.1.1: the app makes sure that the server will check what it proves.
        raise Aborted(f"{issuer} offers no PKCE with {pkce.METHOD}")
    return found


def keys(about: ServerMetadata, http: httpx2.Client) -> tuple[PublicKey, ...]:
    """The keys that the server signs with. Raises ServerUnavailable."""
    reply = _sent(http, httpx2.Request("GET", about.jwks_uri))
    if reply.status != 200:
        raise ServerUnavailable("the server's keys cannot be fetched")
    return parse_set(_object(reply))


def get(
    address: str, access_token: str, http: httpx2.Client, *, holder: Holder | None = None
) -> dict[str, Any]:
    """A document for which the server wants the access token, and a proof where `holder` has a key.
    Raises Denied, ServerUnavailable."""
    scheme = "Bearer" if holder is None else dpop.SCHEME
    request = httpx2.Request("GET", address, headers={"Authorization": f"{scheme} {access_token}"})
    return _answer(_proved(http, request, holder, token=access_token))


def post(
    address: str,
    form: dict[str, str],
    *,
    app: App,
    http: httpx2.Client,
    holder: Holder | None = None,
) -> dict[str, Any]:
    """The answer to a form that the app sends as itself, with a proof where `holder` has a key.
    Raises Denied where the server refuses in a registered code, ServerUnavailable where it does not
    answer or not sensibly."""
    sent = {name: value for name, value in form.items() if value}
    auth: httpx2.Auth | None = None
    if not app.secret:
        sent["client_id"] = app.client_id
    elif app.auth_method == "client_secret_post":
        sent |= {"client_id": app.client_id, "client_secret": app.secret}
    else:
        # RFC 6749 2.3.1: both parts are form-encoded before they are joined.
        auth = httpx2.BasicAuth(quote_plus(app.client_id), quote_plus(app.secret))
    return _answer(_proved(http, httpx2.Request("POST", address, data=sent), holder, auth=auth))


def _proved(
    http: httpx2.Client,
    request: httpx2.Request,
    holder: Holder | None,
    *,
    auth: httpx2.Auth | None = None,
    token: str = "",
) -> Reply:
    """The answer to a request with a proof, and to another one where the server wanted its nonce
    in it (RFC 9449 8)."""
    if holder is None:
        return _sent(http, request, auth)
    holder.prove(request, token)
    first = _sent(http, request, auth, holder)
    if first.status not in (400, 401) or not first.fresh_nonce:
        return first
    holder.prove(request, token)
    return _sent(http, request, auth, holder)


def _answer(reply: Reply) -> dict[str, Any]:
    if reply.status >= 500 or reply.status == 429:
        raise ServerUnavailable(f"the server answers {reply.status}")
    found = _object(reply) if reply.body else {}
    if reply.status in (200, 201):
        return found
    code, description = found.get("error"), found.get("error_description", "")
    if not isinstance(code, str):
        raise ServerUnavailable(f"the server answers {reply.status} without a code")
    raise Denied(code, description if isinstance(description, str) else "")


def _object(reply: Reply) -> dict[str, Any]:
    try:
        return read_object(reply.body)
    except ValueError as error:
        raise ServerUnavailable("the server's answer is not a JSON object") from error


def _sent(  # noqa: PLR0917
    http: httpx2.Client,
    request: httpx2.Request,
    auth: httpx2.Auth | None = None,
    holder: Holder | None = None,
) -> Reply:
    try:
        # A redirect would carry secrets to wherever it leads.
        response = http.send(request, auth=auth, follow_redirects=False, stream=True)
        try:
            fresh = holder is not None and holder.heard(response)
            return Reply(response.status_code, _body(response), fresh_nonce=fresh)
        finally:
            response.close()
    except httpx2.HTTPError as error:
        raise ServerUnavailable(f"{request.url.host} does not answer") from error


def _body(response: httpx2.Response) -> bytes:
    body = b""
    for piece in response.iter_bytes():
        body += piece
        if len(body) > MAX_BYTES:
            raise ServerUnavailable("the server's answer does not come to an end")
    return body
