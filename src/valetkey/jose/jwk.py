"""Keys: JSON Web Keys (RFC 7517). The server signs in two algorithms; apps may in four, and other
servers in five."""

import hashlib
from collections.abc import Collection, Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from valetkey.spec.names import Cite

Ours: TypeAlias = Literal["ES256", "RS256"]
Algorithm: TypeAlias = Literal["ES256", "RS256", "PS256", "EdDSA", "ES384"]
Jwk: TypeAlias = ECKey | RSAKey | OKPKey
Public: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
Private: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

ALGORITHMS: Final[tuple[Ours, ...]] = ("ES256", "RS256")
"""Algorithms of this server."""

CLIENT_ALGORITHMS: Final[tuple[Algorithm, ...]] = ("ES256", "PS256", "EdDSA", "RS256")
"""Algorithms that an app may use, if its policy allows."""

SERVER_ALGORITHMS: Final[tuple[Algorithm, ...]] = (*ALGORITHMS, "PS256", "EdDSA", "ES384")
"""Algorithms that other servers may use, if their metadata lists them."""

FAPI_ALGORITHMS: Final[tuple[Algorithm, ...]] = ("ES256", "PS256", "EdDSA")
"""Algorithms of FAPI 2.0 (Security Profile 5.4.1)."""

CITE: Final = Cite("RFC 7517", "4")
RSA_BITS: Final = 2048


class PublicKey(msgspec.Struct, frozen=True, eq=False):
    """A key that checks signatures. `kid` is opaque; `_thumbprint` is found when it is made."""

    kid: str
    algorithm: Algorithm
    key: Jwk
    _thumbprint: str = ""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "_thumbprint", self.key.thumbprint())

    def jwk(self) -> dict[str, Any]:
        """The public members, as published in a JWK Set."""
        return self.bare() | {"kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def bare(self) -> dict[str, Any]:
        """The public members alone, as a header carries them."""
        members = self.key.as_dict(private=False)
        return {name: value for name, value in members.items() if name in _PUBLIC_MEMBERS}

    def thumbprint(self) -> str:
        """The thumbprint: SHA-256 in base64url (RFC 7638)."""
        return self._thumbprint


class PrivateKey(msgspec.Struct, frozen=True, eq=False):
    """A key that signs. Its repr does not contain the key."""

    kid: str
    algorithm: Algorithm
    key: Private

    def __repr__(self) -> str:
        return f"PrivateKey(kid={self.kid!r})"

    def public(self) -> PublicKey:
        """The public key."""
        pem = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return PublicKey(self.kid, self.algorithm, _KINDS[self.algorithm][1].import_key(pem))

    def to_der(self) -> bytes:
        """PKCS #8, unencrypted: seal it before it is stored."""
        return self.key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def generate(algorithm: Algorithm) -> PrivateKey:
    """A new key. Its kid is a digest of the public key."""
    match algorithm:
        case "ES256":
            return private_key_of(algorithm, ec.generate_private_key(ec.SECP256R1()))
        case "ES384":
            return private_key_of(algorithm, ec.generate_private_key(ec.SECP384R1()))
        case "EdDSA":
            return private_key_of(algorithm, ed25519.Ed25519PrivateKey.generate())
        case "RS256" | "PS256":
            key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
            return private_key_of(algorithm, key)


def from_der(algorithm: Algorithm, der: bytes) -> PrivateKey:
    """The key that `to_der` wrote, from a place where nobody else can write: sealed, or a secret.
    It skips the validation of RSA keys, which would take 30 ms at each start. Raises ValueError if
    it is not such a key."""
    key = serialization.load_der_private_key(
        der, password=None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, _KINDS[algorithm][0]):
        raise ValueError(f"not a key for {algorithm}")
    return private_key_of(algorithm, key)


def parse_set(
    document: Mapping[str, Any],
    *,
    algorithms: Collection[Algorithm] = ALGORITHMS,
    if_named: Collection[Algorithm] = (),
) -> tuple[PublicKey, ...]:
    """The keys of a JWK Set that are usable for one of the algorithms, or for one of `if_named`
    where the key itself names it; what is not understood is passed over (RFC 7517 5). A key that
    names no algorithm may stand there for several. One without `kid` has the name ""."""
    keys = document.get("keys")
    return tuple(
        key
        for members in (keys if isinstance(keys, list) else ())
        if isinstance(members, dict)
        for algorithm in dict.fromkeys((*algorithms, *if_named))
        if algorithm in algorithms or members.get("alg") == algorithm
        if (key := _of_set(members, algorithm)) is not None
    )


def _of_set(members: dict[str, Any], algorithm: Algorithm) -> PublicKey | None:
    if members.get("use", "sig") != "sig":
        return None
    # RFC 7517 4.5: optional.
    kid = members.get("kid", "")
    if not isinstance(kid, str):
        return None
    public = {name: value for name, value in members.items() if name not in _PRIVATE_MEMBERS}
    try:
        return read_public(public, algorithm, kid=kid)
    except ValueError:
        return None


def read_public(members: Mapping[str, Any], algorithm: Algorithm, *, kid: str = "") -> PublicKey:
    """The public key that a JWK is, for that algorithm. Raises ValueError where it is none, where
    it is meant for another algorithm, and where it holds a private part."""
    private = _PRIVATE_MEMBERS & members.keys()
    if private:
        raise ValueError(f"a private key: it holds {min(private)}")
    if members.get("alg", algorithm) != algorithm or members.get("use", "sig") != "sig":
        raise ValueError(f"not a key for {algorithm}")
    kty, crv = _FORMS[algorithm]
    if members.get("kty") != kty or (crv and members.get("crv") != crv):
        raise ValueError(f"not a key for {algorithm}")
    public = {name: value for name, value in members.items() if name in _PUBLIC_MEMBERS}
    try:
        key = _KINDS[algorithm][1].import_key(public)
    except (JoseError, ValueError, TypeError) as error:
        raise ValueError(f"not a key for {algorithm}") from error
    if isinstance(key, RSAKey) and not _strong(key):
        raise ValueError("an RSA key that is too short")
    return PublicKey(kid, algorithm, key)


def public_of(key: object, algorithm: Algorithm) -> PublicKey:
    """A public key of `cryptography` as one for that algorithm. Raises ValueError where it is of
    another kind."""
    kind = _KINDS[algorithm][1]
    if not isinstance(key, _PUBLIC[algorithm]):
        raise ValueError(f"not a key for {algorithm}")
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return read_public(kind.import_key(pem).as_dict(private=False), algorithm)


_PUBLIC: Final[dict[Algorithm, type[Public]]] = {
    "ES256": ec.EllipticCurvePublicKey,
    "ES384": ec.EllipticCurvePublicKey,
    "RS256": rsa.RSAPublicKey,
    "PS256": rsa.RSAPublicKey,
    "EdDSA": ed25519.Ed25519PublicKey,
}

_KINDS: Final[dict[Algorithm, tuple[type[Private], type[Jwk]]]] = {
    "ES256": (ec.EllipticCurvePrivateKey, ECKey),
    "ES384": (ec.EllipticCurvePrivateKey, ECKey),
    "RS256": (rsa.RSAPrivateKey, RSAKey),
    "PS256": (rsa.RSAPrivateKey, RSAKey),
    "EdDSA": (ed25519.Ed25519PrivateKey, OKPKey),
}
"""The classes of private and public keys, by algorithm."""

_FORMS: Final[dict[Algorithm, tuple[str, str]]] = {
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "RS256": ("RSA", ""),
    "PS256": ("RSA", ""),
    "EdDSA": ("OKP", "Ed25519"),
}
"""The `kty` and `crv` of a JWK, by algorithm."""

_PUBLIC_MEMBERS: Final = frozenset({"kty", "crv", "x", "y", "n", "e"})
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def _strong(key: RSAKey) -> bool:
    # RFC 7518 3.3: 2048 bits or more.
    return key.public_key.key_size >= RSA_BITS


def private_key_of(algorithm: Algorithm, key: Private) -> PrivateKey:
    """The key, with a kid that is a digest of its public half."""
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    kid = hashlib.sha256(spki).hexdigest()[:16]
    return PrivateKey(kid, algorithm, key)
