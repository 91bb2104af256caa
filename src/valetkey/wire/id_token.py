"""ID Tokens (OpenID Connect Core 2): the server writes one, the client reads it."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from valetkey.jose import base64url, jws, jwt
from valetkey.jose.jwk import ALGORITHMS, Algorithm, PublicKey
from valetkey.jose.objects import read_object
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
    azp: str = ""

    @classmethod
    def read(cls, claims: dict[str, Any]) -> dict[str, Any]:
        # RFC 7519 4.1.3: one audience may stand in a list. One for others too is not taken.
        match claims.get("aud"):
            case [str(one)]:
                return {**claims, "aud": one}
            case _:
                return claims


def at_hash(access_token: str, algorithm: str = "ES256") -> str:
    """The left half of the hash of the access token, by the hash function of the algorithm that
    signs the ID Token (OpenID Connect Core 3.1.3.6)."""
    hashed = _HASHES.get(algorithm, hashlib.sha256)(access_token.encode()).digest()
    return base64url.encode(hashed[: len(hashed) // 2])


_HASHES: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "ES384": hashlib.sha384,
    # RFC 8032 5.1: Ed25519 hashes by SHA-512.
    "EdDSA": hashlib.sha512,
}


def unverified_claims(token: str) -> dict[str, Any]:
    """All claims of a token: of one that is not verified yet, or the private ones of one that is.
    Raises jwt.BadToken."""
    try:
        return read_object(base64url.decode(token.split(".")[1]))
    except (ValueError, IndexError) as error:
        raise jwt.BadToken("not a JWT") from error


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
    if claims.azp not in ("", client_id):
        raise jwt.BadToken("issued to another client: azp differs")
    if not same(claims.nonce.encode(), nonce.encode()):
        raise jwt.BadToken("of another sign-in: the nonce differs")
    expected = at_hash(access_token, jws.read_header(token)["alg"])
    if claims.at_hash and not same(claims.at_hash.encode(), expected.encode()):
        raise jwt.BadToken("of another access token: at_hash differs")
    return verified
