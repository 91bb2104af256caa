"""JSON Web Signatures, compact form only (RFC 7515).

Writing goes through `cryptography` directly, which is the hot path; checking is joserfc's, after
the refusals that this project wants first.
"""

import contextlib
import hmac
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from valetkey.jose import base64url
from valetkey.jose.jwk import Algorithm, PrivateKey, PublicKey, read_public
from valetkey.jose.objects import read_object

_SHA256: Final = hashes.SHA256()
_ECDSA: Final = ec.ECDSA(_SHA256)
_ECDSA_384: Final = ec.ECDSA(hashes.SHA384())
_PADDING: Final = padding.PKCS1v15()
_PSS: Final = padding.PSS(padding.MGF1(_SHA256), salt_length=32)

MAX_LENGTH: Final = 16 * 1024

MAX_CACHED_HEADER: Final = 512
"""Characters of a header that is cached after parsing; a longer one is parsed each time."""

MAX_KEYS_TRIED: Final = 8
"""Keys that are tried if the token does not name one."""

SHARED: Final = "HS256"
"""The only algorithm with a shared secret."""

# RFC 8725 3.1 and RFC 7515 4.1: a header may not contain a key, nor request unsupported features.
REFUSED_HEADERS: Final = frozenset(
    {"jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "enc", "p2c", "p2s"}
)

EMBEDDED: Final = frozenset({"jwk"})

_TEXTS: Final = ("alg", "typ", "cty", "kid")

_Parts: TypeAlias = tuple[str, str, str, str]
"""Header and payload, both as what is signed, and the signature; all as they are written."""


class _Roomy(jws.JWSRegistry):
    """For headers with a key. Unknown parameters are ignored (RFC 7515 4)."""

    max_header_length = 4096


class BadSignature(ValueError):
    """The text is not a JWS by one of the keys. The message is for the log only."""


def sign(payload: bytes, *, key: PrivateKey, typ: str) -> str:
    """A compact JWS over `payload`, with `alg`, `kid` and `typ` in its header."""
    return _joined(_header(key.algorithm, key.kid, typ), payload, key)


def sign_embedded(payload: bytes, *, key: PrivateKey, typ: str) -> str:
    """The same with the public key itself in the header, in place of its name."""
    header = {"alg": key.algorithm, "typ": typ, "jwk": key.public().bare()}
    return _joined(base64url.encode_ascii(msgspec.json.encode(header)), payload, key)


def assemble(payload: bytes, signature: bytes, *, algorithm: Algorithm, kid: str, typ: str) -> str:
    """The compact JWS that `sign` made, from its parts."""
    parts = (
        _header(algorithm, kid, typ),
        base64url.encode_ascii(payload),
        base64url.encode_ascii(signature),
    )
    return b".".join(parts).decode()


def signature_of(text: str) -> bytes:
    """The signature at the end of a compact JWS."""
    return base64url.decode(text.rpartition(".")[2])


def _joined(header: bytes, payload: bytes, key: PrivateKey) -> str:
    signed = b"%b.%b" % (header, base64url.encode_ascii(payload))
    signature = _SIGN[key.algorithm](key.key, signed)
    return (b"%b.%b" % (signed, base64url.encode_ascii(signature))).decode()


@lru_cache(maxsize=64)
def _header(algorithm: Algorithm, kid: str, typ: str) -> bytes:
    return base64url.encode_ascii(msgspec.json.encode({"alg": algorithm, "kid": kid, "typ": typ}))


def _es256(key: Any, data: bytes) -> bytes:
    """R and S, each of 32 bytes (RFC 7518 3.4). In DER they are two integers: without leading
    zeros, or with one if the first bit would make it negative."""
    der: bytes = key.sign(data, _ECDSA)
    end = 4 + der[3]
    return der[4:end][-32:].rjust(32, b"\0") + der[end + 2 :][-32:].rjust(32, b"\0")


def _es384(key: Any, data: bytes) -> bytes:
    """R and S, each of 48 bytes (RFC 7518 3.4)."""
    r, s = decode_dss_signature(key.sign(data, _ECDSA_384))
    return r.to_bytes(48, "big") + s.to_bytes(48, "big")


# By algorithm: an isinstance check of an abstract class costs microseconds.
_SIGN: Final[dict[Algorithm, Callable[[Any, bytes], bytes]]] = {
    "ES256": _es256,
    "ES384": _es384,
    "RS256": lambda key, data: key.sign(data, _PADDING, _SHA256),
    "PS256": lambda key, data: key.sign(data, _PSS, _SHA256),
    "EdDSA": lambda key, data: key.sign(data),
}


def verify(
    text: str,
    keys: Sequence[PublicKey],
    *,
    algorithms: Collection[Algorithm],
    typ: Collection[str],
    max_length: int = MAX_LENGTH,
    signed_here: Callable[[str], bool] | None = None,
) -> bytes:
    """Verifies a JWS with one of `keys`, and returns its payload.

    `algorithms` and `typ` list the accepted values (`typ` without case and without `application/`,
    RFC 7515 4.1.9). `signed_here` says whether exactly this text is known to be signed by one of
    `keys`: then all but the signature is checked. Raises BadSignature.
    """
    parts = _split(text, max_length)
    first = parts[0]
    read = _read_cached if len(first) <= MAX_CACHED_HEADER else _accepted
    algorithm, kid = read(first, tuple(algorithms), tuple(typ))
    for key in keys:
        if key.algorithm == algorithm and kid == key.kid:
            if signed_here is not None and signed_here(text):
                return base64url.decode(parts[1])
            return _checked(parts, key)
    return _checked_by_any(parts, _unnamed(keys, algorithm, header_has_kid=kid is not None))


def _unnamed(
    keys: Sequence[PublicKey], algorithm: Algorithm, *, header_has_kid: bool
) -> Sequence[PublicKey]:
    """The keys to try if no kid matches: all of that algorithm, or, for a header with a kid, those
    without one."""
    return [key for key in keys if key.algorithm == algorithm and not (header_has_kid and key.kid)]


def _checked_by_any(parts: _Parts, keys: Sequence[PublicKey]) -> bytes:
    for key in keys[:MAX_KEYS_TRIED]:
        with contextlib.suppress(BadSignature):
            return _checked(parts, key)
    raise BadSignature("the signature does not fit" if keys else "no key of that kid and algorithm")


def verify_shared(
    text: str, secrets: Sequence[bytes], *, typ: Collection[str]
) -> tuple[bytes, int]:
    """Verifies a JWS with one of the shared `secrets`, and returns its payload and the position of
    that secret. It accepts HS256 only: key pairs never verify here, nor shared secrets elsewhere.
    Raises BadSignature."""
    header = read_header(text)
    if header.get("alg") != SHARED:
        raise BadSignature(f"algorithm {header.get('alg')!r} is not accepted here")
    if media_type(header.get("typ")) not in typ:
        raise BadSignature(f"typ {header.get('typ')!r} is not accepted here")
    signed, _, end = text.rpartition(".")
    try:
        mac, payload = base64url.decode(end), base64url.decode(signed.partition(".")[2])
    except ValueError as error:
        raise BadSignature("the signature does not fit") from error
    macs = [hmac.digest(secret, signed.encode(), "sha256") for secret in secrets]
    # Compare every secret, so that the time does not depend on which one fits.
    fits = [hmac.compare_digest(one, mac) for one in macs]
    if sum(fits) == 0:
        raise BadSignature("the signature does not fit")
    return payload, fits.index(True)


def verify_embedded(
    text: str, *, algorithms: Collection[Algorithm], typ: Collection[str]
) -> tuple[bytes, PublicKey]:
    """Verifies a JWS with the key in its own header, and returns the payload and the key. The
    caller decides whether it trusts the key. Raises BadSignature."""
    parts = _split(text)
    first = parts[0]
    read = _embedded_key_cached if len(first) <= MAX_CACHED_HEADER else _embedded_key
    key = read(first, tuple(algorithms), tuple(typ))
    return _checked(parts, key, embedded=True), key


def _accepted(
    first: str, algorithms: tuple[Algorithm, ...], typ: tuple[str, ...]
) -> tuple[Algorithm, str | None]:
    header = _read(first)
    return _acceptable(header, algorithms, typ), header.get("kid")


# All tokens of a signer have the same header, so each header is parsed once for each use.
_read_cached: Final = lru_cache(maxsize=1024)(_accepted)


def _embedded_key(first: str, algorithms: tuple[Algorithm, ...], typ: tuple[str, ...]) -> PublicKey:
    header = _read(first, EMBEDDED)
    algorithm, members = _acceptable(header, algorithms, typ), header.get("jwk")
    if not isinstance(members, dict):
        raise BadSignature("no jwk in the header")
    try:
        return read_public(members, algorithm)
    except ValueError as error:
        raise BadSignature(f"jwk: {error}") from error


_embedded_key_cached: Final = lru_cache(maxsize=1024)(_embedded_key)


def _acceptable(
    header: Mapping[str, Any], algorithms: Collection[Algorithm], typ: Collection[str]
) -> Algorithm:
    algorithm = header.get("alg")
    for one in algorithms:
        if algorithm == one:
            break
    else:
        raise BadSignature(f"algorithm {algorithm!r} is not accepted here")
    if header.get("typ") not in typ and media_type(header.get("typ")) not in typ:
        raise BadSignature(f"typ {header.get('typ')!r} is not accepted here")
    return one


def read_header(text: str) -> Mapping[str, Any]:
    """The protected header, without verification. Raises BadSignature."""
    first = _split(text)[0]
    return (_header_cached if len(first) <= MAX_CACHED_HEADER else _read)(first)


def _split(text: str, max_length: int = MAX_LENGTH) -> _Parts:
    if len(text) > max_length:
        raise BadSignature("longer than any token of ours")
    signed, _, signature = text.rpartition(".")
    first, dot, payload = signed.partition(".")
    if not dot or "." in payload:
        raise BadSignature("not three parts")
    return first, payload, signed, signature


def _read(text: str, embedded: frozenset[str] = frozenset()) -> Mapping[str, Any]:
    try:
        header = read_object(base64url.decode(text))
    except ValueError as error:
        raise BadSignature(f"header: {error}") from error
    refused = (REFUSED_HEADERS & header.keys()) - embedded
    if refused:
        raise BadSignature(f"header parameters refused: {', '.join(sorted(refused))}")
    if not all(isinstance(header.get(name, ""), str) for name in _TEXTS):
        raise BadSignature("alg, typ, cty or kid is not a text")
    return MappingProxyType(header)


_header_cached: Final = lru_cache(maxsize=1024)(_read)


def media_type(typ: object) -> str:
    """The media type in a `typ` header for comparison: in lower case, without `application/` (RFC
    7515 4.1.9; RFC 2045 5.1). "" for none."""
    return typ.lower().removeprefix("application/") if isinstance(typ, str) else ""


def _checked(parts: _Parts, key: PublicKey, *, embedded: bool = False) -> bytes:
    _, payload, signed, signature = parts
    try:
        if key.algorithm == "ES384":
            _check_es384(signed, base64url.decode(signature), key.key)
        elif isinstance(key.key, ECKey):
            _check_es256(signed, base64url.decode(signature), key.key)
        elif isinstance(key.key, OKPKey):
            _check_ed25519(signed, base64url.decode(signature), key.key)
        else:
            return _checked_rsa(f"{signed}.{signature}", key, embedded=embedded)
        return base64url.decode(payload)
    except (InvalidSignature, JoseError, ValueError) as error:
        raise BadSignature("the signature does not fit") from error


def _checked_rsa(text: str, key: PublicKey, *, embedded: bool) -> bytes:
    registry = jws.JWSRegistry(algorithms=[key.algorithm])
    if embedded:
        registry = _Roomy(algorithms=[key.algorithm], strict_check_header=False)
    return jws.deserialize_compact(text, key.key, registry=registry).payload


def _check_es256(signed: str, raw: bytes, key: ECKey) -> None:
    # What every call of an API costs: without a detour the check takes half the time.
    public = key.public_key
    # RFC 7518 3.4: R and S, each of 32 bytes.
    if len(raw) != 64 or not isinstance(public.curve, ec.SECP256R1):
        raise BadSignature("the signature does not fit")
    public.verify(_der(raw), signed.encode(), _ECDSA)


def _check_es384(signed: str, raw: bytes, key: Any) -> None:
    public = key.public_key
    # RFC 7518 3.4: R and S, each of 48 bytes.
    if len(raw) != 96 or not isinstance(public.curve, ec.SECP384R1):
        raise BadSignature("the signature does not fit")
    r, s = int.from_bytes(raw[:48], "big"), int.from_bytes(raw[48:], "big")
    public.verify(encode_dss_signature(r, s), signed.encode(), _ECDSA_384)


def _der(raw: bytes) -> bytes:
    """R and S as DER wants them: with a zero in front of a first bit, else without."""
    if raw[0] and raw[32]:
        return _DER[raw[0] > 127, raw[32] > 127] % (raw[:32], raw[32:])
    return encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))


_DER: Final = {
    (False, False): b"0\x44\x02\x20%b\x02\x20%b",
    (False, True): b"0\x45\x02\x20%b\x02\x21\0%b",
    (True, False): b"0\x45\x02\x21\0%b\x02\x20%b",
    (True, True): b"0\x46\x02\x21\0%b\x02\x21\0%b",
}


def _check_ed25519(signed: str, raw: bytes, key: OKPKey) -> None:
    # By its new name (RFC 9864) joserfc knows it; FAPI 2.0 and the apps of today say EdDSA.
    public = key.public_key
    if not isinstance(public, ed25519.Ed25519PublicKey):
        raise BadSignature("the signature does not fit")
    public.verify(raw, signed.encode())
