"""client_secret_jwt: a client proves itself by an assertion with an HMAC under its secret (OpenID
Connect Core 9). The secret does not travel, but the server has to store it in a form that it can
read. private_key_jwt needs no such trust, so this method is off unless you switch it on."""

from typing import Final

from valetkey.jose import jws
from valetkey.jose.jws import BadSignature
from valetkey.jose.seal import BadSeal
from valetkey.server.model.client import Client
from valetkey.server.model.query import Rule
from valetkey.server.oauth.clients import client_assertion, shared_secret
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import ClientAuth, Credentials, Feature
from valetkey.spec.cite import Cite
from valetkey.spec.errors import InvalidClient
from valetkey.wire import assertion
from valetkey.wire.assertion import BadAssertion

CITE: Final = Cite("OpenID Connect Core", "9")


def _prove(client: Client, credentials: Credentials, context: Context) -> Rule[None]:
    """Verify the HMAC under the client's secret, then check the assertion."""
    try:
        secrets = tuple(
            shared_secret.unseal_secrets(
                client, keyring=context.installation.keyring, now=context.env.now
            )
        )
        payload = jws.verify_shared(credentials.secret, secrets, typ=assertion.TYPES)
        yield from client_assertion.count(payload, client, context, path=credentials.path)
    except (BadAssertion, BadSignature, BadSeal) as error:
        raise InvalidClient(detail=f"{client.id}: {error}") from error


CLIENT_SECRET_JWT: Final = Feature(
    name="client_secret_jwt",
    cites=(CITE, assertion.CITE),
    on_by_default=False,
    client_auth=(
        ClientAuth(
            name="client_secret_jwt",
            cite=CITE,
            by_assertion=True,
            read=client_assertion.read,
            prove=_prove,
        ),
    ),
)
