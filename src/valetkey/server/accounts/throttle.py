"""Throttles for guesses: every attempt is counted before the server checks it.

Counters are atomic, so parallel guesses count like sequential ones, and no request loses a race.

A browser in which a user signed in to the account before has budgets of its own, which others
can't use up. Unknown browsers, the strangers, share a budget for each account; beyond it, each
attempt costs a proof of work. Many attempts from one network are delayed, not refused: so attempts
on other accounts never lock a user out (ATTACKS A71, A95). After a hundred failures in a row, the
password is closed to strangers until the user proves another way. Live sessions are not affected.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from valetkey.server.model.change import Change, Count, Uncount
from valetkey.server.model.counters import Throttle, network_of, networks_of
from valetkey.server.model.event import Event
from valetkey.server.model.query import One, Rule
from valetkey.server.model.user import sign_in_name

WINDOW: Final = 900
"""The length of a window, in seconds."""

LASTING: Final = 10 * 365 * 86400
"""The window of what is counted in a row, in seconds: until a success, in practice."""


class Budget(NamedTuple):
    """The number of attempts that a bucket allows in a window."""

    name: str
    attempts: int


BROWSER: Final = Budget("a browser known to the account", 10)
PAIR: Final = Budget("account and network", 5)
ACCOUNT: Final = Budget("account", 50)
NETWORK: Final = Budget("network", 100)

IN_A_ROW: Final = Budget("failures in a row", 100)
"""NIST SP 800-63B-4 3.2.2: no authenticator takes more than 100 failures in a row. Strangers and
each known browser have a row of their own, so that nobody else can disable the user's password in
the user's browser."""

FACTOR: Final = Budget("codes of a factor", 10)
"""Guesses of short codes, by all strangers together, or in one known browser."""

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

NOBODY: Final = "row nobody"
"""Counts attempts on accounts that don't exist, in the place of their rows: the work is the same,
and strangers can't fill the database."""


class Caller(msgspec.Struct, frozen=True):
    """The caller: the network address, and the name of the browser if it is known to the account,
    "" if not. `paid`: it brings a proof of work for this account."""

    address: str
    browser: str = ""
    paid: bool = False


class Allowed(msgspec.Struct, frozen=True):
    """The attempt is allowed, after `wait` seconds. `tried` counts the attempts of the caller
    itself in this window. `in_a_row` counts the failures in a row, if this one is another."""

    wait: float = 0.0
    tried: int = 0
    in_a_row: int = 0
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def is_closed(self) -> bool:
        """Whether too many attempts failed in a row: then even the right answer must fail."""
        return self.in_a_row > IN_A_ROW.attempts


class Throttled(msgspec.Struct, frozen=True):
    """The attempt is refused until the second `until`. `budget` is exhausted."""

    until: int
    budget: Budget
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


class Buckets(NamedTuple):
    """The buckets that count an attempt. The first is the caller's own: a success clears it, and
    `rows`, which count failures in a row."""

    refusing: Mapping[str, Budget]
    slowing: Mapping[str, Budget] = {}
    rows: tuple[str, ...] = ()


def attempt(
    username: str, caller: Caller, now: int, *, user: str = ""
) -> Rule[Allowed | Throttled]:
    """Counts an attempt to sign in, if the budgets allow it. `user` is the id of the user with this
    name, "" for none."""
    buckets = _buckets(username, caller, user=user)
    return (yield from count(buckets, now, paid=caller.paid))


def attempt_factor(user: str, kind: str, caller: Caller, *, now: int) -> Rule[Allowed | Throttled]:
    """Counts an attempt to enter a code of a factor of this user, or of another kind of code that
    is short enough to guess. Strangers have one budget for each user and kind, and each known
    browser has its own: so a thief of the password can't lock out the user (ATTACKS A71). After
    IN_A_ROW it is `Throttled` with that budget, until `forgive_factor`."""
    allowed = yield from count(_factor_buckets(user, kind, caller), now)
    if isinstance(allowed, Allowed) and allowed.is_closed:
        return Throttled(now + WINDOW, IN_A_ROW)
    return allowed


def forgive_factor(user: str, kind: str, caller: Caller, *, now: int) -> tuple[Change, ...]:
    """Clears the caller's own counts after a correct code, and opens this kind to strangers."""
    opens = (Uncount(_of(_row(user, kind), CLEARED, now)),)
    return (*_forgiven(_factor_buckets(user, kind, caller), now), *opens)


def attempt_code(browser: str, address: str, now: int) -> Rule[Allowed | Throttled]:
    """Counts an attempt to enter a user code, by browser and network (RFC 8628 5.1)."""
    return (yield from count(_code_buckets(browser, address), now))


def forgive_code(browser: str, address: str, now: int) -> tuple[Change, ...]:
    """Clears the caller's own count after a correct code, and uncounts this attempt elsewhere."""
    return _forgiven(_code_buckets(browser, address), now)


def count(buckets: Buckets, now: int, *, paid: bool = False) -> Rule[Allowed | Throttled]:
    """Counts an attempt in every bucket, if all refusing buckets still allow it, or it is paid
    for."""
    queries = [One(Throttle, bucket) for bucket in buckets.refusing]
    results = yield tuple(queries)
    # Read first, so that a refused attempt is not counted.
    for want, budget in zip(queries, buckets.refusing.values(), strict=True):
        row = results.one(want)
        if not paid and row is not None and row.is_running(now) and row.tried >= budget.attempts:
            return Throttled(row.expires, budget)
    counts = [
        (Count(_of(bucket, 1, now)), budget)
        for bucket, budget in (*buckets.refusing.items(), *buckets.slowing.items())
    ]
    rows = [Count(_of(bucket, 1, now)) for bucket in buckets.rows]
    results = yield (*(each for each, _ in counts), *rows)
    wait = 0.0
    for each, budget in counts:
        counter = results.counter(each)
        if each.record.bucket in buckets.slowing:
            wait = max(wait, delay(counter.tried - budget.attempts))
        elif counter.tried > budget.attempts and not paid:
            # Parallel attempts used up the budget.
            back = tuple(Uncount(one.record) for one in (*(one for one, _ in counts), *rows))
            return Throttled(counter.expires, budget, back)
    own = results.counter(counts[0][0]).tried
    in_a_row = max(
        (results.counter(row).tried for row in rows if row.record.bucket != NOBODY), default=0
    )
    return Allowed(wait, own, in_a_row)


def failed(now: int) -> Count:
    """Counts a failed sign-in."""
    return Count(_of(FAILED, 1, now))


def forgive(username: str, caller: Caller, now: int, *, user: str = "") -> tuple[Change, ...]:
    """Clears the caller's own count after a success, and uncounts this attempt elsewhere, so that
    a busy office doesn't look like an attacker. Other callers' guesses still count. Opens the
    password of `user` to strangers again."""
    opens = reopen(user, now) if user and caller.browser else ()
    return (*_forgiven(_buckets(username, caller, user=user), now), *opens)


def take_back(username: str, caller: Caller, now: int) -> tuple[Change, ...]:
    """Takes back an attempt that nobody could judge, as a directory was away. It stays in the rows,
    and slows its network: a password here may have been compared, and an outage gives nobody more
    than IN_A_ROW guesses at it (ATTACKS A71)."""
    refusing = _buckets(username, caller, user="").refusing
    return tuple(Uncount(_of(bucket, 1, now)) for bucket in refusing)


def reopen(user: str, now: int) -> tuple[Change, ...]:
    """Opens the password of this user to strangers again. For when the user has proved who they
    are, by whatever way, or has a new password."""
    return (Uncount(_of(_row(user), CLEARED, now)),)


def is_closed(user: str, now: int) -> Rule[bool]:
    """Whether the password of this user is closed to strangers."""
    query = One(Throttle, _row(user))
    row = (yield (query,)).one(query)
    return row is not None and row.is_running(now) and row.tried >= IN_A_ROW.attempts


def unlock(username: str, user: str, rows: Iterable[Throttle], *, now: int) -> tuple[Change, ...]:
    """Clears everything that is counted against this account, out of these rows."""
    own = (
        *(f"{what} {account_of(username)}" for what in ("pair", "account", "browser")),
        *(f"{what} {user}" for what in ("row", "factor")),
    )
    return tuple(
        Uncount(_of(one.bucket, CLEARED, now))
        for one in rows
        if any(one.bucket == mine or one.bucket.startswith(f"{mine} ") for mine in own)
    )


def account_of(username: str) -> str:
    """The bucket name of an account: a digest, because people may type a password into the username
    field by mistake."""
    return hashlib.sha256(sign_in_name(username).encode()).hexdigest()[:32]


def delay(beyond: int) -> float:
    """The delay of an attempt that is this far beyond the budget of its network, in seconds."""
    return 0.0 if beyond <= 0 else min(LONGEST, STEP * -(-beyond // TEN))


def _forgiven(buckets: Buckets, now: int) -> tuple[Change, ...]:
    """Clears the caller's own bucket and its rows, and takes one attempt out of the others."""
    own, *others = (*buckets.refusing, *buckets.slowing)
    less = (
        (own, CLEARED),
        *((row, CLEARED) for row in buckets.rows if row != NOBODY),
        *((bucket, 1) for bucket in others),
    )
    return tuple(Uncount(_of(bucket, tried, now)) for bucket, tried in less)


def _of(bucket: str, tried: int, now: int) -> Throttle:
    lasts = LASTING if bucket.startswith("row ") and bucket != NOBODY else WINDOW
    return Throttle(bucket=bucket, tried=tried, since=now, expires=now + lasts)


def _row(*names: str) -> str:
    return " ".join(filter(None, ("row", *names)))


def _factor_buckets(user: str, kind: str, caller: Caller) -> Buckets:
    row = _row(user, kind, caller.browser)
    return Buckets({row.replace("row", "factor", 1): FACTOR}, rows=(row,))


def _code_buckets(browser: str, address: str) -> Buckets:
    own = f"code {browser[:32]} {network_of(address)}"
    return Buckets({own: CODE}, _slowing("code network", address, CODE_NETWORK))


def _buckets(username: str, caller: Caller, *, user: str) -> Buckets:
    account = account_of(username)
    row = _row(user, caller.browser) if user else NOBODY
    if caller.browser:
        return Buckets({f"browser {account} {caller.browser}": BROWSER}, rows=(row,))
    return Buckets(
        {
            f"pair {account} {network_of(caller.address)}": PAIR,
            f"account {account}": ACCOUNT,
        },
        _slowing("network", caller.address, NETWORK),
        (row,),
    )


def _slowing(what: str, address: str, budget: Budget) -> dict[str, Budget]:
    """The buckets of the networks of the address. Each network is counted, as the owner of a wide
    one has all the narrow ones in it."""
    return {
        f"{what} {network}": budget._replace(attempts=times * budget.attempts)
        for times, network in zip(WIDER, networks_of(address), strict=False)
    }
