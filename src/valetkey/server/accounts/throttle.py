"""The pace of guessing: every attempt is counted before it is judged.

Each attempt has a place of its own in every count, so guesses made in parallel count like guesses
made in turn, and nobody loses a race for a count.

A browser in which somebody signed in to this account before has a budget of its own, which no
stranger can use up. Strangers share one budget for each account. What they try from one network
costs them time, in growing waits: nothing that others fill refuses anybody who tries one account
(ATTACKS A71, A95). Nobody's live session is touched.
"""

import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from valetkey.server.model.change import Change, Count, Uncount
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.network import network_of, networks_of
from valetkey.server.model.query import One, Rule
from valetkey.server.model.user import sign_in_name

WINDOW: Final = 900
"""Seconds in which attempts add up."""


class Budget(NamedTuple):
    """How many attempts one bucket allows in a window."""

    name: str
    attempts: int


BROWSER: Final = Budget("a browser known to the account", 10)
PAIR: Final = Budget("account and network", 5)
ACCOUNT: Final = Budget("account", 50)
NETWORK: Final = Budget("network", 100)

CODE: Final = Budget("code by browser and network", 5)
CODE_NETWORK: Final = Budget("code by network", 50)

WIDER: Final = (1, 2, 4, 16)
"""How many times as much as the narrowest network of an address each of the wider ones may try."""

STEP: Final = 0.25
"""Seconds by which a wait grows with every TEN attempts of a network beyond its budget."""

TEN: Final = 10
LONGEST: Final = 8.0
"""Seconds that nobody waits for longer."""

CLEARED: Final = 1_000_000
"""More attempts than any bucket holds."""

FAILED: Final = "failed sign-ins"
"""The bucket of all that fail. It refuses nobody: it is there to be looked at."""


class Caller(msgspec.Struct, frozen=True):
    """Who tries: at which address, and the name of their browser where it is known to the account,
    "" where it is a stranger's."""

    address: str
    browser: str = ""


class Allowed(msgspec.Struct, frozen=True):
    """The attempt may be judged, in `wait` seconds."""

    wait: float = 0.0
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


class Throttled(msgspec.Struct, frozen=True):
    """Not now: `until` is the second from which it may be tried again. `budget` is used up."""

    until: int
    budget: Budget
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


class Buckets(NamedTuple):
    """What counts an attempt. The first bucket is one's own: a success clears it."""

    refusing: Mapping[str, Budget]
    slowing: Mapping[str, Budget] = {}


def attempt(username: str, caller: Caller, now: int) -> Rule[Allowed | Throttled]:
    """Counts one attempt, if the budgets allow it."""
    return (yield from count(_buckets(username, caller), now))


def attempt_code(browser: str, address: str, now: int) -> Rule[Allowed | Throttled]:
    """Counts one try at a code that people type, by the browser and its network (RFC 8628 5.1)."""
    return (yield from count(_code_buckets(browser, address), now))


def forgive_code(browser: str, address: str, now: int) -> tuple[Change, ...]:
    """After a code that was right: the slips before it no longer count, nor does the try."""
    return _forgiven(_code_buckets(browser, address), now)


def count(buckets: Buckets, now: int) -> Rule[Allowed | Throttled]:
    """Counts one attempt in every bucket, if each that refuses still allows it."""
    queries = [One(Throttle, bucket) for bucket in buckets.refusing]
    results = yield tuple(queries)
    # Looked at first, so that a refused attempt is nowhere counted.
    for want, budget in zip(queries, buckets.refusing.values(), strict=True):
        row = results.one(want)
        if row is not None and row.is_running(now) and row.tried >= budget.attempts:
            return Throttled(row.expires, budget)
    counts = [
        (Count(_of(bucket, 1, now)), budget)
        for bucket, budget in (*buckets.refusing.items(), *buckets.slowing.items())
    ]
    results = yield tuple(each for each, _ in counts)
    wait = 0.0
    for each, budget in counts:
        counter = results.counter(each)
        if each.record.bucket in buckets.slowing:
            wait = max(wait, _wait(counter.tried - budget.attempts))
        elif counter.tried > budget.attempts:
            # Others came at the same time.
            back = tuple(Uncount(counted.record) for counted, _ in counts)
            return Throttled(counter.expires, budget, back)
    return Allowed(wait)


def failed(now: int) -> Count:
    """One more sign-in that failed."""
    return Count(_of(FAILED, 1, now))


def forgive(username: str, caller: Caller, now: int) -> tuple[Change, ...]:
    """After a success: the owner's own slips no longer count, nor does the attempt that succeeded,
    so that a busy office is not taken for a guesser. The guesses of others still do."""
    return _forgiven(_buckets(username, caller), now)


def account_of(username: str) -> str:
    """What an account is counted by: a digest, so that what people type by mistake (a password,
    say) is not kept."""
    return hashlib.sha256(sign_in_name(username).encode()).hexdigest()[:32]


def _wait(beyond: int) -> float:
    return 0.0 if beyond <= 0 else min(LONGEST, STEP * -(-beyond // TEN))


def _forgiven(buckets: Buckets, now: int) -> tuple[Change, ...]:
    """Clears the bucket that is one's own, and takes one attempt out of the others."""
    own, *others = (*buckets.refusing, *buckets.slowing)
    less = ((own, CLEARED), *((bucket, 1) for bucket in others))
    return tuple(Uncount(_of(bucket, tried, now)) for bucket, tried in less)


def _of(bucket: str, tried: int, now: int) -> Throttle:
    return Throttle(bucket=bucket, tried=tried, since=now, expires=now + WINDOW)


def _code_buckets(browser: str, address: str) -> Buckets:
    own = f"code {browser[:32]} {network_of(address)}"
    return Buckets({own: CODE}, _slowing("code network", address, CODE_NETWORK))


def _buckets(username: str, caller: Caller) -> Buckets:
    account = account_of(username)
    if caller.browser:
        return Buckets({f"browser {caller.browser}": BROWSER})
    return Buckets(
        {
            f"pair {account} {network_of(caller.address)}": PAIR,
            f"account {account}": ACCOUNT,
        },
        _slowing("network", caller.address, NETWORK),
    )


def _slowing(what: str, address: str, budget: Budget) -> dict[str, Budget]:
    """The networks of the address. Whoever has a wide one has all the narrow ones in it, so each is
    counted."""
    return {
        f"{what} {network}": budget._replace(attempts=times * budget.attempts)
        for times, network in zip(WIDER, networks_of(address), strict=False)
    }
