"""Client attestations: the publisher of an app attests that an instance of it is genuine, and has a
key. The instance proves that key with each request
(draft-ietf-oauth-attestation-based-client-auth)."""

from typing import Any, Final

import msgspec

from valetkey.jose import base64url, jws, jwt
from valetkey.jose.jwk import CLIENT_ALGORITHMS, Algorithm, PrivateKey, PublicKey, read_public
from valetkey.jose.objects import read_object
from valetkey.spec.names import Cite

CITE: Final = Cite("draft-ietf-oauth-attestation-based-client-auth", "4")
POP: Final = Cite("draft-ietf-oauth-attestation-based-client-auth", "5.1")

METHOD: Final = "attest_jwt_client_auth"
HEADER: Final = "OAuth-Client-Attestation"
POP_HEADER: Final = "OAuth-Client-Attestation-PoP"
CHALLENGE_HEADER: Final = "OAuth-Client-Attestation-Challenge"

TYPE: Final = "oauth-client-attestation+jwt"
POP_TYPE: Final = "oauth-client-attestation-pop+jwt"

AGE: Final = 60
"""The largest age of a proof in seconds, in both directions."""

LONGEST: Final = 30 * 86400
"""Seconds from now to the end of an attestation, at the most."""

MAX_JTI: Final = 512


class BadAttestation(ValueError):
    """The attestation or its proof is not valid. The message is for the log only."""


class Stale(BadAttestation):
    """The attestation has expired: the app has to get a fresh one (7.4)."""


class _Holding(msgspec.Struct):
    jwk: dict[str, Any]


class _Attestation(msgspec.Struct):
    sub: str
    exp: float
    cnf: _Holding
    iat: float | None = None
    nbf: float | None = None


class _Pop(msgspec.Struct):
    aud: str
    jti: str
    iat: float
    challenge: str = ""


class Pop(msgspec.Struct, frozen=True, kw_only=True):
    """A valid proof: its `jti`, its challenge ("" for none), and when it expires."""

    jti: str
    challenge: str
    until: int


def unverified_client_id(text: str) -> str:
    """The client id in an attestation, without verification. Raises BadAttestation."""
    try:
        jws.read_header(text)
        name = read_object(base64url.decode(text.split(".")[1])).get("sub")
    except ValueError as error:
        raise BadAttestation(str(error)) from error
    if not isinstance(name, str) or not name:
        raise BadAttestation("sub is missing")
    return name


def check(payload: bytes, *, client_id: str, now: int) -> dict[str, Any]:
    """The key of the app instance as a JWK, from an attestation with a verified signature. Raises
    BadAttestation, Stale."""
    try:
        claims = msgspec.convert(read_object(payload), _Attestation)
    except (ValueError, msgspec.ValidationError) as error:
        raise BadAttestation(str(error)) from error
    if claims.sub != client_id:
        raise BadAttestation("of another client")
    if now >= claims.exp + jwt.SKEW:
        raise Stale("the attestation is over")
    why = jwt.why_not(now, exp=claims.exp, nbf=claims.nbf, iat=claims.iat, longest=LONGEST)
    if why:
        raise BadAttestation(why)
    return claims.cnf.jwk


def key_of(members: dict[str, Any], algorithm: object) -> PublicKey:
    """The key of the app instance, for the algorithm of its proof. Raises BadAttestation, also for
    a private key."""
    accepted = next((one for one in CLIENT_ALGORITHMS if one == algorithm), None)
    if accepted is None:
        raise BadAttestation(f"algorithm {algorithm!r} is not accepted here")
    try:
        return read_public(members, accepted)
    except ValueError as error:
        raise BadAttestation(f"cnf: {error}") from error


def check_pop(text: str, key: PublicKey, *, issuer: str, now: int) -> Pop:
    """Verifies the proof of the key, for this server and this moment. Raises BadAttestation."""
    algorithms: tuple[Algorithm, ...] = (key.algorithm,)
    try:
        header = jws.read_header(text)
        # Ignore the kid: only the key of the attestation counts.
        bare = msgspec.structs.replace(key, kid=str(header.get("kid", "")))
        payload = jws.verify(text, [bare], algorithms=algorithms, typ=(POP_TYPE,))
        claims = msgspec.convert(read_object(payload), _Pop)
    except (ValueError, msgspec.ValidationError) as error:
        raise BadAttestation(f"its proof: {error}") from error
    if claims.aud != issuer:
        raise BadAttestation(f"its proof is for {claims.aud[:200]!r}")
    if not 0 < len(claims.jti) <= MAX_JTI:
        raise BadAttestation("its proof: jti is empty or too long")
    if not -AGE <= now - claims.iat <= AGE:
        raise BadAttestation(f"its proof is of {now - claims.iat:.0f} s ago")
    return Pop(jti=claims.jti, challenge=claims.challenge, until=int(claims.iat) + AGE + 1)


def write(client_id: str, holder: PublicKey, *, key: PrivateKey, now: int, seconds: int) -> str:
    """Signs an attestation for an app instance with this key, as its publisher does."""
    members = {name: value for name, value in holder.jwk().items() if name not in {"kid", "alg"}}
    claims = {"sub": client_id, "iat": now, "exp": now + seconds, "cnf": {"jwk": members}}
    return jws.sign(msgspec.json.encode(claims), key=key, typ=TYPE)


def write_pop(*, issuer: str, key: PrivateKey, jti: str, now: int, challenge: str = "") -> str:
    """Signs a proof for one request. `jti` is fresh each time."""
    claims: dict[str, Any] = {"aud": issuer, "jti": jti, "iat": now}
    if challenge:
        claims["challenge"] = challenge
    return jws.sign(msgspec.json.encode(claims), key=key, typ=POP_TYPE)
