"""An authenticator without a device: it makes passkeys and signs with them, and lies if told to.

Its bytes are built by hand (WebAuthn 6.1, 6.5; RFC 8949), not by the library that checks them.
"""

import json
import os
import struct
from hashlib import sha256
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from valetkey.jose import base64url

UP: Final = 0x01
UV: Final = 0x04
BE: Final = 0x08
BS: Final = 0x10
AT: Final = 0x40


def cbor(value: Any) -> bytes:
    """The few forms of RFC 8949 that WebAuthn has."""
    match value:
        case int() if value >= 0:
            return _head(0, value)
        case int():
            return _head(1, -1 - value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case dict():
            pairs = b"".join(cbor(key) + cbor(one) for key, one in value.items())
            return _head(5, len(value)) + pairs
        case _:
            raise TypeError(value)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    if number < 256:
        return bytes([major << 5 | 24, number])
    return bytes([major << 5 | 25]) + struct.pack(">H", number)


class Lies(msgspec.Struct, frozen=True, kw_only=True):
    """How a response differs from an honest one."""

    rp_id: str = ""
    origin: str = ""
    type: str = ""
    challenge: str = ""
    flags: int | None = None
    count: int | None = None
    handle: bytes | None = None
    cross_origin: bool | None = None
    credential_id: bytes | None = None
    key: Any = None
    signature: bytes | None = None
    drop: tuple[str, ...] = ()


HONEST: Final = Lies()


class Authenticator:
    """One device with at most one passkey. `flags` are what it sets."""

    def __init__(self, origin: str, *, flags: int = UP | UV | BE | BS, count: int = 0) -> None:
        self.origin = origin
        self.flags = flags
        self.count = count
        self.credential_id = os.urandom(16)
        self.handle = b""
        self.rp_id = ""
        self._key = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: dict[str, Any], lies: Lies = HONEST) -> str:
        """A new passkey: the response as JSON."""
        self.handle = base64url.decode(options["user"]["id"])
        self.rp_id = options["rp"]["id"]
        attested = self._attested(lies)
        flags = (self.flags if lies.flags is None else lies.flags) | (AT if attested else 0)
        data = self._data(flags, lies) + attested
        made = {"fmt": "none", "attStmt": {}, "authData": data}
        parts = {
            "clientDataJSON": self._client_data("webauthn.create", options["challenge"], lies),
            "attestationObject": base64url.encode(cbor(made)),
            "transports": ["internal", "warp"],
        }
        return self._json(parts, lies)

    def get(self, options: dict[str, Any], lies: Lies = HONEST) -> str:
        """A sign-in: the response as JSON."""
        data = self._data(self.flags if lies.flags is None else lies.flags, lies)
        client_data = self._client_data("webauthn.get", options["challenge"], lies)
        signed = data + sha256(base64url.decode(client_data)).digest()
        signature = lies.signature or self._key.sign(signed, ec.ECDSA(hashes.SHA256()))
        handle = self.handle if lies.handle is None else lies.handle
        parts = {
            "clientDataJSON": client_data,
            "authenticatorData": base64url.encode(data),
            "signature": base64url.encode(signature),
            **({"userHandle": base64url.encode(handle)} if handle else {}),
        }
        return self._json(parts, lies)

    def _attested(self, lies: Lies) -> bytes:
        numbers = self._key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        key = {1: 2, 3: -7, -1: 1, -2: x, -3: y} if lies.key is None else lies.key
        size = struct.pack(">H", len(self.credential_id))
        return bytes(16) + size + self.credential_id + cbor(key)

    def _data(self, flags: int, lies: Lies) -> bytes:
        of = sha256((lies.rp_id or self.rp_id).encode()).digest()
        count = self.count if lies.count is None else lies.count
        return of + struct.pack(">BI", flags, count)

    def _client_data(self, kind: str, challenge: str, lies: Lies) -> str:
        told = {
            "type": lies.type or kind,
            "challenge": lies.challenge or challenge,
            "origin": lies.origin or self.origin,
            "crossOrigin": bool(lies.cross_origin),
        }
        return base64url.encode(json.dumps(told).encode())

    def _json(self, parts: dict[str, Any], lies: Lies) -> str:
        name = base64url.encode(lies.credential_id or self.credential_id)
        kept = {key: value for key, value in parts.items() if key not in lies.drop}
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": kept})
