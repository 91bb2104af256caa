"""The key that an app makes in place, and the proofs that it holds it (RFC 9449)."""

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
    """Who gets a key offline, and how small. `thumbprint` is that of its own key, which it shows to
    the app (`Helper.thumbprint`).

    The key is good for `seconds`, and never longer than the one that it is made of. `depth` is how
    often it may go on, `most` the largest amount of one use, by permission, in the smallest unit.
    `name` is what APIs see in their logs.
    """

    thumbprint: str
    seconds: int = 60
    depth: int = 0
    most: dict[str, int] = {}
    name: str = ""


class Prover:
    """Holds a key, and remembers the nonce that each server wants to see in a proof."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self._nonces: dict[str, str] = {}

    @classmethod
    def new(cls) -> Self:
        """A holder of a key that was made just now."""
        return cls(jwk.generate("ES256"))

    @staticmethod
    def of(text: str) -> "Prover":
        """The holder of a kept key, the same one each time, so that it knows its nonces. Raises
        ValueError where it is no key."""
        return _of(text)

    @property
    def text(self) -> str:
        """The key as text, for a store that keeps secrets."""
        return base64url.encode(self._key.to_der())

    @property
    def thumbprint(self) -> str:
        """What names the key (RFC 7638)."""
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
        """What is shown with this key, made smaller for the next hand (see `wire.child_key`).
        Raises ValueError where it may not go on so."""
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
        """Remembers the nonce of an answer from there (RFC 9449 8.2). Whether it is a new one."""
        nonce, place = headers.get(NONCE, ""), origin(address)
        if not nonce or self._nonces.get(place) == nonce:
            return False
        self._nonces[place] = nonce
        return True


@lru_cache(maxsize=16)
def _of(text: str) -> Prover:
    return Prover(jwk.from_der("ES256", base64url.decode(text)))
