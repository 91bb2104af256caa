"""Keys: JSON Web Keys (RFC 7517) for signing and checking, in two algorithms."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from valetkey.spec.cite import Cite

Algorithm: TypeAlias = Literal["ES256", "RS256"]
ALGORITHMS: Final[tuple[Algorithm, ...]] = ("ES256", "RS256")

CITE: Final = Cite("RFC 7517", "4")
RSA_BITS: Final = 2048


class PublicKey(msgspec.Struct, frozen=True, eq=False):
    """A key that checks signatures. `kid` is opaque."""

    kid: str
    algorithm: Algorithm
    key: ECKey | RSAKey

    def jwk(self) -> dict[str, Any]:
        """The public members, as published in a JWK Set."""
        members = self.key.as_dict(private=False)
        return members | {"kid": self.kid, "alg": self.algorithm, "use": "sig"}


class PrivateKey(msgspec.Struct, frozen=True, eq=False):
    """A key that signs. Its repr shows nothing of the key."""

    kid: str
    algorithm: Algorithm
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

    def __repr__(self) -> str:
        return f"PrivateKey(kid={self.kid!r})"

    def public(self) -> PublicKey:
        """The half that checks."""
        pem = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        kind = ECKey if self.algorithm == "ES256" else RSAKey
        return PublicKey(self.kid, self.algorithm, kind.import_key(pem))

    def to_der(self) -> bytes:
        """PKCS #8, unencrypted: seal it before it is stored."""
        return self.key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def generate(algorithm: Algorithm) -> PrivateKey:
    """A new key, named by a digest of its public half."""
    if algorithm == "ES256":
        return _named(algorithm, ec.generate_private_key(ec.SECP256R1()))
    return _named(algorithm, rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS))


def from_der(algorithm: Algorithm, der: bytes) -> PrivateKey:
    """The key that `to_der` wrote. Raises ValueError where it is none."""
    key = serialization.load_der_private_key(der, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("neither an EC nor an RSA key")
    return _named(algorithm, key)


def parse_set(document: Mapping[str, Any]) -> tuple[PublicKey, ...]:
    """The usable keys of a JWK Set; what is not understood is passed over (RFC 7517 5)."""
    found: list[PublicKey] = []
    keys = document.get("keys")
    for members in keys if isinstance(keys, list) else ():
        key = _public(members)
        if key is not None:
            found.append(key)
    return tuple(found)


def _public(members: object) -> PublicKey | None:
    if not isinstance(members, dict) or members.get("use", "sig") != "sig":
        return None
    kid, alg = members.get("kid"), members.get("alg")
    if not isinstance(kid, str):
        return None
    public = {name: value for name, value in members.items() if name in _PUBLIC_MEMBERS}
    try:
        if members.get("kty") == "EC" and members.get("crv") == "P-256" and alg in (None, "ES256"):
            return PublicKey(kid, "ES256", ECKey.import_key(public))
        if members.get("kty") == "RSA" and alg in (None, "RS256"):
            key = RSAKey.import_key(public)
            return PublicKey(kid, "RS256", key) if _strong(key) else None
    except (JoseError, ValueError, TypeError):
        return None
    return None


_PUBLIC_MEMBERS: Final = frozenset({"kty", "crv", "x", "y", "n", "e"})


def _strong(key: RSAKey) -> bool:
    # RFC 7518 3.3: 2048 bits or more.
    return key.public_key.key_size >= RSA_BITS


def _named(algorithm: Algorithm, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> PrivateKey:
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    kid = hashlib.sha256(spki).hexdigest()[:16]
    return PrivateKey(kid, algorithm, key)
