"""Authorization codes: sealed and not stored. A code contains the decision in encrypted form."""

from typing import Final

import msgspec

from valetkey.jose import seal
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring
from valetkey.spec.errors import InvalidGrant
from valetkey.wire import opaque
from valetkey.wire.key_shards import Tier

PURPOSE: Final = b"authorization code"
MAX_BYTES: Final = 1024
"""Bytes that a code may contain. A larger request stays in a pending row, which the code names."""


class Code(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="code"):
    """One consent, valid for seconds.

    `family` is the family that redeeming the code creates, which makes the code single-use.
    `redirect_sent` tells whether the request had a redirect URI; `jkt` names the key that the
    client has to prove, "" for none (RFC 9449 10). `details` are the types that the request had in
    its details. `instance` is the copy of the app that has to redeem the code, "" for any.
    `renews`: the new family replaces all families of the grant. `tier` says how the key is split
    into shards, None for a key in one piece. `browser` is the browser of a client without rotation,
    which has one family there; it is "" for other clients, whose family the code names.
    """

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
    acr: str = ""


class CodeReference(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="ref"):
    """Names the row that has the contents of a large code."""

    pending: str


def write(raw: bytes, keyring: Keyring, env: Env) -> str:
    """Write a code that contains `raw`."""
    nonce = env.random_bytes(seal.NONCE)
    return opaque.write("code", keyring.seal(raw, nonce=nonce, purpose=PURPOSE))


def read(text: str, keyring: Keyring) -> bytes:
    """The contents of the code. Raises InvalidGrant."""
    try:
        return keyring.unseal(opaque.read("code", text), purpose=PURPOSE)
    except (opaque.NotOpaque, seal.BadSeal) as error:
        raise InvalidGrant(detail=f"code: {error}") from error


def contents(raw: bytes) -> Code | CodeReference:
    """Decode the contents that this server wrote."""
    return _CONTENTS.decode(raw)


_CONTENTS: Final[msgspec.msgpack.Decoder[Code | CodeReference]] = msgspec.msgpack.Decoder(
    Code | CodeReference
)
