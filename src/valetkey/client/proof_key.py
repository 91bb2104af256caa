"""The DPoP key of an app, and the proofs that it signs (RFC 9449)."""

import secrets
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Self

import msgspec

from valetkey.jose import base64url, jwk
from valetkey.jose.jwk import PrivateKey
from valetkey.wire import child_key, dpop
from valetkey.wire.address import origin

NONCE_CODE: Final = "use_dpop_nonce"
NONCE: Final = dpop.NONCE_HEADER.lower()
_JTI: Final = 16


class Delegate(msgspec.Struct, frozen=True, kw_only=True):
    """The receiver of an offline delegation, and its limits. `thumbprint` is that of the receiver's
    own key (`Helper.thumbprint`).

    The delegation is valid for `seconds`, and no longer than the key of the app. `depth` is how
    often it may be delegated again, and `most` the largest amount of one use, by permission, in the
    smallest unit. `name` is for the logs of APIs.
    """

    thumbprint: str
    seconds: int = 60
    depth: int = 0
    most: dict[str, int] = {}
    name: str = ""


class Prover:
    """Signs proofs with one key, and remembers the nonce of each server."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self._nonces: dict[str, str] = {}

    @classmethod
    def new(cls) -> Self:
        """A prover with a new key."""
        return cls(jwk.generate("ES256"))

    @staticmethod
    def of(text: str) -> "Prover":
        """The prover of a stored key: the same object each time, so that it knows its nonces.
        Raises ValueError if the text is not a key."""
        return _of(text)

    @property
    def text(self) -> str:
        """The private key as text, for a store of secrets."""
        return base64url.encode(self._key.to_der())

    @property
    def thumbprint(self) -> str:
        """The thumbprint of the key (RFC 7638)."""
        return self._key.public().thumbprint()

    def prove(self, method: str, address: str, access_token: str = "") -> str:
        """A fresh proof for one call."""
        return dpop.make(
            self._key,
            method=method,
            address=address,
            now=int(time.time()),
            jti=secrets.token_urlsafe(_JTI),
            access_token=access_token,
            nonce=self._nonces.get(origin(address), ""),
        )

    def delegate(
        self,
        presented: str,
        *,
        to: Delegate,
        permissions: tuple[str, ...],
        now: int,
        until: int,
    ) -> str:
        """The presented token, delegated further with this key (see `wire.child_key`). Raises
        ValueError if it may not be delegated like that."""
        return child_key.delegate(
            presented,
            by=self._key,
            to=to.thumbprint,
            permissions=permissions,
            now=now,
            until=until,
            depth=to.depth,
            most=to.most,
            name=to.name,
            checked=True,
        )

    def learn_nonce(self, address: str, headers: Mapping[str, str]) -> bool:
        """Stores the nonce of an answer from that address (RFC 9449 8.2). Returns whether it is
        new."""
        nonce, place = headers.get(NONCE, ""), origin(address)
        if not nonce or self._nonces.get(place) == nonce:
            return False
        self._nonces[place] = nonce
        return True


@lru_cache(maxsize=16)
def _of(text: str) -> Prover:
    return Prover(jwk.from_der("ES256", base64url.decode(text)))
