"""The pace of guessing (ATTACKS A71, A90)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.rows import row

from valetkey.accounts.sign_in import Candidate, candidate
from valetkey.accounts.throttle import (
    ACCOUNT,
    NETWORK,
    PAIR,
    WINDOW,
    Throttled,
    forgive,
    network_of,
)
from valetkey.model.guard import Throttle
from valetkey.model.want import Many
from valetkey.store.memory import MemoryStore
from valetkey.store.port import Store
from valetkey.store.settle import settle
from valetkey.store.sqlite import SQLiteStore

pytestmark = pytest.mark.anyio

NOW = 1_700_000_000
HOME = "192.0.2.0/24"


@pytest.fixture
def store() -> Store:
    return MemoryStore()


async def guess(store: Store, name: str = "miko", network: str = HOME, *, now: int = NOW) -> bool:
    """Whether the guess may be judged."""
    judged = await settle(store, lambda: candidate(name, network=network, now=now))
    return isinstance(judged, Candidate)


async def allowed(store: Store, *guesses: tuple[str, str]) -> int:
    return [await guess(store, *one) for one in guesses].count(True)


async def test_a_guesser_is_stopped_after_a_few(store: Store) -> None:
    assert await allowed(store, *[("miko", HOME)] * 20) == PAIR.attempts


async def test_the_owner_at_home_still_signs_in(store: Store) -> None:
    await allowed(store, *[("miko", "198.51.100.0/24")] * 20)
    assert await guess(store, "miko", HOME)


async def test_spelling_the_name_otherwise_wins_no_guesses(store: Store) -> None:
    names = ["miko", "MIKO", " Miko ", "miKo"] * 5
    assert await allowed(store, *((name, HOME) for name in names)) == PAIR.attempts


async def test_an_account_is_guarded_against_many_networks(store: Store) -> None:
    guesses = [("miko", f"10.0.{n}.0/24") for n in range(ACCOUNT.attempts + 20)]
    assert await allowed(store, *guesses) == ACCOUNT.attempts


async def test_a_network_cannot_try_one_password_on_everybody(store: Store) -> None:
    guesses = [(f"user{n}", HOME) for n in range(NETWORK.attempts + 20)]
    assert await allowed(store, *guesses) == NETWORK.attempts


async def test_after_the_window_it_begins_anew(store: Store) -> None:
    await allowed(store, *[("miko", HOME)] * 10)
    assert not await guess(store, now=NOW + WINDOW - 1)
    assert await guess(store, now=NOW + WINDOW)


async def test_a_refusal_says_until_when(store: Store) -> None:
    await allowed(store, *[("miko", HOME)] * 10)
    judged = await settle(store, lambda: candidate("miko", network=HOME, now=NOW + 5))
    assert isinstance(judged, Throttled)
    assert judged.until == NOW + WINDOW


async def test_a_refused_guess_does_not_lengthen_the_wait(store: Store) -> None:
    """Else whoever goes on guessing would keep the owner out."""
    await allowed(store, *[("miko", HOME)] * 10)
    for second in range(0, WINDOW, 60):
        await guess(store, now=NOW + second)
    assert await guess(store, now=NOW + WINDOW)


async def succeed(store: Store, name: str, network: str) -> None:
    await store.commit(forgive(name, network, NOW))


async def test_the_owners_slips_are_forgiven_after_a_success(store: Store) -> None:
    await allowed(store, *[("miko", HOME)] * (PAIR.attempts - 1))
    await succeed(store, "miko", HOME)
    assert await allowed(store, *[("miko", HOME)] * 20) == PAIR.attempts


async def test_the_guesses_of_others_are_not_forgiven(store: Store) -> None:
    elsewhere = "198.51.100.0/24"
    await allowed(store, *[("miko", elsewhere)] * 20)
    await succeed(store, "miko", HOME)
    assert not await guess(store, "miko", elsewhere)


async def test_nobodys_name_is_counted_like_somebodys(store: Store) -> None:
    """ATTACKS A70: the throttle is no oracle; and it keeps no name, which may be a password."""
    await guess(store, "hunter2 typed in the wrong field", HOME)
    wanted = Many(Throttle)
    rows = (await store.read(wanted)).many(wanted)
    assert len(rows) == 3
    assert "hunter2" not in repr(rows)


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Store]:
    opened = SQLiteStore(tmp_path / "valetkey.db")
    yield opened
    await opened.close()


async def test_guesses_made_in_parallel_win_nothing(shared: Store) -> None:
    """Fifty at once: the budget is judged, the rest is refused, and nobody loses a race."""
    outcomes = await asyncio.gather(*(guess(shared) for _ in range(50)))
    assert outcomes.count(True) == PAIR.attempts
    assert not await guess(shared)


NETWORKS = [
    row("A90", "version 4", "192.0.2.77", "192.0.2.0/24"),
    row("A90", "its neighbour in the network", "192.0.2.78", "192.0.2.0/24"),
    row("A90", "another network", "192.0.3.77", "192.0.3.0/24"),
    row("A90", "version 6", "2001:db8:1:2ff::1", "2001:db8:1:200::/56"),
    row("A90", "version 6, written otherwise", "2001:DB8:1:2:0:0:0:1", "2001:db8:1::/56"),
    row("A90", "version 4 within version 6", "::ffff:192.0.2.77", "192.0.2.0/24"),
    row("A90", "with a zone", "fe80::1%eth0", "fe80::/56"),
    row("A90", "a name", "localhost", "unknown"),
    row("A90", "empty", "", "unknown"),
    row("A90", "a port", "192.0.2.77:80", "unknown"),
    row("A90", "a number", "3221225985", "unknown"),
    row("A90", "octal", "192.0.02.77", "unknown"),
]


@pytest.mark.parametrize("address,network", NETWORKS)
def test_the_network_that_guesses_are_counted_by(address: str, network: str) -> None:
    assert network_of(address) == network


async def test_a_busy_office_is_no_guesser(store: Store) -> None:
    """Sign-ins that succeed use up no budget, however many come from one network."""
    for number in range(2 * NETWORK.attempts):
        name = f"person {number % 7}"
        assert await guess(store, name, HOME)
        await succeed(store, name, HOME)
