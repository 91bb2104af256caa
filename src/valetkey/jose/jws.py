"""JSON Web Signatures, compact form only (RFC 7515).

Writing goes through `cryptography` directly, which is the hot path; checking is joserfc's, after
the refusals that this project wants first.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jws
from joserfc.errors import JoseError

from valetkey.jose import base64url
from valetkey.jose.jwk import Algorithm, PrivateKey, PublicKey
from valetkey.jose.objects import read_object

_SHA256: Final = hashes.SHA256()
_ECDSA: Final = ec.ECDSA(_SHA256)
_PADDING: Final = padding.PKCS1v15()

MAX_LENGTH: Final = 16 * 1024

# RFC 8725 3.1 and RFC 7515 4.1: a header may not bring its own key, nor ask for what we do not do.
REFUSED_HEADERS: Final = frozenset(
    {"jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "enc", "p2c", "p2s"}
)


class BadSignature(ValueError):
    """The text is no JWS that one of the keys signed. Says why, for the log only."""


def sign(payload: bytes, *, key: PrivateKey, typ: str) -> str:
    """A compact JWS over `payload`, with `alg`, `kid` and `typ` in its header."""
    signed = _header(key.algorithm, key.kid, typ) + base64url.encode(payload)
    return signed + "." + base64url.encode(_signature(key.key, signed.encode()))


@lru_cache(maxsize=64)
def _header(algorithm: Algorithm, kid: str, typ: str) -> str:
    return base64url.encode(msgspec.json.encode({"alg": algorithm, "kid": kid, "typ": typ})) + "."


def _signature(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, data: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, _PADDING, _SHA256)
    r, s = decode_dss_signature(key.sign(data, _ECDSA))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verify(
    text: str, keys: Sequence[PublicKey], *, algorithms: Collection[Algorithm], typ: Collection[str]
) -> bytes:
    """The payload, once one of `keys` has proved to have signed it.

    `algorithms` and `typ` list what is acceptable (`typ` compared without case and without
    `application/`, RFC 7515 4.1.9). Raises BadSignature.
    """
    header = read_header(text)
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in algorithms:
        raise BadSignature(f"algorithm {algorithm!r} is not accepted here")
    if _media_type(header.get("typ")) not in typ:
        raise BadSignature(f"typ {header.get('typ')!r} is not accepted here")
    for key in keys:
        if key.algorithm == algorithm and kid in (None, key.kid):
            return _checked(text, key)
    raise BadSignature("no key of that kid and algorithm")


def read_header(text: str) -> dict[str, Any]:
    """The protected header, unproved, once its form is acceptable. Raises BadSignature."""
    if len(text) > MAX_LENGTH:
        raise BadSignature("longer than any token of ours")
    parts = text.split(".")
    if len(parts) != 3:
        raise BadSignature("not three parts")
    try:
        header = read_object(base64url.decode(parts[0]))
    except ValueError as error:
        raise BadSignature(f"header: {error}") from error
    refused = REFUSED_HEADERS & header.keys()
    if refused:
        raise BadSignature(f"header parameters refused: {', '.join(sorted(refused))}")
    return header


def _media_type(typ: object) -> str:
    return typ.lower().removeprefix("application/") if isinstance(typ, str) else ""


def _checked(text: str, key: PublicKey) -> bytes:
    try:
        return jws.deserialize_compact(text, key.key, algorithms=[key.algorithm]).payload
    except (JoseError, ValueError) as error:
        raise BadSignature("the signature does not fit") from error
