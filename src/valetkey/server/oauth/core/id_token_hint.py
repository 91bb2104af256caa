"""`id_token_hint`: an ID Token of this server that an app sends back.

It does not prove who is at the browser. It names the user that the app means, and it has to be ours
(ATTACKS A92). It may have expired, since sessions last longer than ID Tokens.
"""

from valetkey.jose import jwt
from valetkey.server.model.client import Client
from valetkey.server.oauth.core.context import Context
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import id_token
from valetkey.wire.id_token import IdToken

LONGEST = 8 * 1024
"""The most characters of a hint."""


class NotOurs(InvalidRequest):
    """The hint is not an ID Token of this server for this app."""

    says = "id_token_hint is no ID Token that this app got here"


def read(text: str, context: Context, *, client: Client | None = None) -> IdToken:
    """The claims of the hint, for this client if one is given. Raises NotOurs."""
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
