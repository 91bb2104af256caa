"""DPoP proofs (RFC 9449): an app proves its key with each request, and the server verifies it."""

import hashlib
import re
from collections.abc import Collection
from typing import Final

import msgspec

from valetkey.jose import base64url, jws, jwt
from valetkey.jose.jwk import FAPI_ALGORITHMS, Algorithm, PrivateKey
from valetkey.jose.objects import read_as, read_object
from valetkey.jose.seal import same
from valetkey.spec.names import Cite
from valetkey.wire.address import read

CITE: Final = Cite("RFC 9449", "4.3")
TYPE: Final = "dpop+jwt"
SCHEME: Final = "DPoP"
"""The scheme of the Authorization header, and the `token_type`."""

HEADER: Final = "DPoP"
NONCE_HEADER: Final = "DPoP-Nonce"
ALGORITHMS: Final[tuple[Algorithm, ...]] = FAPI_ALGORITHMS

AGE: Final = 60
"""The largest age of a proof in seconds, in both directions."""

MAX_LENGTH: Final = 4096
"""Characters of a proof."""

_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_PLAIN: Final = re.compile(r"https://[a-z0-9.-]+/[A-Za-z0-9._~/-]*", re.ASCII)
"""Addresses that are in normal form already: those of most calls."""

_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]", re.ASCII)
_EVER: Final = 10 * 365 * 86400
"""Seconds from a `nbf` and until an `exp`: by its `iat` a proof is over in a minute anyway."""


class BadProof(ValueError):
    """The proof is not valid. The message is for the log only."""


class _Claims(msgspec.Struct, omit_defaults=True):
    jti: str
    htm: str
    htu: str
    iat: int | float
    ath: str = ""
    nonce: str = ""
    exp: int | float | None = None
    nbf: int | float | None = None


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A proof that fits its request. `jkt` is the thumbprint of the key (RFC 7638), `jti` the id of
    the proof. The server that issued nonces checks the `nonce`, "" for none. `until` is when the
    proof expires, in seconds since 1970."""

    jkt: str
    jti: str
    nonce: str
    until: int

    @property
    def name(self) -> str:
        """A name of this proof that is unique among all keys."""
        return hashlib.sha256(f"{self.jkt} {self.jti}".encode()).hexdigest()


def make(
    key: PrivateKey,
    *,
    method: str,
    address: str,
    now: int,
    jti: str,
    access_token: str = "",
    nonce: str = "",
) -> str:
    """Signs a proof for one request (RFC 9449 4.2). `jti` is random and fresh."""
    claims: dict[str, str | int] = {"jti": jti, "htm": method, "htu": _bare(address), "iat": now}
    if access_token:
        claims["ath"] = token_hash(access_token)
    if nonce:
        claims["nonce"] = nonce
    return jws.sign_embedded(msgspec.json.encode(claims), key=key, typ=TYPE)


def check(
    text: str,
    *,
    method: str,
    addresses: Collection[str],
    now: int,
    access_token: str = "",
    ath: str = "",
) -> Proof:
    """Verifies the proof in a header: for this request, at one of these addresses, and for this
    access token, or for the one with the hash `ath` (RFC 9449 4.3).

    The caller checks the nonce, and whether the proof was used before. Raises BadProof.
    """
    if len(text) > MAX_LENGTH:
        raise BadProof("longer than any proof")
    try:
        payload, key = jws.verify_embedded(text, algorithms=ALGORITHMS, typ=(TYPE,))
        claims = read_as(payload, _Claims) or msgspec.convert(read_object(payload), _Claims)
    except (ValueError, msgspec.ValidationError) as error:
        raise BadProof(str(error)) from error
    _check_request(claims, method, addresses)
    if not -AGE <= now - claims.iat <= AGE:
        raise BadProof(f"iat is {now - claims.iat} s ago")
    if claims.exp is not None or claims.nbf is not None:
        # RFC 7519 4.1.4, 4.1.5: optional in a proof, and checked if present.
        why = jwt.why_not(now, exp=claims.exp, nbf=claims.nbf, longest=_EVER)
        if why:
            raise BadProof(why)
    if access_token:
        ath = token_hash(access_token)
    if ath and not same(claims.ath.encode(), ath.encode()):
        raise BadProof("for another access token: ath differs")
    return Proof(
        jkt=key.thumbprint(), jti=claims.jti, nonce=claims.nonce, until=int(claims.iat) + AGE + 1
    )


def _check_request(claims: _Claims, method: str, addresses: Collection[str]) -> None:
    if not claims.jti:
        raise BadProof("jti is empty")
    if claims.htm != method:
        raise BadProof(f"for another method: {claims.htm[:20]!r}")
    place = normal(claims.htu)
    for address in addresses:
        if normal(address) == place:
            return
    raise BadProof(f"for another address: {claims.htu[:200]!r}")


def token_hash(access_token: str) -> str:
    """The `ath` of an access token (RFC 9449 4.2)."""
    return base64url.encode(hashlib.sha256(access_token.encode()).digest())


def is_thumbprint(text: str) -> bool:
    """Whether the text has the form of a thumbprint."""
    return _THUMBPRINT.fullmatch(text) is not None


def normal(text: str) -> str:
    """The normal form of an address, without query and fragment (RFC 3986 6.2.2, 6.2.3). Raises
    BadProof if the text is not an address."""
    if _PLAIN.fullmatch(text):
        return text
    parts = read(text)
    if parts is None or not parts.is_web or parts.has_user:
        raise BadProof("htu is no address")
    return f"{parts.origin}{_ESCAPE.sub(_escape, parts.path) or '/'}"


def _escape(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    return char if _UNRESERVED.fullmatch(char) else match[0].upper()


def _bare(address: str) -> str:
    return address.partition("#")[0].partition("?")[0]
