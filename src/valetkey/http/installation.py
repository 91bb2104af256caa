"""The slow facts, kept at hand: keys, catalogs and policies are read again once a second."""

import time
from typing import Final

from valetkey.model.epoch import CURRENT, Epoch
from valetkey.model.keys import SigningKey
from valetkey.model.policy import Lifetimes, Policy
from valetkey.model.record import Record
from valetkey.model.resource import ResourceServer
from valetkey.model.want import Many, One
from valetkey.oauth.context import Installation
from valetkey.oauth.feature import Feature
from valetkey.oauth.offer import Offer
from valetkey.store.keyring import open_keys
from valetkey.store.port import Store

FRESH: Final = 1.0
"""Seconds for which the slow facts are trusted."""


class Installations:
    """Gives the installation as it stands, at most a second old."""

    def __init__(
        self,
        store: Store,
        *,
        issuer: str,
        lifetimes: Lifetimes,
        features: tuple[Feature, ...],
        master_key: bytes,
    ) -> None:
        self._store = store
        self._issuer = issuer
        self._lifetimes = lifetimes
        self._features = features
        self._master_key = master_key
        self._seen: tuple[Record | None, ...] | None = None
        self._read_at = float("-inf")
        self._current: Installation | None = None

    async def current(self) -> Installation:
        """The installation. Raises Unavailable, WrongMasterKey."""
        now = time.monotonic()
        if self._current is None or now - self._read_at >= FRESH:
            self._current = await self._read(self._current)
            self._read_at = now
        return self._current

    async def _read(self, before: Installation | None) -> Installation:
        keys, servers, policies = Many(SigningKey), Many(ResourceServer), Many(Policy)
        epoch = One(Epoch, CURRENT)
        found = await self._store.read(keys, servers, policies, epoch)
        now = found.one(epoch)
        seen = (*found.many(keys), *found.many(servers), *found.many(policies), now)
        if before is not None and seen == self._seen:
            return before
        self._seen = seen
        return Installation(
            issuer=self._issuer,
            lifetimes=self._lifetimes,
            features=self._features,
            keyring=open_keys(found.many(keys), self._master_key, now=int(time.time())),
            offer=Offer(self._issuer, found.many(servers)),
            policies={policy.name: policy for policy in found.many(policies)},
            epoch=0 if now is None else now.number,
        )
