"""A70: account enumeration, by the time of a refusal.

Attack: An attacker measures how long the server takes to refuse a sign-in.
Defense: Known, unknown, disabled and imported accounts, those without a password, and those that
too many failures have closed to strangers, are refused after the same time.
"""

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path
from statistics import NormalDist, median
from typing import Final

import pytest
from tests.attacks.test_a71_brute_force import at, guess
from tests.live import Live, live
from tests.promises.conftest import Budget, Figure
from tests.rows import row

from valetkey.server.accounts.password import UNUSED_HASH
from valetkey.server.accounts.sign_in import MARKER
from valetkey.server.accounts.throttle import IN_A_ROW, LASTING
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.counters import Throttle
from valetkey.server.model.environment import Env
from valetkey.server.model.user import User

EACH: Final[dict[Budget, int]] = {"short": 10, "long": 400}
"""Refusals of each kind."""

AT_ONCE: Final = 12
"""Callers: most of the time, each waits for the end of its refusal."""

ROUNDS: Final = 3
LEAST: Final = 0.01
"""A difference by chance is as improbable as this. A real one shows in each of ROUNDS."""

PBKDF2: Final = (
    "$pbkdf2-sha256$i=600000$c2FsdHNhbHRzYWx0c2FsdA$CiPYW/fcVg7vFiHh5Vow/7/wW7GcIE3uvsb1Q6pQmQM"
)


def p_value(one: Sequence[float], other: Sequence[float]) -> float:
    """Mann-Whitney's test, two-sided, by its normal approximation."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks = sum(rank for rank, (_, which) in enumerate(ranked, 1) if which == 0)
    first, second = len(one), len(other)
    mean = first * (first + second + 1) / 2
    spread = (first * second * (first + second + 1) / 12) ** 0.5
    return 2 * (1 - NormalDist().cdf(abs(ranks - mean) / spread))


def test_the_statistic() -> None:
    drawn = random.Random(7)
    same = [[drawn.gauss(1, 0.1) for _ in range(400)] for _ in range(2)]
    assert p_value(*same) > LEAST
    assert p_value(same[0], [value + 0.03 for value in same[1]]) < LEAST


def _users(kind: str, number: int) -> list[User]:
    env = Env(int(time.time()), random.randbytes)
    stored = {"imported": PBKDF2, "without": ""}.get(kind, UNUSED_HASH)
    return [
        User(
            id=ids.user_id(env),
            username=f"{kind}{n}",
            password=stored,
            status="disabled" if kind == "disabled" else "active",
        )
        for n in range(number)
    ]


PORTION: Final = 200
"""Records of a commit: thousands in one would keep the database from everybody."""


def put(server: Live, changes: Sequence[Create]) -> None:
    """Stores the records, a few at a time."""
    for first in range(0, len(changes), PORTION):
        server.run(server.store.commit(changes[first : first + PORTION]))


def _closing(users: Sequence[User]) -> list[Create]:
    """The counters of a hundred failures in a row, for those that are closed to strangers."""
    now = int(time.time())
    tried, expires = IN_A_ROW.attempts, now + LASTING
    return [
        Create(Throttle(bucket=f"row {one.id}", tried=tried, since=now, expires=expires))
        for one in users
        if one.username.startswith("closed")
    ]


HERE = ("known", "unknown", "disabled", "closed", "without")
KINDS = [
    row("A70", "none is imported", HERE),
    row("A70", "some are imported", (*HERE, "imported")),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with live(tmp_path, trusted_proxies=("127.0.0.0/8",)) as running:
        yield running


@pytest.mark.parametrize("kinds", KINDS)
def test_refusals_take_the_same_time(
    kinds: tuple[str, ...], server: Live, budget: Budget, figure: Figure
) -> None:
    each = EACH[budget]
    users = [one for kind in kinds if kind != "unknown" for one in _users(kind, ROUNDS * each)]
    put(server, [*map(Create, users), *_closing(users)])
    if "imported" in kinds:
        server.run(server.store.commit([Create(MARKER)]))
    suspects: set[tuple[str, str]] = set(combinations(kinds, 2))
    for number in range(ROUNDS):
        times = _measured(server, kinds, range(number * each, (number + 1) * each))
        found = {pair: p_value(times[pair[0]], times[pair[1]]) for pair in sorted(suspects)}
        figure("A70", {"medians": {kind: median(times[kind]) for kind in kinds}, "p": str(found)})
        suspects = {pair for pair, p in found.items() if p <= LEAST}
        if not suspects:
            return
    raise AssertionError(f"the time tells them apart: {suspects}")


def _measured(server: Live, kinds: Sequence[str], numbers: range) -> dict[str, list[float]]:
    """The seconds that refusals took, by kind: in random order, each from a network of its own."""
    attempts = [(kind, number) for kind in kinds for number in numbers]
    random.shuffle(attempts)
    browsers = [at(server, "198.51.100.7") for _ in range(AT_ONCE)]
    times: dict[str, list[float]] = {kind: [] for kind in kinds}

    def share(first: int) -> None:
        for place in range(first, len(attempts), len(browsers)):
            kind, number = attempts[place]
            address = f"10.{number // 256}.{number % 256}.{kinds.index(kind)}"
            began = time.perf_counter()
            answer = guess(
                browsers[first], f"{kind}{number}", "wrong", **{"x-forwarded-for": address}
            )
            took = time.perf_counter() - began
            if answer.status_code == 503:  # The disk was too slow, which it is for all.
                continue
            times[kind].append(took)
            assert answer.status_code == 400

    with ThreadPoolExecutor(len(browsers)) as pool:
        list(pool.map(share, range(len(browsers))))
    assert all(len(one) > 0.9 * len(numbers) for one in times.values())
    return times
