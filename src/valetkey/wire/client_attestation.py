"""Client attestations: whoever publishes an app says of one copy of it that it is genuine, and of
which key; the copy shows with each request that it holds that key
(draft-ietf-oauth-attestation-based-client-auth)."""

from typing import Any, Final

import msgspec

from valetkey.jose import base64url, jws, validity
from valetkey.jose.jwk import CLIENT_ALGORITHMS, Algorithm, PrivateKey, PublicKey, read_public
from valetkey.jose.objects import read_object
from valetkey.spec.cite import Cite

CITE: Final = Cite("draft-ietf-oauth-attestation-based-client-auth", "4")
POP: Final = Cite("draft-ietf-oauth-attestation-based-client-auth", "5.1")

METHOD: Final = "attest_jwt_client_auth"
HEADER: Final = "OAuth-Client-Attestation"
POP_HEADER: Final = "OAuth-Client-Attestation-PoP"
CHALLENGE_HEADER: Final = "OAuth-Client-Attestation-Challenge"

TYPE: Final = "oauth-client-attestation+jwt"
POP_TYPE: Final = "oauth-client-attestation-pop+jwt"

AGE: Final = 60
"""Seconds after which a proof is too old, and that its clock may be ahead."""

LONGEST: Final = 30 * 86400
"""Seconds from now to the end of an attestation, at the most."""

MAX_JTI: Final = 512


class BadAttestation(ValueError):
    """It proves nothing. Says why, for the log only."""


class Stale(BadAttestation):
    """It was good, and is over: the app has to get a fresh one (7.4)."""


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
    """A proof that fits: its name, its challenge ("" for none), and until when it is good."""

    jti: str
    challenge: str
    until: int


def unverified_client_id(text: str) -> str:
    """Of which client it claims to be, unproved. Raises BadAttestation."""
    try:
        jws.read_header(text)
        name = read_object(base64url.decode(text.split(".")[1])).get("sub")
    except ValueError as error:
        raise BadAttestation(str(error)) from error
    if not isinstance(name, str) or not name:
        raise BadAttestation("sub is missing")
    return name


def check(payload: bytes, *, client_id: str, now: int) -> dict[str, Any]:
    """The key of the copy, as a JWK, out of an attestation whose signature was checked. Raises
    BadAttestation, Stale."""
    try:
        claims = msgspec.convert(read_object(payload), _Attestation)
    except (ValueError, msgspec.ValidationError) as error:
        raise BadAttestation(str(error)) from error
    if claims.sub != client_id:
        raise BadAttestation("of another client")
    if now >= claims.exp + validity.SKEW:
        raise Stale("the attestation is over")
    why = validity.why_not(now, exp=claims.exp, nbf=claims.nbf, iat=claims.iat, longest=LONGEST)
    if why:
        raise BadAttestation(why)
    return claims.cnf.jwk


def key_of(members: dict[str, Any], algorithm: object) -> PublicKey:
    """The key of the copy, for the algorithm that its proof names. Raises BadAttestation, also for
    a key with its private part."""
    accepted = next((one for one in CLIENT_ALGORITHMS if one == algorithm), None)
    if accepted is None:
        raise BadAttestation(f"algorithm {algorithm!r} is not accepted here")
    try:
        return read_public(members, accepted)
    except ValueError as error:
        raise BadAttestation(f"cnf: {error}") from error


def check_pop(text: str, key: PublicKey, *, issuer: str, now: int) -> Pop:
    """The proof that the key is held, for this server, of this moment. Raises BadAttestation."""
    algorithms: tuple[Algorithm, ...] = (key.algorithm,)
    try:
        header = jws.read_header(text)
        # The key has no name: that it is the one of the attestation is what counts.
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
    """An attestation of a copy that holds the key, as its publisher writes it."""
    members = {name: value for name, value in holder.jwk().items() if name not in {"kid", "alg"}}
    claims = {"sub": client_id, "iat": now, "exp": now + seconds, "cnf": {"jwk": members}}
    return jws.sign(msgspec.json.encode(claims), key=key, typ=TYPE)


def write_pop(*, issuer: str, key: PrivateKey, jti: str, now: int, challenge: str = "") -> str:
    """A proof for one request. `jti` is fresh each time."""
    claims: dict[str, Any] = {"aud": issuer, "jti": jti, "iat": now}
    if challenge:
        claims["challenge"] = challenge
    return jws.sign(msgspec.json.encode(claims), key=key, typ=POP_TYPE)
