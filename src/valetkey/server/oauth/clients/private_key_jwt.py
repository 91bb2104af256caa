"""private_key_jwt: a client proves itself by an assertion that one of its keys signed (RFC 7523;
OpenID Connect Core 9)."""

from typing import Final

from valetkey.jose.jws import BadSignature
from valetkey.server.model.client import Client
from valetkey.server.model.query import Rule
from valetkey.server.oauth.clients import client_assertion, keys
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import ClientAuth, Credentials, Feature
from valetkey.spec.cite import Cite
from valetkey.spec.errors import InvalidClient
from valetkey.wire import assertion
from valetkey.wire.assertion import BadAssertion

CITE: Final = Cite("OpenID Connect Core", "9")


def _prove(client: Client, credentials: Credentials, context: Context) -> Rule[None]:
    """Verify the signature by one of the client's keys, then check the assertion."""
    algorithms = keys.algorithms_of(client, client.auth_algorithm, context)
    try:
        payload = yield from keys.verify(
            credentials.secret, client, typ=assertion.TYPES, algorithms=algorithms
        )
        yield from client_assertion.count(payload, client, context, path=credentials.path)
    except (BadAssertion, BadSignature) as error:
        raise InvalidClient(detail=f"{client.id}: {error}") from error


PRIVATE_KEY_JWT: Final = Feature(
    name="private_key_jwt",
    cites=(CITE, assertion.CITE),
    client_auth=(
        ClientAuth(
            name="private_key_jwt",
            cite=CITE,
            by_assertion=True,
            read=client_assertion.read,
            prove=_prove,
        ),
    ),
)
