"""Refresh tokens: derived and not stored.

prefix ‖ base64url(key id ‖ family ‖ shard ‖ generation ‖ HMAC-SHA-256). The database has the family
and its generation; without the MAC key, which is sealed, no token can be made from them. A key in
shards has one token for each shard; shard 0 is the device's, and the only one of a key in one
piece.
"""

from typing import Final

from valetkey.jose import seal
from valetkey.server.model import ids
from valetkey.server.model.keys import Keyring
from valetkey.server.oauth.core.decision import RefreshToken
from valetkey.spec.errors import InvalidGrant
from valetkey.wire import opaque

PURPOSE: Final = b"refresh token"
KID: Final = 4
_BODY: Final = KID + ids.LENGTH + 1 + 4


def write(token: RefreshToken, keyring: Keyring) -> str:
    """Write the token. The result is the same each time while the key is the same."""
    key = keyring.macs[0]
    body = (
        bytes.fromhex(key.kid)
        + ids.to_bytes(token.family)
        + token.shard.to_bytes(1, "big")
        + token.generation.to_bytes(4, "big")
    )
    return opaque.write("ks" if token.shard else "rt", body + seal.mac(key.raw, PURPOSE, body))


def read(text: str, keyring: Keyring) -> RefreshToken:
    """Read a token and check its MAC. Raises InvalidGrant."""
    kind: opaque.Kind = "ks" if text.startswith("vk_ks_") else "rt"
    try:
        raw = opaque.read(kind, text)
    except opaque.NotOpaque as error:
        raise InvalidGrant(detail=f"refresh token: {error}") from error
    body, proof = raw[:_BODY], raw[_BODY:]
    key = keyring.mac_key(body[:KID].hex())
    if len(proof) != seal.MAC or key is None:
        raise InvalidGrant(detail="refresh token: truncated, or its key is gone")
    if not seal.same(proof, seal.mac(key.raw, PURPOSE, body)):
        raise InvalidGrant(detail="refresh token: forged")
    family, rest = body[KID : KID + ids.LENGTH], body[KID + ids.LENGTH :]
    token = RefreshToken(ids.to_text(family), rest[0], int.from_bytes(rest[1:], "big"))
    if (token.shard > 0) != (kind == "ks"):
        raise InvalidGrant(detail="refresh token: prefix and shard do not match")
    return token
