"""Identity assertions (ID-JAG, draft-ietf-oauth-identity-assertion-authz-grant): this server tells
another authorization server who signed in here, so the app does not have to send its users through
a browser there.

The client's registration says which servers it may get an assertion for. `jwt_bearer` accepts them.
"""

from functools import partial
from typing import Any, Final

from valetkey.jose import jwt
from valetkey.jose.base64url import encode
from valetkey.jose.jwk import PrivateKey
from valetkey.server.model.assurance import level
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Standing, signed_by
from valetkey.server.oauth.core.feature import Authenticated, Feature
from valetkey.server.oauth.grant_types.narrowing import Narrowing
from valetkey.spec import names
from valetkey.spec.errors import InvalidRequest, InvalidScope, InvalidTarget
from valetkey.spec.names import Cite

CITE: Final = Cite("draft-ietf-oauth-identity-assertion-authz-grant", "4.3")
NAME: Final = "identity assertion"
TYPE: Final = "oauth-id-jag+jwt"
TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:id-jag"

LASTS: Final = 300
"""Seconds for which an assertion is valid. The client presents it at once."""


class IdJag(jwt.Claims, frozen=True, kw_only=True, omit_defaults=True):
    """Claims about a signed-in user for the server `aud`, where the client is called
    `client_id`."""

    sub: str
    aud: str
    client_id: str
    jti: str
    scope: str = ""
    auth_time: int = 0
    acr: str = ""
    amr: tuple[str, ...] = ()


def is_on(context: Context) -> bool:
    """Whether identity assertions are issued and accepted here."""
    return NAME in context.installation.enabled_features


def issue_assertion(
    standing: Standing, requested: Narrowing, caller: Authenticated, *, until: int, context: Context
) -> Answer:
    """Issue an assertion about the user of a sign-in that is valid `until` then, for the one server
    that is named as `audience`. Raises InvalidTarget, InvalidScope, InvalidRequest."""
    known = {} if caller.client.exchange is None else caller.client.exchange.asserts
    there = known.get(requested.resources[0]) if len(requested.resources) == 1 else None
    if there is None:
        raise InvalidTarget("this client may not get an assertion for that audience")
    if not set(requested.scope) <= set(there.scope):
        raise InvalidScope
    if requested.details:
        raise InvalidRequest("an assertion has no authorization_details")
    scope = " ".join(requested.scope)
    assertion = IdJag(
        iss=context.installation.issuer,
        sub=standing.user.id,
        aud=requested.resources[0],
        client_id=there.client_id,
        jti=encode(context.env.random_bytes(16)),
        iat=context.env.now,
        exp=min(context.env.now + LASTS, until),
        scope=scope,
        auth_time=standing.family.auth_time,
        acr=level(standing.family.amr, standing.family.acr),
        amr=standing.family.amr,
    )
    key = context.id_token_key(caller.client)
    make = partial(_document, assertion, key, scope, now=context.env.now)
    return Answer(document=signed_by(context.installation.keyring, make))


def _document(assertion: IdJag, key: PrivateKey, scope: str, *, now: int) -> dict[str, Any]:
    document = {
        "access_token": jwt.sign(assertion, key=key, typ=TYPE),
        "issued_token_type": TOKEN_TYPE,
        # RFC 8693 2.2.1: the assertion is not an access token.
        "token_type": "N_A",
        "expires_in": assertion.exp - now,
    }
    return document | ({"scope": scope} if scope else {})


def _metadata(context: Context) -> dict[str, tuple[str, ...]]:
    claims: dict[str, tuple[str, ...]] = {
        "authorization_grant_profiles_supported": ("urn:ietf:params:oauth:grant-profile:id-jag",)
    }
    if names.TOKEN_EXCHANGE in context.installation.grant_types:
        claims["identity_chaining_requested_token_types_supported"] = (TOKEN_TYPE,)
    return claims


IDENTITY_ASSERTION: Final = Feature(
    name=NAME,
    cites=(CITE,),
    on_by_default=False,
    requires=("JWT assertion grants",),
    metadata=_metadata,
)
