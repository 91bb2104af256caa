"""The slow facts, kept at hand: keys, catalogs, policies and the epoch, read again once a second.

Whatever decides takes them at most a second old, or not at all. What is merely published goes on
from the last known state where the store is out of reach.
"""

import asyncio
import time
from typing import Final

from valetkey.server.model.epoch import CURRENT, Epoch
from valetkey.server.model.keys import SigningKey
from valetkey.server.model.policy import Lifetimes, Policy
from valetkey.server.model.query import Many, One
from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.core.context import (
    CLOSED_REGISTRATION,
    NO_SIGNED_TOKENS,
    Installation,
    Registration,
    SignedTokens,
)
from valetkey.server.oauth.core.feature import Feature
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.store.keyring import open_keys
from valetkey.server.store.port import Store, Unavailable

FRESH: Final = 1.0
"""Seconds for which the slow facts are trusted."""

GLANCE: Final = 0.2
"""Seconds that what is merely published waits for newer facts."""


class Installations:
    """Gives the installation as it stands."""

    def __init__(
        self,
        store: Store,
        *,
        issuer: str,
        lifetimes: Lifetimes,
        features: tuple[Feature, ...],
        master_key: bytes,
        registration: Registration = CLOSED_REGISTRATION,
        mtls_address: str = "",
        signed_tokens: SignedTokens = NO_SIGNED_TOKENS,
    ) -> None:
        self._store = store
        self._issuer = issuer
        self._lifetimes = lifetimes
        self._features = features
        self._mtls_address = mtls_address
        self._master_key = master_key
        self._registration = registration
        self._signed_tokens = signed_tokens
        self.verified_names: dict[str, str] = {}
        """What names of verified apps look like (`http.verified_names`)."""
        self._seen: tuple[object, ...] | None = None
        self._read_at = float("-inf")
        self._known: Installation | None = None
        self._reading: asyncio.Task[Installation] | None = None
        self._begun = float("-inf")

    def fresh(self) -> Installation | None:
        """The installation, where it is at hand and at most a second old."""
        return self._known if time.monotonic() - self._read_at < FRESH else None

    async def current(self) -> Installation:
        """The installation, at most a second old. Raises Unavailable, WrongMasterKey."""
        if (fresh := self.fresh()) is not None:
            return fresh
        # Whoever asks meanwhile waits for the same reading.
        return await asyncio.shield(self._under_way())

    async def known(self) -> Installation:
        """The newest that is known, however old. Raises Unavailable where nothing is."""
        known = self._known
        if known is None:
            return await self.current()
        if (fresh := self.fresh()) is not None:
            return fresh
        reading = self._under_way()
        await asyncio.wait({reading}, timeout=GLANCE)
        try:
            return reading.result() if reading.done() else known
        except Unavailable:
            return known

    def _under_way(self) -> asyncio.Task[Installation]:
        """What reads it just now."""
        now = time.monotonic()
        if self._reading is None or self._reading.done() or now - self._begun >= FRESH:
            self._begun = now
            self._reading = asyncio.create_task(self._read(now))
            self._reading.add_done_callback(_noted)
        return self._reading

    async def _read(self, now: float) -> Installation:
        keys, servers, policies = Many(SigningKey), Many(ResourceServer), Many(Policy)
        epoch = One(Epoch, CURRENT)
        found = await self._store.read(keys, servers, policies, epoch)
        if self._known is not None and now < self._read_at:
            return self._known  # A later reading came back first.
        current = found.one(epoch)
        names = self.verified_names
        seen = (*found.many(keys), *found.many(servers), *found.many(policies), current, names)
        if self._known is None or seen != self._seen:
            self._known = Installation(
                issuer=self._issuer,
                lifetimes=self._lifetimes,
                features=self._features,
                registration=self._registration,
                keyring=open_keys(found.many(keys), self._master_key, now=int(time.time())),
                offer=Offer(self._issuer, found.many(servers)),
                policies={policy.name: policy for policy in found.many(policies)},
                epoch=0 if current is None else current.number,
                mtls_address=self._mtls_address,
                signed_tokens=self._signed_tokens,
                verified_names=names,
            )
            self._seen = seen
        self._read_at = now
        return self._known


def _noted(reading: asyncio.Task[Installation]) -> None:
    """Whoever still waits is told why it failed; where nobody does, it is no news."""
    if not reading.cancelled():
        reading.exception()
