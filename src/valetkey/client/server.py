"""Requests of an app to the authorization server: metadata, keys, and forms."""

import secrets
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

from msgspec.structs import replace

from valetkey.client.errors import Aborted, Denied, ServerUnavailable
from valetkey.client.proof_key import Prover
from valetkey.client.steps import Flow, Reply, Request, ask
from valetkey.client.tokens import App
from valetkey.jose.jwk import PublicKey, parse_set
from valetkey.jose.objects import read_object
from valetkey.wire import assertion, dpop, metadata, token_response
from valetkey.wire.metadata import ServerMetadata

FORM: Final = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
_JTI: Final = 16


def discover(issuer: str) -> Flow[ServerMetadata]:
    """The server's metadata (RFC 8414, or OpenID Connect Discovery). Raises Aborted if the document
    is another issuer's (RFC 8414 3.3) or has addresses without https, ServerUnavailable."""
    first = metadata.well_known(issuer, metadata.AUTHORIZATION_SERVER)
    if not first:
        raise Aborted(f"the issuer {issuer!r} is no web address")
    for address in (first, issuer.rstrip("/") + metadata.OPENID):
        reply = yield from ask(Request(method="GET", url=address))
        if reply.status == 200:
            return _trusted(reply.body, issuer)
    raise ServerUnavailable(f"{issuer} publishes no metadata")


def _trusted(document: bytes, issuer: str) -> ServerMetadata:
    try:
        return metadata.read_server(document, issuer=issuer)
    except metadata.BadMetadata as error:
        raise Aborted(f"the metadata of {issuer}: {error}") from error


def keys(about: ServerMetadata) -> Flow[tuple[PublicKey, ...]]:
    """The keys that the server signs with. Raises ServerUnavailable."""
    reply = yield from ask(Request(method="GET", url=about.jwks_uri))
    if reply.status != 200:
        raise ServerUnavailable("the server's keys cannot be fetched")
    return parse_set(_object(reply), algorithms=metadata.signing_algorithms(about))


def get(address: str, access_token: str, *, prover: Prover | None = None) -> Flow[dict[str, Any]]:
    """A document that needs the access token, and a proof for a bound one. Raises Denied,
    ServerUnavailable."""
    scheme = "Bearer" if prover is None else dpop.SCHEME
    headers = {"authorization": f"{scheme} {access_token}"}
    request = Request(method="GET", url=address, headers=headers)
    return read_reply((yield from _proved(lambda: request, prover, token=access_token)))


def post(
    address: str, form: dict[str, str], *, app: App, prover: Prover | None = None
) -> Flow[dict[str, Any]]:
    """The answer to a form with client authentication, and a proof if there is a key. Raises Denied
    if the server refuses with a registered code, ServerUnavailable if it does not answer or its
    answer is malformed."""
    return read_reply((yield from post_reply(address, form, app=app, prover=prover)))


def post_reply(
    address: str, form: dict[str, str], *, app: App, prover: Prover | None = None
) -> Flow[Reply]:
    """As `post`, the reply itself. Raises ServerUnavailable if the server does not answer."""
    fields = {name: value for name, value in form.items() if value}

    def make() -> Request:
        # Each time anew: an assertion works once.
        sent, headers = _authenticated(app, fields)
        body = urlencode(sent).encode()
        return Request(method="POST", url=address, headers=FORM | headers, body=body)

    return (yield from _proved(make, prover))


def post_again(
    address: str, form: dict[str, str], *, app: App, prover: Prover | None = None
) -> Flow[dict[str, Any]]:
    """As `post`, and once more without an answer: for requests that may be sent twice."""
    try:
        return (yield from post(address, form, app=app, prover=prover))
    except ServerUnavailable:
        return (yield from post(address, form, app=app, prover=prover))


def send(
    address: str,
    form: dict[str, str],
    *,
    headers: dict[str, str],
    prover: Prover | None = None,
) -> Flow[dict[str, Any]]:
    """The answer of the app's own backend to a form, with a proof if there is a key. Raises Denied,
    ServerUnavailable."""
    body = urlencode(form).encode()
    request = Request(method="POST", url=address, headers=FORM | headers, body=body)
    return read_reply((yield from _proved(lambda: request, prover)))


def _authenticated(app: App, form: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The form and the headers with client authentication (RFC 6749 2.3)."""
    if app.private_key is not None:
        signed = assertion.write(
            app.client_id,
            issuer=app.issuer,
            key=app.private_key,
            jti=secrets.token_urlsafe(_JTI),
            now=int(time.time()),
        )
        who = {"client_id": app.client_id, "client_assertion_type": assertion.ASSERTION_TYPE}
        return form | who | {"client_assertion": signed}, {}
    if not app.secret:
        return form | {"client_id": app.client_id}, {}
    if app.auth_method == "client_secret_post":
        return form | {"client_id": app.client_id, "client_secret": app.secret}, {}
    # RFC 6749 2.3.1: both parts are form-encoded before they are joined.
    pair = f"{quote_plus(app.client_id)}:{quote_plus(app.secret)}"
    return form, {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _proved(make: Callable[[], Request], prover: Prover | None, *, token: str = "") -> Flow[Reply]:
    """The answer to a request with a proof, repeated once if the server needs its nonce in the
    proof (RFC 9449 8)."""
    if prover is None:
        return (yield from ask(make()))
    first, fresh = yield from _once(make(), prover, token)
    if first.status not in (400, 401) or not fresh:
        return first
    second, _ = yield from _once(make(), prover, token)
    return second


def _once(request: Request, prover: Prover, token: str) -> Flow[tuple[Reply, bool]]:
    proof = {dpop.HEADER.lower(): prover.prove(request.method, request.url, token)}
    reply = yield from ask(replace(request, headers=request.headers | proof))
    return reply, prover.learn_nonce(request.url, reply.headers)


def read_reply(reply: Reply) -> dict[str, Any]:
    """The JSON object of an answer. Raises Denied, ServerUnavailable."""
    if reply.status >= 500 or reply.status == 429:
        raise ServerUnavailable(f"the server answers {reply.status}")
    if reply.status in (200, 201, 204):
        return _object(reply) if reply.body.strip() else {}
    document = _object(reply) if reply.body else {}
    code, description = document.get("error"), document.get("error_description", "")
    if not isinstance(code, str):
        raise ServerUnavailable(f"the server answers {reply.status} without a code")
    reason = document.get(token_response.REASON)
    raise Denied(
        code,
        description if isinstance(description, str) else "",
        reason=reason if isinstance(reason, str) else "",
    )


def member(reply: Reply, name: str) -> str:
    """A text in the JSON object of an answer, "" if it has none."""
    text = _object(reply).get(name, "")
    return text if isinstance(text, str) else ""


def _object(reply: Reply) -> dict[str, Any]:
    try:
        return read_object(reply.body)
    except ValueError as error:
        raise ServerUnavailable("the server's answer is not a JSON object") from error
