"""`id_token_hint`: an ID Token that this server once gave to the app that shows it.

It proves nothing of who sits there. It says about whom the app speaks, and it must be ours
(ATTACKS A92). It may have expired: sessions outlive ID Tokens.
"""

from valetkey.jose import jwt
from valetkey.server.model.client import Client
from valetkey.server.oauth.core.context import Context
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import id_token
from valetkey.wire.id_token import IdToken

LONGEST = 8 * 1024
"""Characters of a hint."""


class NotOurs(InvalidRequest):
    """The hint is no ID Token of this server, or not one for this app."""

    says = "id_token_hint is no ID Token that this app got here"


def read(text: str, context: Context, *, client: Client | None = None) -> IdToken:
    """The claims of the hint; for this client, where one is named. Raises NotOurs."""
    if len(text) > LONGEST:
        raise NotOurs(detail="hint: too large")
    try:
        claims = jwt.prove(
            text,
            IdToken,
            keys=context.installation.keyring.published,
            typ=(id_token.TYPE.lower(), ""),
            issuer=context.installation.issuer,
        )
    except jwt.BadToken as error:
        raise NotOurs(detail=f"hint: {error}") from error
    if client is not None and claims.aud != client.id:
        raise NotOurs(detail="hint: another client's")
    return claims
