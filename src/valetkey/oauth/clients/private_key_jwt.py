"""private_key_jwt: a client proves itself by an assertion that one of its keys signed (RFC 7523;
OpenID Connect Core 9). Each assertion counts once, on whichever node it comes."""

from typing import Final

from valetkey.jose import moment
from valetkey.jose.jws import BadSignature
from valetkey.jose.seal import digest
from valetkey.model.change import Create
from valetkey.model.client import Client
from valetkey.model.guard import Once
from valetkey.model.want import Always, One, Rule
from valetkey.oauth.clients import keys
from valetkey.oauth.context import Context
from valetkey.oauth.feature import Call, ClientAuth, Credentials, Feature
from valetkey.spec.cite import Cite
from valetkey.spec.errors import InvalidClient, InvalidRequest
from valetkey.wire import assertion
from valetkey.wire.assertion import BadAssertion

CITE: Final = Cite("OpenID Connect Core", "9")

SEEN: Final = "client assertion"
"""The purpose under which assertions are remembered."""


def _read(call: Call) -> Credentials | None:
    text = call.form.get("client_assertion")
    if text is None:
        return None
    if call.form.get("client_assertion_type") != assertion.ASSERTION_TYPE:
        raise InvalidClient("client_assertion_type is missing, or not one that is offered here")
    try:
        name = assertion.claimed(text)
    except BadAssertion as error:
        raise InvalidClient(detail=str(error)) from error
    if call.form.get("client_id", name) != name:
        # RFC 7521 4.2: both name the same client.
        raise InvalidRequest("client_id differs from the authenticated client")
    return Credentials(name, text)


def _prove(client: Client, by: Credentials, context: Context) -> Rule[None]:
    """The assertion is the client's, meant for this server, of this moment, and new."""
    algorithms = keys.algorithms_of(client, client.auth_algorithm, context)
    try:
        payload = yield from keys.proved(
            by.secret, client, typ=assertion.TYPES, algorithms=algorithms
        )
        claims = assertion.check(
            payload, client_id=client.id, issuer=context.at.issuer, now=context.now
        )
    except (BadAssertion, BadSignature) as error:
        raise InvalidClient(detail=f"{client.id}: {error}") from error
    marker = Once(
        purpose=SEEN,
        value=f"{client.id} {digest(claims.jti)}",
        expires=int(claims.exp) + 2 * moment.SKEW,
    )
    wanted = One(Once, marker.key)
    if (yield (wanted,)).one(wanted) is not None:
        raise InvalidClient(detail=f"{client.id}: an assertion that came before")
    yield (Always(Create(marker)),)


PRIVATE_KEY_JWT: Final = Feature(
    name="private_key_jwt",
    cites=(CITE, assertion.CITE),
    client_auth=(ClientAuth(name="private_key_jwt", cite=CITE, read=_read, prove=_prove),),
)
