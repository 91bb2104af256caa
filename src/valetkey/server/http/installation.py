"""The installation: keys, catalogs, policies and the epoch, read again once a second.

Rules that decide use an installation that is at most a second old, or none. Documents that are
published use the last known one while the store is out of reach.
"""

import asyncio
import time
from typing import Final

from valetkey.server.accounts.notices import NOBODY, NoticeTargets
from valetkey.server.http import log
from valetkey.server.http.secret_uses import RecentSecretUses
from valetkey.server.model.brand import CURRENT as CURRENT_BRAND
from valetkey.server.model.brand import Brand
from valetkey.server.model.client import Client
from valetkey.server.model.confusable import silhouette
from valetkey.server.model.keys import CURRENT, Epoch, SigningKey, Use
from valetkey.server.model.policy import Demands, Lifetimes, Policy
from valetkey.server.model.query import Many, One, PageQuery
from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.core.context import (
    CLOSED_REGISTRATION,
    NO_DEMANDS,
    NO_SIGNED_TOKENS,
    SIGN_IN_HERE,
    Installation,
    Registration,
    SignedTokens,
    SignIn,
)
from valetkey.server.oauth.core.feature import Feature
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.endpoints.administration import reserved_catalog
from valetkey.server.store.keyring import make, open_keys
from valetkey.server.store.master_key import MasterKey, master_keys
from valetkey.server.store.port import Store, Unavailable

FRESH: Final = 1.0
"""Seconds for which an installation is used without another read."""

GLANCE: Final = 0.2
"""Seconds that a published document waits for a newer installation."""


class Installations:
    """Reads the installation, and caches it."""

    def __init__(
        self,
        store: Store,
        *,
        issuer: str,
        lifetimes: Lifetimes,
        features: tuple[Feature, ...],
        master_key: MasterKey,
        demands: Demands = NO_DEMANDS,
        registration: Registration = CLOSED_REGISTRATION,
        sign_in: SignIn = SIGN_IN_HERE,
        notices: NoticeTargets = NOBODY,
        mtls_address: str = "",
        signed_tokens: SignedTokens = NO_SIGNED_TOKENS,
    ) -> None:
        self._store = store
        self._issuer = issuer
        self._lifetimes = lifetimes
        self._features = features
        self._reserved = reserved_catalog(issuer, features)
        self._mtls_address = mtls_address
        self._master_key = master_keys(master_key)
        self._demands = demands
        self._registration = registration
        self._sign_in = sign_in
        self._notices = notices
        self._signed_tokens = signed_tokens
        self.secret_uses = RecentSecretUses()
        self.verified_names: dict[str, str] = {}
        """Verified apps' ids by the look of their names (`http.verified_names`)."""
        self._facts: tuple[object, ...] | None = None
        self._read_at = float("-inf")
        self._last: Installation | None = None
        self._reading: asyncio.Task[Installation] | None = None
        self._begun = float("-inf")

    def new_key(self, use: Use) -> SigningKey:
        """A new key, sealed with the master key."""
        return make(use, self._master_key)

    def set_lifetimes(self, lifetimes: Lifetimes) -> None:
        """Sets them, from the next read on."""
        self._lifetimes = lifetimes
        self._facts = None

    def fresh(self) -> Installation | None:
        """The installation if it is at most a second old, else None."""
        return self._last if time.monotonic() - self._read_at < FRESH else None

    async def current(self) -> Installation:
        """The installation, at most a second old. Raises Unavailable, WrongMasterKey."""
        if (fresh := self.fresh()) is not None:
            return fresh
        # Shielded: other callers wait for the same read.
        return await asyncio.shield(self._under_way())

    async def last_known(self) -> Installation:
        """The newest installation in memory, however old. Raises Unavailable if there is none."""
        last = self._last
        if last is None:
            return await self.current()
        if (fresh := self.fresh()) is not None:
            return fresh
        reading = self._under_way()
        await asyncio.wait({reading}, timeout=GLANCE)
        try:
            return reading.result() if reading.done() else last
        except Unavailable:
            return last

    def _under_way(self) -> asyncio.Task[Installation]:
        """The read that is under way, or a new one."""
        now = time.monotonic()
        if self._reading is None or self._reading.done() or now - self._begun >= FRESH:
            self._begun = now
            self._reading = asyncio.create_task(self._read(now))
            self._reading.add_done_callback(_ignore_failure)
        return self._reading

    async def _read(self, now: float) -> Installation:
        keys, servers, policies = Many(SigningKey), Many(ResourceServer), Many(Policy)
        epoch = One(Epoch, CURRENT)
        brand = One(Brand, CURRENT_BRAND)
        rows = await self._store.read(keys, servers, policies, epoch, brand)
        if self._last is not None and now < self._read_at:
            return self._last  # A later read came back first.
        current, names = rows.one(epoch), self.verified_names
        many = (*rows.many(keys), *rows.many(servers), *rows.many(policies))
        facts = (*many, current, rows.one(brand), names)
        if self._last is None or facts != self._facts:
            self._last = Installation(
                issuer=self._issuer,
                lifetimes=self._lifetimes,
                features=self._features,
                demands=self._demands,
                registration=self._registration,
                sign_in=self._sign_in,
                notices=self._notices,
                keyring=open_keys(rows.many(keys), self._master_key, now=int(time.time())),
                offer=Offer(self._issuer, rows.many(servers), reserved=self._reserved),
                policies={policy.name: policy for policy in rows.many(policies)},
                epoch=0 if current is None else current.number,
                mtls_address=self._mtls_address,
                signed_tokens=self._signed_tokens,
                secret_uses=self.secret_uses.uses,
                verified_names=names,
                brand=rows.one(brand),
            )
            self._facts = facts
        self._read_at = now
        return self._last


def _ignore_failure(reading: asyncio.Task[Installation]) -> None:
    """Callers that wait get the exception; without any, asyncio need not report it."""
    if not reading.cancelled():
        reading.exception()


# Reads the names of verified apps, so that no unverified app takes one.
#
# It reads all apps a few at a time, once a minute: to look up a name at each request would let
# anonymous callers make the server read every app.

STEP: Final = 100
"""Apps of one step."""

REST: Final = 60.0
"""Seconds between two rounds."""


async def run(store: Store, installations: Installations) -> None:
    """Reads the names, again and again."""
    while True:
        try:
            installations.verified_names = await read_names(store)
        except Unavailable as error:
            log.warning("verified names postponed", detail=str(error))
        await asyncio.sleep(REST)


async def read_names(store: Store) -> dict[str, str]:
    """The ids of verified apps, by the look of their names. Raises Unavailable."""
    ids: dict[str, str] = {}
    before = ""
    while True:
        page = await store.page(PageQuery(record=Client, before=before, limit=STEP, walk=True))
        ids |= {silhouette(one.name): one.id for one in page.records if one.verified}
        before = page.next
        if not before:
            return ids
        await asyncio.sleep(0)
