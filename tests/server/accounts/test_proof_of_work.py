"""Proofs of work (ATTACKS A95): signed, for one account, good once, and soon over."""

from itertools import count
from os import urandom
from typing import Final

import pytest
from tests.rows import row

from valetkey.server.accounts import proof_of_work
from valetkey.server.accounts.proof_of_work import PARTS, SECONDS, Puzzle, fits, marker, spend
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring, RawKey
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.settle import settle

pytestmark = pytest.mark.anyio

NOW: Final = 1_700_000_000
ENV: Final = Env(NOW, urandom)
KEYS: Final = Keyring({}, (), (), (RawKey("a", urandom(32)),))
OTHERS: Final = Keyring({}, (), (), (RawKey("a", urandom(32)),))


@pytest.fixture(autouse=True)
def _easy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_of_work, "BITS", 4)


def solve(puzzle: Puzzle) -> str:
    """The numbers that solve it, as the page's script finds them."""
    return ".".join(_number(f"{puzzle.token}.{part}", puzzle.bits) for part in range(puzzle.parts))


def _number(prefix: str, bits: int) -> str:
    return next(str(n) for n in count() if fits(f"{prefix}.{n}", bits))


def judged(
    token: str, work: str, *, account: str = "miko", keyring: Keyring = KEYS, now: int = NOW
) -> SingleUse | None:
    return marker(token, work, account=account, keyring=keyring, now=now)


def test_a_solved_puzzle_counts_for_its_account_until_it_is_over() -> None:
    puzzle = proof_of_work.puzzle("miko", KEYS, ENV)
    work = solve(puzzle)
    assert judged(puzzle.token, work) is not None
    assert judged(puzzle.token, work, account="noor") is None
    assert judged(puzzle.token, work, keyring=OTHERS) is None
    assert judged(puzzle.token, work, now=NOW + SECONDS) is None


WRONG = [
    row("A95", "nothing", ""),
    row("A95", "guessed", ".".join(["7"] * (PARTS - 1) + ["x"])),
    row("A95", "too few", ".".join(["7"] * (PARTS - 1))),
    row("A95", "digits of another script", ".".join(["٣"] * PARTS)),
    row("A95", "without end", "1." * 100_000),
]


@pytest.mark.parametrize("work", WRONG)
def test_what_is_not_solved_counts_for_nothing(work: str) -> None:
    assert judged(proof_of_work.puzzle("miko", KEYS, ENV).token, work) is None


TOKENS = [
    row("A95", "empty", ""),
    row("A95", "made up", "1800000000.YWJj.YWJj"),
    row("A95", "beyond ASCII", "1800000000.YWJj.ä"),
    row("A95", "no number", "x.y.z"),
]


@pytest.mark.parametrize("token", TOKENS)
def test_a_made_up_puzzle_counts_for_nothing(token: str) -> None:
    assert judged(token, solve(Puzzle(token, 4))) is None


async def test_it_is_good_once() -> None:
    store = MemoryStore()
    puzzle = proof_of_work.puzzle("miko", KEYS, ENV)
    solved = judged(puzzle.token, solve(puzzle))

    class Spent:
        def __init__(self, first: bool) -> None:
            self.first, self.changes, self.events = first, (), ()

    def spending():  # type: ignore[no-untyped-def]
        return Spent((yield from spend(solved)))

    assert [(await settle(store, spending)).first for _ in range(2)] == [True, False]
