"""Throttles for guesses: every attempt is counted before the server checks it.

Counters are atomic, so parallel guesses count like sequential ones, and no request loses a race.

A browser in which a user signed in to the account before has a budget of its own, which others
can't use up. Unknown browsers share one budget for each account. Many attempts from one network are
delayed, not refused: so attempts on other accounts never lock a user out (ATTACKS A71, A95). Live
sessions are not affected.
"""

import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from valetkey.server.model.change import Change, Count, Uncount
from valetkey.server.model.counters import Throttle, network_of, networks_of
from valetkey.server.model.event import Event
from valetkey.server.model.query import One, Rule
from valetkey.server.model.user import sign_in_name

WINDOW: Final = 900
"""The length of a window, in seconds."""


class Budget(NamedTuple):
    """The number of attempts that a bucket allows in a window."""

    name: str
    attempts: int


BROWSER: Final = Budget("a browser known to the account", 10)
PAIR: Final = Budget("account and network", 5)
ACCOUNT: Final = Budget("account", 50)
NETWORK: Final = Budget("network", 100)

CODE: Final = Budget("code by browser and network", 5)
CODE_NETWORK: Final = Budget("code by network", 50)

WIDER: Final = (1, 2, 4, 16)
"""The budgets of wider networks, as multiples of that of the narrowest one."""

STEP: Final = 0.25
"""Seconds of extra delay for every TEN attempts of a network above its budget."""

TEN: Final = 10
LONGEST: Final = 8.0
"""The longest delay, in seconds."""

CLEARED: Final = 1_000_000
"""More attempts than any bucket holds."""

FAILED: Final = "failed sign-ins"
"""The bucket that counts all failures, for monitoring. It never refuses an attempt."""


class Caller(msgspec.Struct, frozen=True):
    """The caller: the network address, and the name of the browser if it is known to the account,
    "" if not."""

    address: str
    browser: str = ""


class Allowed(msgspec.Struct, frozen=True):
    """The attempt is allowed, after `wait` seconds."""

    wait: float = 0.0
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


class Throttled(msgspec.Struct, frozen=True):
    """The attempt is refused until the second `until`. `budget` is exhausted."""

    until: int
    budget: Budget
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


class Buckets(NamedTuple):
    """The buckets that count an attempt. The first is the caller's own: a success clears it."""

    refusing: Mapping[str, Budget]
    slowing: Mapping[str, Budget] = {}


def attempt(username: str, caller: Caller, now: int) -> Rule[Allowed | Throttled]:
    """Counts an attempt to sign in, if the budgets allow it."""
    return (yield from count(_buckets(username, caller), now))


def attempt_code(browser: str, address: str, now: int) -> Rule[Allowed | Throttled]:
    """Counts an attempt to enter a user code, by browser and network (RFC 8628 5.1)."""
    return (yield from count(_code_buckets(browser, address), now))


def forgive_code(browser: str, address: str, now: int) -> tuple[Change, ...]:
    """Clears the caller's own count after a correct code, and uncounts this attempt elsewhere."""
    return _forgiven(_code_buckets(browser, address), now)


def count(buckets: Buckets, now: int) -> Rule[Allowed | Throttled]:
    """Counts an attempt in every bucket, if all refusing buckets still allow it."""
    queries = [One(Throttle, bucket) for bucket in buckets.refusing]
    results = yield tuple(queries)
    # Read first, so that a refused attempt is not counted.
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
            # Parallel attempts used up the budget.
            back = tuple(Uncount(counted.record) for counted, _ in counts)
            return Throttled(counter.expires, budget, back)
    return Allowed(wait)


def failed(now: int) -> Count:
    """Counts a failed sign-in."""
    return Count(_of(FAILED, 1, now))


def forgive(username: str, caller: Caller, now: int) -> tuple[Change, ...]:
    """Clears the caller's own count after a success, and uncounts this attempt elsewhere, so that
    a busy office doesn't look like an attacker. Other callers' guesses still count."""
    return _forgiven(_buckets(username, caller), now)


def account_of(username: str) -> str:
    """The bucket name of an account: a digest, because people may type a password into the username
    field by mistake."""
    return hashlib.sha256(sign_in_name(username).encode()).hexdigest()[:32]


def _wait(beyond: int) -> float:
    return 0.0 if beyond <= 0 else min(LONGEST, STEP * -(-beyond // TEN))


def _forgiven(buckets: Buckets, now: int) -> tuple[Change, ...]:
    """Clears the caller's own bucket, and takes one attempt out of the others."""
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
    """The buckets of the networks of the address. Each network is counted, as the owner of a wide
    one has all the narrow ones in it."""
    return {
        f"{what} {network}": budget._replace(attempts=times * budget.attempts)
        for times, network in zip(WIDER, networks_of(address), strict=False)
    }
