"""The UserInfo endpoint (OpenID Connect Core 5.3): claims about the user."""

from collections.abc import Mapping
from functools import partial
from typing import Final

import msgspec

from valetkey.jose import jws
from valetkey.jose.jwk import ALGORITHMS, PrivateKey
from valetkey.server.model.query import Rule
from valetkey.server.oauth.core import claims
from valetkey.server.oauth.core.claims import Claim
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.core.decision import Answer, Refuse, Standing, TextDocument, signed_by
from valetkey.server.oauth.core.feature import Endpoint, Feature
from valetkey.server.oauth.core.subjects import subject
from valetkey.server.oauth.tokens.state import Dead, Live, token_state
from valetkey.spec import names
from valetkey.spec.errors import InsufficientScope, InvalidToken
from valetkey.spec.names import Cite

CITE: Final = Cite("OpenID Connect Core", "5.3")
TYPE: Final = "JWT"
REMEMBERED_ANSWERS: Final = 4096


def userinfo(text: str, context: Context) -> Rule[Answer | Refuse]:
    """The claims that the token's grant currently allows. Raises InvalidToken for a token for
    another server, and for a client's own token."""
    token = yield from token_state(text, context)
    if isinstance(token, Dead):
        raise InvalidToken(detail=token.why)
    if token.standing is None or not context.installation.offer.is_for(
        token.token.aud, context.installation.issuer
    ):
        raise InvalidToken(detail="a token of no user, or for another server")
    if names.OPENID not in token.permissions:
        raise InsufficientScope
    released = context.installation.memo.of(_claims, size=REMEMBERED_ANSWERS)
    document = released(token, token.standing, context.installation)
    algorithm = token.client.userinfo_signed_response_alg
    if not algorithm:
        return Answer(document=document)
    make = partial(
        _signed, document, token, context, key=context.installation.keyring.signing[algorithm]
    )
    return Answer(document=signed_by(context.installation.keyring, make))


def _claims(live: Live, standing: Standing, at: Installation) -> Mapping[str, Claim]:
    """The requested claims that the grant still allows."""
    user, family = standing.user, standing.family
    released = claims.select_claims(
        user,
        live.permissions,
        whole=at.offer.expand_known(family.scope),
        claim_names=family.userinfo_claims,
    )
    return {"sub": subject(user.id, live.client, at.keyring), **released}


def _signed(
    released: Mapping[str, Claim], live: Live, context: Context, *, key: PrivateKey
) -> TextDocument:
    """Signed for an app that registered for it (5.3.2)."""
    whole = {"iss": context.installation.issuer, "aud": live.client.id, **released}
    signed = jws.sign(msgspec.json.encode(whole), key=key, typ=TYPE)
    return TextDocument(body=signed, media_type="application/jwt")


USERINFO: Final = Feature(
    name="userinfo",
    cites=(CITE,),
    endpoints=(
        Endpoint(
            path="/userinfo",
            metadata="userinfo_endpoint",
            cite=CITE,
            methods=("GET", "POST"),
            who="bearer",
            reads="nothing",
            rule=lambda call, context: userinfo(call.token, context),
        ),
    ),
    metadata=lambda _: {
        "claims_supported": (
            *("sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid"),
            *claims.PERMISSION_BY_CLAIM,
        ),
        "claims_parameter_supported": True,
        "claim_types_supported": ("normal",),
        "userinfo_signing_alg_values_supported": tuple(reversed(ALGORITHMS)),
    },
)
