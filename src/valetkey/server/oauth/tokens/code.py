"""Authorization codes: sealed, not stored. What was decided travels inside, unreadable."""

from typing import Final

import msgspec

from valetkey.jose import seal
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring
from valetkey.spec.errors import InvalidGrant
from valetkey.wire import opaque
from valetkey.wire.key_shards import Tier

PURPOSE: Final = b"authorization code"
KID: Final = 4
MAX_BYTES: Final = 1024
"""What a code may carry; a larger request stays in a pending row, and the code names it."""


class Code(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="code"):
    """One yes, good for seconds. `family` is the family that redeeming it creates: that is what
    makes it single use. `redirect_sent` tells whether the request named its redirect URI;
    `jkt` names the key that its redeemer has to hold, "" for none (RFC 9449 10).
    `details` are the types in which it was asked by details.
    `instance` is the copy of the app that has to redeem it, "" for any.
    `renews`: it takes the place of every family that its grant has. `tier`: the key is held in so
    many shards, None for an ordinary one. `browser` is that of a client that does not rotate, which
    has one family there; "" for any other, which gets the family that the code names."""

    client: str
    redirect_uri: str
    redirect_sent: bool
    challenge: str
    nonce: str
    user: str
    grant: str
    family: str
    session: str
    auth_time: int
    scope: tuple[str, ...]
    permissions: tuple[str, ...]
    resources: tuple[str, ...]
    device: str
    expires: int
    jkt: str = ""
    amr: tuple[str, ...] = ()
    userinfo_claims: tuple[str, ...] = ()
    id_token_claims: tuple[str, ...] = ()
    renews: bool = False
    details: tuple[str, ...] = ()
    instance: str = ""
    tier: Tier | None = None
    browser: str = ""


class CodeReference(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="ref"):
    """Where the contents of a large code are."""

    pending: str


def write(raw: bytes, keyring: Keyring, env: Env) -> str:
    """A code that carries `raw`."""
    key = keyring.sealing[0]
    sealed = seal.seal(key.raw, raw, nonce=env.random_bytes(seal.NONCE), purpose=PURPOSE)
    return opaque.write("code", bytes.fromhex(key.kid) + sealed)


def read(text: str, keyring: Keyring) -> bytes:
    """What the code carries. Raises InvalidGrant."""
    try:
        raw = opaque.read("code", text)
        key = keyring.sealing_key(raw[:KID].hex())
        if key is None:
            raise InvalidGrant(detail="code: its key is gone")
        return seal.unseal(key.raw, raw[KID:], purpose=PURPOSE)
    except (opaque.NotOpaque, seal.BadSeal) as error:
        raise InvalidGrant(detail=f"code: {error}") from error


def contents(raw: bytes) -> Code | CodeReference:
    """What was written by us, so it can be read by us."""
    return _CONTENTS.decode(raw)


_CONTENTS: Final[msgspec.msgpack.Decoder[Code | CodeReference]] = msgspec.msgpack.Decoder(
    Code | CodeReference
)
