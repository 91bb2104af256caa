"""The checks that every client assertion has to pass, however it is signed (RFC 7523 3). Each is
accepted once, on any node.
"""

from typing import Final

from valetkey.jose import jws, jwt
from valetkey.jose.jws import BadSignature
from valetkey.jose.seal import BadSeal, digest
from valetkey.server.model.client import Client
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.query import Rule
from valetkey.server.oauth.clients import keys
from valetkey.server.oauth.clients.credentials import unseal_secrets
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Call, ClientAuth, Credentials, Feature
from valetkey.server.oauth.core.single_use import use_up
from valetkey.spec import names
from valetkey.spec.errors import InvalidClient, InvalidRequest
from valetkey.spec.names import Cite
from valetkey.wire import assertion
from valetkey.wire.assertion import Audience, BadAssertion

ASSERTION_PURPOSE: Final = "client assertion"
"""The purpose of the single-use values of assertions."""


def read(call: Call) -> Credentials | None:
    """Read the assertion in a call, and the client that it names. Raises InvalidClient,
    InvalidRequest."""
    text = call.form.get("client_assertion")
    if text is None:
        return None
    if call.form.get("client_assertion_type") != assertion.ASSERTION_TYPE:
        raise InvalidClient("client_assertion_type is missing, or not one that is offered here")
    try:
        name = assertion.unverified_client_id(text)
    except BadAssertion as error:
        raise InvalidClient(detail=str(error)) from error
    if call.form.get("client_id", name) != name:
        # RFC 7521 4.2: both name the same client.
        raise InvalidRequest("client_id differs from the authenticated client")
    return Credentials(name, text, path=call.request.path)


def count(payload: bytes, client: Client, context: Context, *, path: str) -> Rule[None]:
    """Check a payload whose signature was verified: it is the client's, meant for this server at
    `path`, valid now, and not seen before. Raises BadAssertion, InvalidClient."""
    claims = assertion.check(
        payload,
        client_id=client.id,
        audience=audience(client, path, context),
        now=context.env.now,
    )
    marker = SingleUse(
        purpose=ASSERTION_PURPOSE,
        value=f"{client.id} {digest(claims.jti)}",
        expires=int(claims.exp) + 2 * jwt.SKEW,
    )
    if not (yield from use_up(marker)):
        raise InvalidClient(detail=f"{client.id}: the assertion was used before")


def audience(client: Client, path: str, context: Context) -> Audience:
    """The audiences that the client's assertion may have at the endpoint at `path`: the issuer
    alone, as a string, or the endpoints too, by the client's policy."""
    at = context.installation
    with_ciba = names.CIBA in client.grant_types
    # FAPI 2.0 is about authorization codes. For clients without them, CIBA Core 7.1 applies.
    only_ciba = with_ciba and names.AUTHORIZATION_CODE not in client.grant_types
    if at.all_policies[client.policy].assertion_audience == "issuer" and not only_ciba:
        return Audience(frozenset({at.issuer}))
    # OpenID Connect Core 9: the token endpoint. RFC 7523 3 also allows the endpoint called.
    paths = {at.paths.get("token_endpoint", ""), path}
    if with_ciba:
        paths.add(at.paths.get("backchannel_authentication_endpoint", ""))
    endpoints = {base + one for base in at.base_urls for one in paths if one}
    return Audience(frozenset({at.issuer, *endpoints}), listed=True)


# client_secret_jwt: a client proves itself by an assertion with an HMAC under its secret (OpenID
# Connect Core 9). The secret does not travel, but the server has to store it in a form that it can
# read. private_key_jwt needs no such trust, so this method is off unless you switch it on.

CITE: Final = Cite("OpenID Connect Core", "9")


def _prove(client: Client, credentials: Credentials, context: Context) -> Rule[None]:
    """Verify the HMAC under the client's secret, then check the assertion."""
    try:
        secrets = tuple(
            unseal_secrets(client, keyring=context.installation.keyring, now=context.env.now)
        )
        raw = [secret for _, secret in secrets]
        payload, position = jws.verify_shared(credentials.secret, raw, typ=assertion.TYPES)
        yield from count(payload, client, context, path=credentials.path)
    except (BadAssertion, BadSignature, BadSeal) as error:
        raise InvalidClient(detail=f"{client.id}: {error}") from error
    used, _ = secrets[position]
    context.installation.secret_uses[client.id, used.digest] = used


CLIENT_SECRET_JWT: Final = Feature(
    name="client_secret_jwt",
    cites=(CITE, assertion.CITE),
    on_by_default=False,
    client_auth=(
        ClientAuth(
            name="client_secret_jwt",
            cite=CITE,
            by_assertion=True,
            read=read,
            prove=_prove,
        ),
    ),
)


# private_key_jwt: a client proves itself by an assertion that one of its keys signed (RFC 7523;
# OpenID Connect Core 9).

PRIVATE_KEY_CITE: Final = Cite("OpenID Connect Core", "9")


def _prove_with_key(client: Client, credentials: Credentials, context: Context) -> Rule[None]:
    """Verify the signature by one of the client's keys, then check the assertion."""
    algorithms = keys.algorithms_of(client, client.auth_algorithm, context)
    try:
        payload = yield from keys.verify(
            credentials.secret, client, typ=assertion.TYPES, algorithms=algorithms
        )
        yield from count(payload, client, context, path=credentials.path)
    except (BadAssertion, BadSignature) as error:
        raise InvalidClient(detail=f"{client.id}: {error}") from error


PRIVATE_KEY_JWT: Final = Feature(
    name="private_key_jwt",
    cites=(PRIVATE_KEY_CITE, assertion.CITE),
    client_auth=(
        ClientAuth(
            name="private_key_jwt",
            cite=PRIVATE_KEY_CITE,
            by_assertion=True,
            read=read,
            prove=_prove_with_key,
        ),
    ),
)
