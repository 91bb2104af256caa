"""Client assertions: a client signs that it is itself (RFC 7523 2.2 and 3, as updated by
draft-ietf-oauth-rfc7523bis)."""

from typing import Final

import msgspec

from valetkey.jose import base64url, jws, jwt
from valetkey.jose.jwk import PrivateKey
from valetkey.jose.objects import read_object
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 7523", "3")
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

TYPE: Final = "client-authentication+jwt"
TYPES: Final = frozenset({TYPE, "jwt", ""})
"""Its own media type, and those that were usual before. Another kind of JWT never passes."""

LONGEST: Final = 3600
"""Seconds from now to its end, at the most: so long it is remembered that it came."""

MAX_JTI: Final = 512


class Audience(msgspec.Struct, frozen=True):
    """What an assertion may name as its audience: the `names` of this server. `listed`: a list of
    them will do, too."""

    names: frozenset[str]
    listed: bool = False

    def has(self, aud: str | tuple[str, ...]) -> bool:
        """Whether `aud` names this server, and nobody else."""
        if isinstance(aud, str):
            return aud in self.names
        return self.listed and bool(aud) and self.names.issuperset(aud)


class ClientAssertion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What it says. `aud` is the server that it is for."""

    iss: str
    sub: str
    aud: str | tuple[str, ...]
    jti: str
    exp: float
    iat: float | None = None
    nbf: float | None = None


class BadAssertion(ValueError):
    """It proves nothing. Says why, for the log only."""


def unverified_client_id(text: str) -> str:
    """Who it claims to be of, unproved. Raises BadAssertion."""
    try:
        jws.read_header(text)
        name = read_object(base64url.decode(text.split(".")[1])).get("sub")
    except ValueError as error:
        raise BadAssertion(str(error)) from error
    if not isinstance(name, str) or not name:
        raise BadAssertion("sub is missing")
    return name


def check(payload: bytes, *, client_id: str, audience: Audience, now: int) -> ClientAssertion:
    """The claims, from this client to this server at `now` (seconds since 1970). Raises
    BadAssertion."""
    try:
        claims = msgspec.convert(read_object(payload), ClientAssertion)
    except (ValueError, msgspec.ValidationError) as error:
        raise BadAssertion(str(error)) from error
    if not claims.iss == claims.sub == client_id:
        raise BadAssertion("iss and sub are not both the client")
    if not audience.has(claims.aud):
        # draft-ietf-oauth-rfc7523bis 2: of nobody else's names, or it can be carried elsewhere.
        raise BadAssertion(f"for {claims.aud!r:.200}")
    if not 0 < len(claims.jti) <= MAX_JTI:
        raise BadAssertion("jti is empty or too long")
    why = jwt.why_not(now, exp=claims.exp, nbf=claims.nbf, iat=claims.iat, longest=LONGEST)
    if why:
        raise BadAssertion(why)
    return claims


def write(client_id: str, *, issuer: str, key: PrivateKey, jti: str, now: int) -> str:
    """An assertion for one call. `jti` is fresh each time."""
    claims = ClientAssertion(
        iss=client_id, sub=client_id, aud=issuer, jti=jti, iat=now, exp=now + 60
    )
    return jws.sign(msgspec.json.encode(claims), key=key, typ=TYPE)
