"""DPoP proofs for tests: honest ones, and such as no honest app would make."""

import json
import os
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
from tests.jose.forge import b64, signed, unsigned
from tests.keys import key

from valetkey.jose.jwk import PrivateKey
from valetkey.wire import dpop

MINE: Final = key("ES256", "the app's")
OTHER: Final = key("ES256", "a stranger's")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a proof is for, and how it differs from an honest one: members to set, None to leave
    out. `bent` has the last word."""

    method: str = "POST"
    address: str = ""
    token: str = ""
    nonce: str = ""
    by: PrivateKey = MINE
    header: dict[str, Any] = {}
    claims: dict[str, Any] = {}
    bent: Callable[[str], str] = str


def proof(wish: Wish, **more: Any) -> str:
    """The proof, signed whatever it says."""
    wish = msgspec.structs.replace(wish, **more)
    public = wish.by.public()
    header = {"typ": dpop.TYPE, "alg": wish.by.algorithm, "jwk": public.bare()} | wish.header
    claims: dict[str, Any] = {
        "jti": b64(os.urandom(12)),
        "htm": wish.method,
        "htu": wish.address,
        "iat": int(time.time()),
        "ath": dpop.token_hash(wish.token) if wish.token else None,
        "nonce": wish.nonce or None,
    }
    claims |= wish.claims
    payload = json.dumps({k: v for k, v in claims.items() if v is not None}).encode()
    kept = {k: v for k, v in header.items() if v is not None}
    if kept.get("alg") == "none":
        return unsigned(kept, payload)
    return wish.bent(signed(kept, payload, wish.by))
