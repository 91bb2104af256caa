"""Opens the server's keys with the master key, and creates the first keys on the first start."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from os import urandom
from typing import Final, TypeVar

from valetkey.jose import jwk, seal
from valetkey.jose.jwk import ALGORITHMS, Algorithm, Ours, PrivateKey, PublicKey
from valetkey.server.model.change import Create, Stale
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.keys import (
    NO_SALT,
    Keyring,
    KeyStatus,
    RawKey,
    SigningKey,
    StoreKind,
    Use,
)
from valetkey.server.model.query import Many
from valetkey.server.oauth.admin.keys import first_status, missing
from valetkey.server.store.master_key import (
    MasterKey,
    MasterKeys,
    key_purpose,
    master_keys,
    purpose_of,
)
from valetkey.server.store.port import Store, TokenUnavailable, Unavailable
from valetkey.server.store.settle import TRIES

T = TypeVar("T")

MASTER: Final = 32
"""Length of a master key in bytes."""

_MARK_SECONDS: Final = 60
"""Seconds for which the mark of a key creation is kept: longer than a lost commit may take."""

_KID: Final = 4
_RAW: Final = 32


class WrongMasterKey(Unavailable):
    """The master key does not open the keys in this database."""


class DamagedKey(WrongMasterKey):
    """The master key opens the other keys in this database, but not this one."""


async def read_keys(store: Store) -> tuple[SigningKey, ...]:
    """Read every stored key, sorted by name."""
    wanted = Many(SigningKey)
    return (await store.read(wanted)).many(wanted)


async def ensure_keys(store: Store, master: MasterKey) -> None:
    """Create the keys that are missing, once, even if many processes start together.

    Raises WrongMasterKey if the existing keys do not open: a new key beside them would hide the
    mistake."""
    for _ in range(TRIES):
        keys = await read_keys(store)
        open_keys(keys, master, now=0)
        fresh: tuple[SigningKey, ...] = ()
        for use in missing(keys):
            fresh += (make(use, master, status=first_status((*keys, *fresh), use)),)
        if not fresh:
            return
        with contextlib.suppress(Stale):  # Another process created them.
            await store.commit([Create(record) for record in (_once(keys), *fresh)])
            return
    raise Unavailable("keys are missing, and others keep making them")


def _once(keys: Sequence[SigningKey]) -> SingleUse:
    """A single-use mark, so that only one process adds to exactly these keys."""
    names = " ".join(key.kid for key in keys)
    return SingleUse(purpose="keys made", value=names, expires=int(time.time()) + _MARK_SECONDS)


def make(use: Use, master: MasterKey, *, status: KeyStatus = "coming") -> SigningKey:
    """Create a key, sealed with the master key, or in the token. Raises TokenUnavailable."""
    now = int(time.time())
    master = master_keys(master)
    algorithm = _algorithm(use)
    if use in ALGORITHMS and (token := master.token_for(algorithm)) is not None:
        label, raw = token.generate(algorithm)
        kid = token.key(algorithm, label, raw).kid
        purpose = key_purpose(kid, use, store=token.store, label=label)
        return SigningKey(
            kid=kid,
            use=use,
            sealed=master.seal(raw, purpose=purpose),
            status=status,
            created=now,
            since=now,
            store=token.store,
            label=label,
        )
    if use in ALGORITHMS:
        private = jwk.generate(algorithm)
        kid, raw = private.kid, private.to_der()
    else:
        kid, raw = urandom(_KID).hex(), urandom(_RAW)
    sealed = master.seal(raw, purpose=key_purpose(kid, use))
    return SigningKey(kid=kid, use=use, sealed=sealed, status=status, created=now, since=now)


def open_keys(keys: Sequence[SigningKey], master: MasterKey, *, now: int) -> Keyring:
    """Open the keys that are valid at `now` (seconds since 1970). Raises WrongMasterKey,
    DamagedKey."""
    master = master_keys(master)
    try:
        return _ring(keys, master, now=now)
    except WrongMasterKey as error:
        if any(_opens(key, master) for key in keys):
            raise DamagedKey(f"{error}, but opens others: that one is damaged") from error
        raise


async def run_signing(keyring: Keyring, make: Callable[[], T]) -> T:
    """What `make` returns, which signs: at once, or in the pool. Raises TokenUnavailable."""
    return make() if keyring.pool is None else await keyring.pool.run(make)


def open_salt(keys: Sequence[SigningKey], master: MasterKey) -> bytes:
    """The salt alone, b"" for none. Raises WrongMasterKey."""
    raw = _raw([key for key in keys if key.use == "salt"], "salt", master_keys(master))
    return raw[0].raw if raw else b""


def _ring(keys: Sequence[SigningKey], master: MasterKeys, *, now: int) -> Keyring:
    alive = sorted((key for key in keys if key.status != "retiring" or now < key.until), key=_order)
    signing: dict[Algorithm, PrivateKey] = {}
    published: list[PublicKey] = []
    in_token = defaultdict[StoreKind, list[PrivateKey]](list)
    for key in alive:
        if key.use in ALGORITHMS:
            private = _signer(key, master)
            published.append(private.public())
            if key.status == "current":
                signing[private.algorithm] = private
                if key.store:
                    in_token[key.store].append(private)
    return Keyring(
        signing=signing,
        published=tuple(published),
        sealing=_raw(alive, "seal", master),
        macs=_raw(alive, "mac", master),
        salt=next(iter(_raw(alive, "salt", master)), NO_SALT),
        check_token=partial(_check, in_token, master) if in_token else None,
        pool=next((one.pool for one in master.tokens if one.store in in_token and one.pool), None),
    )


def _signer(key: SigningKey, master: MasterKeys) -> PrivateKey:
    algorithm, raw = _algorithm(key.use), _opened(key, master)
    if not key.store:
        return jwk.from_der(algorithm, raw)
    token = master.token(key.store)
    if token is None:
        raise TokenUnavailable(f"key {key.kid} is in {_MISSING[key.store]}")
    return token.key(algorithm, key.label, raw)


def _check(in_token: Mapping[StoreKind, Sequence[PrivateKey]], master: MasterKeys) -> None:
    for token in master.tokens:
        token.check(in_token.get(token.store, ()))


_MISSING: Final[dict[StoreKind, str]] = {
    "pkcs11": "a PKCS#11 token: set pkcs11.module, and what it needs",
    "aws-kms": "AWS KMS: set kms.region, and what it needs",
}


def _raw(keys: Iterable[SigningKey], use: Use, master: MasterKeys) -> tuple[RawKey, ...]:
    return tuple(RawKey(key.kid, _opened(key, master)) for key in keys if key.use == use)


def _opened(key: SigningKey, master: MasterKeys) -> bytes:
    try:
        return master.unseal(key.sealed, purpose=purpose_of(key))
    except seal.BadSeal as error:
        raise WrongMasterKey(f"the master key does not open key {key.kid}") from error


def _opens(key: SigningKey, master: MasterKeys) -> bool:
    try:
        _opened(key, master)
    except WrongMasterKey:
        return False
    return True


def _order(key: SigningKey) -> tuple[int, int]:
    """The current key first, then the coming one, then the retiring, newest first."""
    return ("current", "coming", "retiring").index(key.status), -key.since


def _algorithm(use: Use) -> Ours:
    return "RS256" if use == "RS256" else "ES256"
