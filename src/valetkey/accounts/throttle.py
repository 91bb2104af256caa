"""The pace of guessing: every attempt is counted before it is judged.

Because the count is written first, and by a versioned update, guesses made in parallel count like
guesses made in turn. A guesser is slowed by account and network together, so the owner at home
still signs in, and nobody's live session is touched.
"""

import hashlib
import ipaddress
import zlib
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from valetkey.model.change import Change, Create, Remove, Update
from valetkey.model.event import Event
from valetkey.model.guard import Throttle
from valetkey.model.user import sign_in_name
from valetkey.model.want import One, Rule

WINDOW: Final = 900
"""Seconds in which attempts add up."""


class Budget(NamedTuple):
    """How many attempts one bucket allows in a window."""

    name: str
    attempts: int


PAIR: Final = Budget("account and network", 5)
ACCOUNT: Final = Budget("account", 50)
NETWORK: Final = Budget("network", 100)
SHARE: Final = Budget("everybody's share", 1_000)
"""Everybody together, in SHARES rows by network, so that sign-ins do not queue for one row."""

SHARES: Final = 16

CODE: Final = Budget("code by browser and network", 5)
CODE_NETWORK: Final = Budget("code by network", 50)


class Allowed(msgspec.Struct, frozen=True):
    """The attempt may be judged, once it has been counted."""

    changes: tuple[Change, ...]
    events: tuple[Event, ...] = ()


class Throttled(msgspec.Struct, frozen=True):
    """Not now: `until` is the second from which it may be tried again."""

    until: int
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


def attempt(username: str, network: str, now: int) -> Rule[Allowed | Throttled]:
    """Counts one attempt, if every budget allows it. `network` is `network_of` the address."""
    return (yield from count(_buckets(username, network), now))


def attempt_code(browser: str, network: str, now: int) -> Rule[Allowed | Throttled]:
    """Counts one try at a code that people type, by the browser and its network (RFC 8628 5.1)."""
    return (yield from count(_code_buckets(browser, network), now))


def forgive_code(browser: str, network: str) -> Rule[tuple[Change, ...]]:
    """After a code that was right: the slips before it no longer count, nor does the try."""
    return (yield from _forgiven(_code_buckets(browser, network)))


def count(budgets: Mapping[str, Budget], now: int) -> Rule[Allowed | Throttled]:
    """Counts one attempt in every bucket, if each of them still allows it."""
    wanted = {bucket: One(Throttle, bucket) for bucket in budgets}
    found = yield tuple(wanted.values())
    changes: list[Change] = []
    for bucket, budget in budgets.items():
        row = found.one(wanted[bucket])
        if row is not None and now < row.expires:
            if row.tried >= budget.attempts:
                return Throttled(row.expires)
            changes.append(Update(msgspec.structs.replace(row, tried=row.tried + 1)))
            continue
        fresh = Throttle(bucket=bucket, tried=1, since=now, expires=now + WINDOW)
        if row is None:
            changes.append(Create(fresh))
        else:
            changes.append(Update(msgspec.structs.replace(fresh, version=row.version)))
    return Allowed(tuple(changes))


def forgive(username: str, network: str) -> Rule[tuple[Change, ...]]:
    """After a success: the owner's own slips no longer count, nor does the attempt that succeeded,
    so that a busy office is not taken for a guesser. The guesses of others still do."""
    return (yield from _forgiven(_buckets(username, network)))


def _forgiven(budgets: Mapping[str, Budget]) -> Rule[tuple[Change, ...]]:
    """Clears the first bucket, which is one's own, and takes one attempt out of the others."""
    pair, *others = (One(Throttle, bucket) for bucket in budgets)
    found = yield (pair, *others)
    own = found.one(pair)
    changes: list[Change] = [] if own is None else [Remove(own)]
    for wanted in others:
        row = found.one(wanted)
        if row is not None and row.tried > 0:
            changes.append(Update(msgspec.structs.replace(row, tried=row.tried - 1)))
    return tuple(changes)


def network_of(address: str) -> str:
    """The network that guesses are counted by: the /24 of an IPv4 address, the /56 of an IPv6."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    prefix = 24 if ip.version == 4 else 56
    return str(ipaddress.ip_network((ip, prefix), strict=False))


def _code_buckets(browser: str, network: str) -> dict[str, Budget]:
    return {
        f"code {browser[:32]} {network}": CODE,
        f"code network {network}": CODE_NETWORK,
        f"code everybody {zlib.crc32(network.encode()) % SHARES}": SHARE,
    }


def _buckets(username: str, network: str) -> dict[str, Budget]:
    # A digest, so that what people type by mistake (a password, say) is not kept.
    account = hashlib.sha256(sign_in_name(username).encode()).hexdigest()[:32]
    return {
        f"pair {account} {network}": PAIR,
        f"account {account}": ACCOUNT,
        f"network {network}": NETWORK,
        f"everybody {zlib.crc32(network.encode()) % SHARES}": SHARE,
    }
