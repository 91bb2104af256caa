"""The master key: it seals the server's own keys, and it can be replaced.

While it is replaced there are two. Both open; the new one seals as soon as something in the
database is sealed with it, so that no node meets a key that it cannot open.
"""

import json
from collections.abc import Callable, Collection, Sequence
from os import urandom
from typing import Protocol, TypeAlias

import msgspec

from valetkey.jose import seal
from valetkey.jose.jwk import Ours, PrivateKey
from valetkey.server.model.audit import AuditKey
from valetkey.server.model.change import Stale, Update
from valetkey.server.model.keys import SigningKey, SigningPool, StoreKind
from valetkey.server.model.query import Many
from valetkey.server.store.port import Store, Unavailable
from valetkey.server.store.settle import TRIES

SealedKey: TypeAlias = SigningKey | AuditKey
"""All that the master key seals."""


class SignatureCounts(msgspec.Struct):
    """What a token or a service has signed for this process: how often, in how many seconds, and
    how often not. `failing` are the labels of keys whose last signature failed."""

    signed: int = 0
    seconds: float = 0.0
    failed: int = 0
    failing: set[str] = set()

    def add(self, label: str, seconds: float) -> None:
        """Count a signature."""
        self.signed += 1
        self.seconds += seconds
        self.failing.discard(label)

    def fail(self, label: str) -> None:
        """Count a failure."""
        self.failed += 1
        self.failing.add(label)


class KeyToken(Protocol):
    """A device or a service that makes signing keys, and signs with them. Its keys never leave it.
    What signs has to run in its `pool`, if it has one: it is far away. All methods raise
    TokenUnavailable."""

    store: StoreKind
    counts: SignatureCounts

    @property
    def pool(self) -> SigningPool | None: ...

    @property
    def algorithms(self) -> Collection[Ours]:
        """Those of new keys that it makes."""

    def generate(self, algorithm: Ours) -> tuple[str, bytes]:
        """Make a key: its label, and its public half (SubjectPublicKeyInfo in DER)."""

    def key(self, algorithm: Ours, label: str, public: bytes) -> PrivateKey:
        """The key with this label, which signs in the token. The token is not asked yet."""

    def labels(self) -> list[str]:
        """The labels of keys in it that may be ours."""

    def check(self, keys: Collection[PrivateKey]) -> None:
        """Sign with each of the keys."""

    def close(self) -> None:
        """End the connection; the next use opens another one."""


class MasterKeys:
    """Master keys, newest first, each of 32 bytes. `read_again` returns the keys of now; it is
    asked when none of these opens something, so that a running server learns of a new one. `tokens`
    hold signing keys whose public halves these seal: one of each kind."""

    def __init__(
        self,
        *keys: bytes,
        read_again: Callable[[], Sequence[bytes]] = lambda: (),
        tokens: Sequence[KeyToken] = (),
    ) -> None:
        self.keys = keys
        self.tokens = tuple(tokens)
        self._read_again = read_again
        self._in_use: set[bytes] = set()

    def __repr__(self) -> str:
        return "MasterKeys(…)"

    def token(self, store: StoreKind) -> KeyToken | None:
        """The token of this kind."""
        return next((one for one in self.tokens if one.store == store), None)

    def token_for(self, algorithm: Ours) -> KeyToken | None:
        """The token that makes new keys for it, None if they are made here."""
        return next((one for one in self.tokens if algorithm in one.algorithms), None)

    def seal(self, plain: bytes, *, purpose: bytes) -> bytes:
        """`plain`, sealed with the newest key that has opened something, else with the newest."""
        key = next((one for one in self.keys if one in self._in_use), self.keys[0])
        return seal.seal(key, plain, nonce=urandom(seal.NONCE), purpose=purpose)

    def unseal(self, sealed: bytes, *, purpose: bytes) -> bytes:
        """What was sealed with one of the keys. Raises BadSeal."""
        try:
            return self._unseal(sealed, purpose)
        except seal.BadSeal:
            now = tuple(self._read_again())
            if not now or now == self.keys:
                raise
            self.keys = now
        return self._unseal(sealed, purpose)

    def _unseal(self, sealed: bytes, purpose: bytes) -> bytes:
        for key in self.keys:
            try:
                plain = seal.unseal(key, sealed, purpose=purpose)
            except seal.BadSeal:
                continue
            self._in_use.add(key)
            return plain
        raise seal.BadSeal("not sealed with the master key")

    def is_newest(self, record: SealedKey) -> bool:
        """Whether the newest key opens it."""
        try:
            seal.unseal(self.keys[0], record.sealed, purpose=purpose_of(record))
        except seal.BadSeal:
            return False
        return True


MasterKey: TypeAlias = bytes | MasterKeys
"""One of 32 bytes, or those of a replacement."""


def master_keys(master: MasterKey) -> MasterKeys:
    """The same, as `MasterKeys`."""
    return master if isinstance(master, MasterKeys) else MasterKeys(master)


def key_purpose(kid: str, use: str, *, store: str = "", label: str = "") -> bytes:
    """For what a key of the server is sealed: itself, or the public half of a key in a token."""
    if not store:
        return msgspec.json.encode(["valetkey", "key at rest", kid, use])
    return msgspec.json.encode(["valetkey", "key in a token", kid, use, store, label])


def audit_key_purpose(name: str) -> bytes:
    """For what a key of the audit log is sealed."""
    return json.dumps(["valetkey", "audit key at rest", name]).encode()


def purpose_of(record: SealedKey) -> bytes:
    """For what this record is sealed."""
    if isinstance(record, SigningKey):
        return key_purpose(record.kid, record.use, store=record.store, label=record.label)
    return audit_key_purpose(record.id)


async def read_sealed(store: Store) -> tuple[SealedKey, ...]:
    """All that the master key seals. A retired key of the audit log has no private half any more.
    Raises Unavailable."""
    keys, audit = Many(SigningKey), Many(AuditKey)
    rows = await store.read(keys, audit)
    return (*rows.many(keys), *(one for one in rows.many(audit) if one.sealed))


async def reseal(store: Store, masters: MasterKeys) -> tuple[int, int]:
    """Seal with the newest master key all that another one seals, in one commit. Returns how many
    records changed, and how many there are. Raises BadSeal, Unavailable."""
    for _ in range(TRIES):
        records = await read_sealed(store)
        old = [one for one in records if not masters.is_newest(one)]
        changes = [Update(_resealed(one, masters)) for one in old]
        try:
            if changes:
                await store.commit(changes)
        except Stale:
            continue
        return len(old), len(records)
    raise Unavailable("other processes keep changing the keys")


def _resealed(record: SealedKey, masters: MasterKeys) -> SealedKey:
    purpose = purpose_of(record)
    plain = masters.unseal(record.sealed, purpose=purpose)
    nonce = urandom(seal.NONCE)
    sealed = seal.seal(masters.keys[0], plain, nonce=nonce, purpose=purpose)
    return msgspec.structs.replace(record, sealed=sealed)
