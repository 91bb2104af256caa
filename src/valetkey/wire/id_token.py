"""ID Tokens (OpenID Connect Core 2): the server writes one, the client reads it."""

import hashlib
from collections.abc import Collection, Sequence
from typing import Any, Final

from valetkey.jose import base64url, jwt
from valetkey.jose.jwk import ALGORITHMS, Algorithm, PublicKey
from valetkey.jose.seal import same
from valetkey.spec.names import Cite

TYPE: Final = "JWT"
CITE: Final = Cite("OpenID Connect Core", "2")


class IdToken(jwt.Claims, frozen=True, kw_only=True, omit_defaults=True):
    """Who signed in, when, for whom. Times in seconds since 1970."""

    sub: str
    aud: str
    auth_time: int = 0
    nonce: str = ""
    at_hash: str = ""
    acr: str = ""
    amr: tuple[str, ...] = ()
    sid: str = ""

    @classmethod
    def read(cls, claims: dict[str, Any]) -> dict[str, Any]:
        # RFC 7519 4.1.3: one audience may stand in a list. One for others too is not taken.
        match claims.get("aud"):
            case [str(one)]:
                return {**claims, "aud": one}
            case _:
                return claims


def at_hash(access_token: str) -> str:
    """The left half of the SHA-256 of the access token (OpenID Connect Core 3.1.3.6)."""
    return base64url.encode(hashlib.sha256(access_token.encode()).digest()[:16])


def verify(
    token: str,
    *,
    keys: Sequence[PublicKey],
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: str,
    now: int,
    algorithms: Collection[Algorithm] = ALGORITHMS,
) -> jwt.Verified[IdToken]:
    """The ID Token of this very sign-in (OpenID Connect Core 3.1.3.7). Raises jwt.BadToken."""
    verified = jwt.verify(
        token,
        IdToken,
        keys=keys,
        typ=("jwt", ""),
        issuer=issuer,
        now=now,
        algorithms=algorithms,
    )
    claims = verified.claims
    if claims.aud != client_id:
        raise jwt.BadToken("meant for another client")
    if not same(claims.nonce.encode(), nonce.encode()):
        raise jwt.BadToken("of another sign-in: the nonce differs")
    if claims.at_hash and not same(claims.at_hash.encode(), at_hash(access_token).encode()):
        raise jwt.BadToken("of another access token: at_hash differs")
    return verified
