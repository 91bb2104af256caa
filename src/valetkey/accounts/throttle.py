"""The pace of guessing: every attempt is counted before it is judged.

Each attempt has a place of its own in every count, so guesses made in parallel count like guesses
made in turn, and nobody loses a race for a count. A guesser is slowed by account and network
together, so the owner at home still signs in, and nobody's live session is touched.
"""

import hashlib
import ipaddress
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from valetkey.model.change import Change, Count, Uncount
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
CODE: Final = Budget("code by browser and network", 5)
CODE_NETWORK: Final = Budget("code by network", 50)

CLEARED: Final = 1_000_000
"""More attempts than any bucket holds."""


class Allowed(msgspec.Struct, frozen=True):
    """The attempt may be judged, once it has been counted."""

    changes: tuple[Change, ...] = ()
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


def forgive_code(browser: str, network: str, now: int) -> tuple[Change, ...]:
    """After a code that was right: the slips before it no longer count, nor does the try."""
    return _forgiven(_code_buckets(browser, network), now)


def count(budgets: Mapping[str, Budget], now: int) -> Rule[Allowed | Throttled]:
    """Counts one attempt in every bucket, if each of them still allows it."""
    wanted = [One(Throttle, bucket) for bucket in budgets]
    found = yield tuple(wanted)
    # Looked at first, so that a refused attempt is nowhere counted.
    for want, budget in zip(wanted, budgets.values(), strict=True):
        row = found.one(want)
        if row is not None and row.runs(now) and row.tried >= budget.attempts:
            return Throttled(row.expires)
    counts = [
        Count(Throttle(bucket=bucket, tried=1, since=now, expires=now + WINDOW))
        for bucket in budgets
    ]
    found = yield tuple(counts)
    for one, budget in zip(counts, budgets.values(), strict=True):
        counter = found.counter(one)
        if counter.tried > budget.attempts:
            # Others came at the same time.
            return Throttled(counter.expires, tuple(Uncount(each.record) for each in counts))
    return Allowed()


def forgive(username: str, network: str, now: int) -> tuple[Change, ...]:
    """After a success: the owner's own slips no longer count, nor does the attempt that succeeded,
    so that a busy office is not taken for a guesser. The guesses of others still do."""
    return _forgiven(_buckets(username, network), now)


def _forgiven(budgets: Mapping[str, Budget], now: int) -> tuple[Change, ...]:
    """Clears the first bucket, which is one's own, and takes one attempt out of the others."""
    pair, *others = budgets
    less = ((pair, CLEARED), *((bucket, 1) for bucket in others))
    return tuple(
        Uncount(Throttle(bucket=bucket, tried=tried, since=now, expires=now + WINDOW))
        for bucket, tried in less
    )


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
    }


def _buckets(username: str, network: str) -> dict[str, Budget]:
    # A digest, so that what people type by mistake (a password, say) is not kept.
    account = hashlib.sha256(sign_in_name(username).encode()).hexdigest()[:32]
    return {
        f"pair {account} {network}": PAIR,
        f"account {account}": ACCOUNT,
        f"network {network}": NETWORK,
    }
