"""Tickets, handles and recovery codes: derived from a MAC key, like the shards, and not stored.

prefix ‖ base64url(key id ‖ family ‖ shard ‖ generation ‖ seconds ‖ HMAC-SHA-256). With a ticket a
holder claims its shard until that time; a handle refers to a shard that was delivered at that time.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.jose import seal
from valetkey.server.model import ids
from valetkey.server.model.keys import Keyring
from valetkey.server.oauth.core.decision import RefreshToken
from valetkey.spec.errors import InvalidGrant, InvalidRequest
from valetkey.wire import opaque
from valetkey.wire.key_shards import CODE

TICKET_SECONDS: Final = 600
HANDLE_SECONDS: Final = 60

Kind: TypeAlias = Literal["kt", "kh"]

_PURPOSES: Final[dict[Kind, bytes]] = {"kt": b"key shard ticket", "kh": b"key shard handle"}
_CODE_PURPOSE: Final = b"recovery code"
_KID: Final = 4
_BODY: Final = _KID + ids.LENGTH + 1 + 4 + 6


class ShardReference(msgspec.Struct, frozen=True):
    """The contents of a ticket or handle: a shard and its generation, and the end of the ticket or
    the time of the delivery."""

    family: str
    shard: int
    generation: int
    at: int


def write(kind: Kind, reference: ShardReference, keyring: Keyring) -> str:
    """The ticket or handle as text, always the same with the same key."""
    key = keyring.macs[0]
    body = bytes.fromhex(key.kid) + _reference_bytes(reference)
    body += reference.at.to_bytes(6, "big")
    return opaque.write(kind, body + seal.mac(key.raw, _PURPOSES[kind], body))


def read(kind: Kind, text: str, keyring: Keyring) -> ShardReference:
    """The contents of a ticket or handle, after checking its MAC. Raises InvalidRequest if it is
    damaged, InvalidGrant if it is forged."""
    raw = whole(kind, text)
    body, proof = raw[:_BODY], raw[_BODY:]
    key = keyring.mac_key(body[:_KID].hex())
    if len(proof) != seal.MAC or key is None:
        raise InvalidGrant(detail=f"{kind}: its key is gone")
    if not seal.same(proof, seal.mac(key.raw, _PURPOSES[kind], body)):
        raise InvalidGrant(detail=f"{kind}: forged")
    rest = body[_KID + ids.LENGTH :]
    return ShardReference(
        ids.to_text(body[_KID : _KID + ids.LENGTH]),
        rest[0],
        int.from_bytes(rest[1:5], "big"),
        int.from_bytes(rest[5:], "big"),
    )


def whole(kind: opaque.Kind, text: str) -> bytes:
    """The bytes of an opaque string. Raises InvalidRequest if it is damaged: that is a mistake in
    transport, and no sign of theft."""
    try:
        return opaque.read(kind, text)
    except opaque.NotOpaque as error:
        raise InvalidRequest(
            "a key shard, ticket or handle is not whole", detail=str(error)
        ) from error


def code(of: RefreshToken, keyring: Keyring) -> bytes:
    """The secret of the recovery code that is this shard."""
    return codes(of, keyring)[0]


def codes(of: RefreshToken, keyring: Keyring) -> list[bytes]:
    """The possible secrets of the code: a code has no key id, so any MAC key may have made it."""
    body = _reference_bytes(of)
    return [seal.mac(key.raw, _CODE_PURPOSE, body)[:CODE] for key in keyring.macs]


def _reference_bytes(of: ShardReference | RefreshToken) -> bytes:
    return ids.to_bytes(of.family) + of.shard.to_bytes(1, "big") + of.generation.to_bytes(4, "big")
