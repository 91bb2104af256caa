"""The sealer: it puts the records that wait into segments, and signs the head of each.

Every node runs one. The node with the lease works, the others look on. The lease saves work, and
nothing depends on it: two nodes that seal at once create the same segment, which only one can; and
a record leaves the queue in the commit that creates its segment, so none is sealed twice.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from os import urandom
from typing import Final

import msgspec

from valetkey.jose.seal import BadSeal
from valetkey.server.audit.heads import AuditHead, Lost, digest, raw_digest, read_head
from valetkey.server.audit.keys import (
    coming_key,
    current_key,
    make_key,
    open_key,
    read_audit_keys,
)
from valetkey.server.audit.notes import SignerKey, sign
from valetkey.server.audit.retention import time_of
from valetkey.server.audit.segments import AuditEntry, merkle_root, pack_entries
from valetkey.server.audit.terms import AuditTerms
from valetkey.server.model.audit import (
    AuditKey,
    AuditSegment,
    AuditState,
    Category,
    UnsealedRecord,
    segment_key,
)
from valetkey.server.model.change import Change, Create, Remove, Stale, Update, put
from valetkey.server.model.keys import APPLIED, CURRENT, Epoch
from valetkey.server.model.query import One, PageQuery
from valetkey.server.store.master_key import MasterKey
from valetkey.server.store.port import Store, milliseconds

MOST: Final = 4096
"""Records of one segment."""

HEARTBEAT: Final = 300_000
"""Milliseconds after which an empty segment shows that the log goes on."""

LEASE: Final = 30_000
"""Milliseconds of a lease."""

MINUTE: Final = 60_000

BEGAN: Final = "began"
"""The state that has the time of the first record."""

RESTORED: Final = "restored"
"""The state that has the time of the last restore that the log declares."""


class NoAuditKey(Exception):
    """The master key does not open the key of the audit log."""


class Sealer:
    """Seals records. `last_shipped` returns the last head that is in the second place, if any."""

    def __init__(
        self,
        store: Store,
        master: MasterKey,
        terms: Callable[[], AuditTerms],
        *,
        last_shipped: Callable[[], AuditHead | None] = lambda: None,
    ) -> None:
        self._store = store
        self._master = master
        self._terms = terms
        self._last_shipped = last_shipped
        self._holder = urandom(8).hex()
        self._opened: dict[str, SignerKey] = {}
        self._until = 0
        self.has_lease = False

    async def step(self) -> bool:
        """Seal up to MOST records, if this node has the lease. Returns whether there may be more to
        do at once. Raises Unavailable, NoAuditKey."""
        page = await self._store.page(PageQuery(record=UnsealedRecord, limit=MOST, walk=True))
        last = await last_segment(self._store)
        now = milliseconds()
        due = last is None or now - last.at >= HEARTBEAT
        if not page.records and not due and now < self._until - LEASE // 2:
            return False
        if not await self._take_lease(now, useful=bool(page.records) or due):
            return False
        if not page.records and not due:
            return False
        with contextlib.suppress(Stale):
            await self._seal(page.records, last, now)
            return len(page.records) == MOST
        return True

    async def _take_lease(self, now: int, *, useful: bool) -> bool:
        """Whether this node has the lease. It is renewed only if there is something to do."""
        if now < self._until - LEASE // 2:
            return True
        query = One(AuditState, "sealer")
        row = (await self._store.read(query)).one(query)
        free = row is None or row.holder in ("", self._holder) or row.until <= now
        self.has_lease = free and (useful or (row is not None and row.holder == self._holder))
        if not free or not useful:
            return self.has_lease and row is not None and row.until > now
        lease = AuditState(name="sealer", holder=self._holder, until=now + LEASE)
        try:
            await self._store.commit([put(lease, row)])
        except Stale:
            self.has_lease = False
            return False
        self._until = lease.until
        return True

    async def release(self) -> None:
        """Give the lease back, so that another node goes on at once. Raises Unavailable."""
        query = One(AuditState, "sealer")
        row = (await self._store.read(query)).one(query)
        if row is not None and row.holder == self._holder:
            with contextlib.suppress(Stale):
                await self._store.commit([Update(msgspec.structs.replace(row, holder="", until=0))])
        self._until = 0
        self.has_lease = False

    async def _seal(
        self, rows: tuple[UnsealedRecord, ...], last: AuditSegment | None, now: int
    ) -> None:
        keys = await read_audit_keys(self._store)
        epoch_query, applied_query = One(Epoch, CURRENT), One(Epoch, APPLIED)
        declared_query = One(AuditState, RESTORED)
        results = await self._store.read(epoch_query, applied_query, declared_query)
        epoch, applied = results.one(epoch_query), results.one(applied_query)
        declared = results.one(declared_query)
        restored_at = applied.number if applied is not None and applied.since else 0
        is_restored = restored_at not in (0, declared.at if declared is not None else 0)
        segment, changes = await asyncio.to_thread(
            self._segment,
            rows,
            last,
            now,
            keys=keys,
            epoch=0 if epoch is None else epoch.number,
            is_restored=is_restored,
        )
        if is_restored:
            changes.append(put(AuditState(name=RESTORED, at=restored_at), declared))
        await self._store.commit([Create(segment), *changes, *map(Remove, rows)])

    def _segment(
        self,
        rows: tuple[UnsealedRecord, ...],
        last: AuditSegment | None,
        now: int,
        *,
        keys: Sequence[AuditKey],
        epoch: int,
        is_restored: bool,
    ) -> tuple[AuditSegment, list[Change]]:
        terms = self._terms()
        before = None if last is None else read_head(last.head)
        listed = [AuditEntry(one.category, one.id, one.leaf) for one in rows]
        listed.sort(key=lambda one: one.id)
        entries = pack_entries(listed)
        introduced, signers, changes = self._keys(keys, terms.issuer, now, first=before is None)
        if before is None:
            began = time_of(listed[0].id) if listed else now
            changes.append(Create(AuditState(name=BEGAN, at=began)))
        restored = None
        if before is not None and (epoch > before.epoch or is_restored):
            # A restore that ended no epoch begins one of the log, in which no number has two heads.
            restored = self._lost(before)
            epoch = max(epoch, restored.epoch + 1)
        elif before is not None:
            epoch = before.epoch
        head = AuditHead(
            issuer=terms.issuer,
            epoch=epoch,
            number=1 if before is None else before.number + 1,
            records=len(listed),
            root=raw_digest(merkle_root([one.leaf for one in listed])),
            entries=digest(entries),
            previous="-" if before is None else before.digest,
            # The time never goes back, whatever the clock of a node says.
            at=now if before is None else max(now, before.at),
            expired=_expired(terms, {} if before is None else before.expired, now),
            key=introduced,
            restored=restored,
        )
        segment = AuditSegment(
            id=segment_key(head.number),
            epoch=head.epoch,
            at=head.at,
            entries=entries,
            head=sign(head.text, signers),
            introduces=bool(introduced),
        )
        return segment, changes

    def _lost(self, before: AuditHead) -> Lost:
        shipped = self._last_shipped()
        last = before if shipped is None or shipped.number < before.number else shipped
        return Lost(last.epoch, last.number, last.digest)

    def _keys(
        self, keys: Sequence[AuditKey], issuer: str, now: int, *, first: bool
    ) -> tuple[str, list[SignerKey], list[Change]]:
        """The key to introduce, those that sign, and the changes of keys."""
        current, coming = current_key(keys), coming_key(keys)
        if current is None:
            made = make_key(issuer, self._master, status="current", now=now // 1000)
            return made.verifier, [self._open(made)], [Create(made)]
        signers = [self._open(current)]
        if coming is None:
            return (current.verifier if first else ""), signers, []
        # Both sign the head that introduces the new key; the old private key is then deleted.
        signers.append(self._open(coming))
        retired = msgspec.structs.replace(current, status="retired", sealed=b"")
        begins = msgspec.structs.replace(coming, status="current")
        return coming.verifier, signers, [Update(retired), Update(begins)]

    def _open(self, key: AuditKey) -> SignerKey:
        signer = self._opened.get(key.id)
        if signer is None:
            try:
                signer = self._opened[key.id] = open_key(key, self._master)
            except BadSeal as error:
                raise NoAuditKey(f"the master key does not open the audit key {key.id}") from error
        return signer


def _expired(terms: AuditTerms, before: dict[Category, int], now: int) -> dict[Category, int]:
    """Up to when records of each category may be missing: never earlier than said before."""
    until_of = dict(before)
    for category, seconds in terms.retention.items():
        until = (now - seconds * 1000) // MINUTE * MINUTE
        until_of[category] = max(until_of.get(category, 0), until)
    return until_of


async def last_segment(store: Store) -> AuditSegment | None:
    """The newest segment, None if there is none. Raises Unavailable."""
    page = await store.page(PageQuery(record=AuditSegment, limit=1, walk=True))
    return page.records[0] if page.records else None
