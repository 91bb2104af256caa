"""Writes JWS that no honest signer would, byte for byte as told."""

import base64
import hmac
import json
from typing import Any, NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, utils

from valetkey.jose.jwk import PrivateKey
from valetkey.jose.jws import sign


class Shared(NamedTuple):
    """A secret that signer and server share, where a key pair could stand."""

    secret: bytes
    kid: str = "shared"
    algorithm: str = "HS256"


def b64(raw: bytes) -> str:
    """Base64url without padding, by the standard library."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: bytes | dict[str, Any], payload: bytes, key: PrivateKey | Shared) -> str:
    """A JWS whose signature is genuine and whose header is whatever was given."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return signed_parts(b64(raw), b64(payload), key)


def signed_parts(header: str, payload: str, key: PrivateKey | Shared) -> str:
    """A genuine signature over two parts as they stand."""
    return f"{header}.{payload}.{_signature(key, f'{header}.{payload}'.encode())}"


def _signature(by: PrivateKey | Shared, data: bytes) -> str:
    if isinstance(by, Shared):
        return b64(hmac.digest(by.secret, data, "sha256"))
    match by.key:
        case ed25519.Ed25519PrivateKey() as key:
            return b64(key.sign(data))
        case ec.EllipticCurvePrivateKey() as key:
            size = key.key_size // 8
            digest = hashes.SHA384() if size == 48 else hashes.SHA256()
            r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
            return b64(r.to_bytes(size, "big") + s.to_bytes(size, "big"))
        case key if by.algorithm == "PS256":
            pad = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)
            return b64(key.sign(data, pad, hashes.SHA256()))
        case key:
            return b64(key.sign(data, padding.PKCS1v15(), hashes.SHA256()))


def unsigned(header: dict[str, Any], payload: bytes) -> str:
    """A JWS without a signature (RFC 7515 appendix A.5)."""
    return f"{b64(json.dumps(header).encode())}.{b64(payload)}."


def hs256(header: dict[str, Any], payload: bytes, secret: bytes) -> str:
    """A JWS under a shared secret, as an attacker makes one from a public key."""
    start = f"{b64(json.dumps(header).encode())}.{b64(payload)}"
    return f"{start}.{b64(hmac.digest(secret, start.encode(), 'sha256'))}"


def genuine(payload: bytes, key: PrivateKey, *, typ: str = "at+jwt") -> tuple[str, str, str]:
    """The three parts of an honest token."""
    header, body, signature = sign(payload, key=key, typ=typ).split(".")
    return header, body, signature
