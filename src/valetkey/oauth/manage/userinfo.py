"""The UserInfo endpoint (OpenID Connect Core 5.3): claims about the user who said yes."""

from collections.abc import Callable
from typing import Final, TypeAlias

from valetkey.model.user import PROFILE_CLAIMS, User
from valetkey.model.want import Rule
from valetkey.oauth.context import Context
from valetkey.oauth.decision import Answer, Refuse
from valetkey.oauth.feature import BearerEndpoint, Feature
from valetkey.oauth.manage.live import Dead, worth
from valetkey.spec import names
from valetkey.spec.cite import Cite
from valetkey.spec.errors import InsufficientScope, InvalidToken

CITE: Final = Cite("OpenID Connect Core", "5.3")

Claim: TypeAlias = str | bool | int


def _profile(user: User) -> dict[str, Claim]:
    chosen: dict[str, Claim] = {
        name: user.claims[name] for name in PROFILE_CLAIMS if name in user.claims
    }
    return chosen | {"preferred_username": user.username, "updated_at": user.changed}


def _email(user: User) -> dict[str, Claim]:
    return {"email": user.email, "email_verified": user.email_verified} if user.email else {}


CLAIMS: Final[dict[str, Callable[[User], dict[str, Claim]]]] = {
    names.PROFILE: _profile,
    names.EMAIL: _email,
}
"""Which permission opens which claims (OpenID Connect Core 5.4)."""


def userinfo(text: str, context: Context) -> Rule[Answer | Refuse]:
    """The claims that the token's grant opens at this moment. Raises InvalidToken for one that is
    meant for another server, or for a client's own."""
    token = yield from worth(text, context)
    if isinstance(token, Dead):
        raise InvalidToken(detail=token.why)
    if token.standing is None or context.at.issuer not in token.token.aud:
        raise InvalidToken(detail="a token of no user, or for another server")
    if names.OPENID not in token.permissions:
        raise InsufficientScope
    user = token.standing.user
    claims: dict[str, Claim] = {"sub": user.id}
    for permission, opened in CLAIMS.items():
        if permission in token.permissions:
            claims |= opened(user)
    return Answer(document=claims)


USERINFO: Final = Feature(
    name="userinfo",
    cites=(CITE,),
    endpoints=(
        BearerEndpoint(path="/userinfo", metadata="userinfo_endpoint", cite=CITE, rule=userinfo),
    ),
    metadata=lambda _: {
        "claims_supported": (
            "sub",
            "iss",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "nonce",
            *PROFILE_CLAIMS,
            "preferred_username",
            "updated_at",
            "email",
            "email_verified",
        )
    },
)
