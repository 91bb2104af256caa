"""Signed requests (RFC 9101): only the signed parameters count."""

from typing import Final

from valetkey.jose.jwk import CLIENT_ALGORITHMS
from valetkey.jose.jws import BadSignature
from valetkey.server.model.client import Client
from valetkey.server.model.query import Document, DocumentRequest, Rule
from valetkey.server.oauth.clients import keys
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Feature
from valetkey.spec.errors import (
    InvalidRequest,
    InvalidRequestObject,
    InvalidRequestUri,
    RequestNotSupported,
    RequestUriNotSupported,
)
from valetkey.spec.names import Cite
from valetkey.wire import request_object
from valetkey.wire.form import Form
from valetkey.wire.request_object import BadObject

CITE: Final = Cite("RFC 9101", "5")


def effective_parameters(
    form: Form,
    client: Client,
    context: Context,
    *,
    needs: frozenset[str] = request_object.REQUIRED_CLAIMS,
) -> Rule[Form]:
    """The parameters of the request object, if there is one, or else of the form. The object has to
    have the claims in `needs`. Raises OAuthError for an invalid object, and for an unsigned request
    of a client that has to sign."""
    if "request" in form and "request_uri" in form:
        # RFC 9101 5: one or the other.
        raise InvalidRequest("request and request_uri stand together")
    if "request" in form:
        return (yield from _opened(form["request"], form, client, needs=needs, context=context))
    if "request_uri" in form:
        text = yield from _fetched(form["request_uri"], client, context)
        return (yield from _opened(text, form, client, needs=needs, context=context))
    if context.installation.all_policies[client.policy].signed_requests == "required":
        raise InvalidRequest("this client signs its requests")
    return form


def effective_parameters_decoupled(
    form: Form,
    client: Client,
    context: Context,
    *,
    needs: frozenset[str] = request_object.REQUIRED_CLAIMS,
) -> Rule[Form]:
    """As `effective_parameters`, for an app on another device. The errors of RFC 9101 7 are for the
    authorization endpoint: here an invalid object is an `invalid_request` (CIBA Core 13; RFC 8628
    3.2)."""
    try:
        return (yield from effective_parameters(form, client, context, needs=needs))
    except _OF_OBJECTS as error:
        raise InvalidRequest(error.description, detail=error.detail) from error


_OF_OBJECTS: Final = (
    InvalidRequestObject,
    InvalidRequestUri,
    RequestNotSupported,
    RequestUriNotSupported,
)


def _opened(
    text: str, outside: Form, client: Client, *, needs: frozenset[str], context: Context
) -> Rule[Form]:
    if SIGNED_REQUESTS not in context.installation.features or not (client.jwks or client.jwks_uri):
        # Without keys the client can't sign, and the server doesn't support unsigned objects.
        raise RequestNotSupported
    policy = context.installation.all_policies[client.policy]
    algorithms = keys.algorithms_of(client, client.request_object_algorithm, context)
    try:
        payload = yield from keys.verify(
            text, client, typ=request_object.TYPES, algorithms=algorithms
        )
        form = request_object.parameters(
            payload,
            client_id=client.id,
            issuer=context.installation.issuer,
            now=context.env.now,
            lifetime=policy.request_object,
            needs=needs,
        )
    except (BadObject, BadSignature) as error:
        raise InvalidRequestObject(detail=f"{client.id}: {error}") from error
    if outside.get("client_id", client.id) != client.id:
        raise InvalidRequestObject(detail="client_id outside is another")
    return form


def _fetched(uri: str, client: Client, context: Context) -> Rule[str]:
    if REQUEST_URIS not in context.installation.features:
        raise RequestUriNotSupported
    # OpenID Connect Core 6.2: a fragment is a digest, and is not sent.
    if uri not in client.request_uris:
        raise InvalidRequestUri(detail="not one that the client registered")
    query = DocumentRequest(url=uri.partition("#")[0], kind="request", party=client.party)
    document = (yield (query,)).document(query)
    if not isinstance(document, Document):
        raise InvalidRequestUri(detail=document.why)
    try:
        return document.body.decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise InvalidRequestObject(detail="what lies there is no JWT") from error


SIGNED_REQUESTS: Final = Feature(
    name="signed requests",
    cites=(CITE, request_object.CITE),
    requires=("authorization code",),
    metadata=lambda _: {
        "request_parameter_supported": True,
        "request_object_signing_alg_values_supported": CLIENT_ALGORITHMS,
    },
)

REQUEST_URIS: Final = Feature(
    name="request_uri fetching",
    cites=(Cite("RFC 9101", "5.2.2"), Cite("OpenID Connect Core", "6.2")),
    on_by_default=False,
    requires=("signed requests",),
    metadata=lambda _: {
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
    },
)
