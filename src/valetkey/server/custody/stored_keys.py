"""Private keys that stay in a token, as `cryptography` has private keys: they only sign.

So callers need not know where a key is, and keys in this process stay as quick as they were.
"""

from typing import Any, Final, NoReturn, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from valetkey.jose.jwk import Ours, PrivateKey, private_key_of
from valetkey.server.store.port import TokenUnavailable

_HALF: Final = 32
"""Bytes of R, and of S."""


class Signs(Protocol):
    """What signs with a stored key."""

    def sign(self, key: "StoredKey", data: bytes) -> bytes: ...


class StoredKey:
    """A key in a token, which finds it by its label."""

    algorithm: Ours

    def __init__(self, token: Signs, label: str, public: Any) -> None:
        self.label = label
        self._token = token
        self._public = public

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.label!r})"

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> Any:
        return self

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raises InvalidSignature if the token has not signed `data` with this key."""
        raise NotImplementedError

    @property
    def key_size(self) -> int:
        size: int = self._public.key_size
        return size

    def private_numbers(self) -> NoReturn:
        raise _stays()

    def private_bytes(self, *_: Any, **__: Any) -> NoReturn:
        raise _stays()


def _stays() -> TypeError:
    return TypeError("a key in a token stays there")


class StoredECKey(StoredKey, ec.EllipticCurvePrivateKey):
    """A P-256 key in a token."""

    algorithm = "ES256"

    @property
    def curve(self) -> ec.EllipticCurve:
        return ec.SECP256R1()

    def public_key(self) -> ec.EllipticCurvePublicKey:
        public: ec.EllipticCurvePublicKey = self._public
        return public

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """ECDSA with SHA-256, in DER. Raises TokenUnavailable."""
        return _in_der(self._token.sign(self, bytes(data)))

    def verify(self, signature: bytes, data: bytes) -> None:
        """See the base."""
        self._public.verify(_in_der(signature), data, ec.ECDSA(hashes.SHA256()))

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:
        raise _stays()


class StoredRSAKey(StoredKey, rsa.RSAPrivateKey):
    """An RSA key in a token."""

    algorithm = "RS256"

    def public_key(self) -> rsa.RSAPublicKey:
        public: rsa.RSAPublicKey = self._public
        return public

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:
        """PKCS #1 1.5 with SHA-256. Raises TokenUnavailable."""
        return self._token.sign(self, bytes(data))

    def verify(self, signature: bytes, data: bytes) -> None:
        """See the base."""
        self._public.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())

    def decrypt(self, ciphertext: bytes, padding: Any) -> NoReturn:
        raise _stays()


def stored_key(token: Signs, algorithm: Ours, label: str, *, public: bytes) -> PrivateKey:
    """The key with this label, whose public half is SubjectPublicKeyInfo in DER. Raises
    TokenUnavailable if it is for another algorithm."""
    half = load_der_public_key(public)
    match algorithm, half:
        case "ES256", ec.EllipticCurvePublicKey():
            return private_key_of(algorithm, StoredECKey(token, label, half))
        case "RS256", rsa.RSAPublicKey():
            return private_key_of(algorithm, StoredRSAKey(token, label, half))
        case _:
            raise TokenUnavailable(f"key {label} is not for {algorithm}")


def _in_der(raw: bytes) -> bytes:
    r, s = raw[:_HALF], raw[_HALF:]
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
