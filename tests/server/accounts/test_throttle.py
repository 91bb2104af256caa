"""The pace of guessing (ATTACKS A71, A90).

A90: spoofed address for a throttle.

Attack: A caller forges `X-Forwarded-For` so that each attempt seems to come from another address.
Defense: The server counts the address that a trusted proxy reports.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.rows import row

from valetkey.server.accounts.sign_in import Candidate, candidate
from valetkey.server.accounts.throttle import (
    ACCOUNT,
    BROWSER,
    LONGEST,
    NETWORK,
    PAIR,
    STEP,
    WINDOW,
    Caller,
    Throttled,
    forgive,
)
from valetkey.server.model.counters import Throttle, network_of
from valetkey.server.model.query import Many
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.port import Store
from valetkey.server.store.settle import settle
from valetkey.server.store.sqlite.store import SQLiteStore

pytestmark = pytest.mark.anyio

NOW = 1_700_000_000
HOME = "192.0.2.7"
ELSEWHERE = "198.51.100.7"


@pytest.fixture
def store() -> Store:
    return MemoryStore()


async def judged(
    store: Store, name: str = "miko", address: str = HOME, *, browser: str = "", now: int = NOW
) -> Candidate | Throttled:
    """What becomes of a guess. `browser` is the name of one that is known."""
    caller = Caller(address, browser)
    return await settle(store, lambda: candidate(name, caller=caller, now=now))


async def guess(store: Store, name: str = "miko", address: str = HOME, *, now: int = NOW) -> bool:
    """Whether the guess may be judged."""
    return isinstance(await judged(store, name, address, now=now), Candidate)


async def allowed(store: Store, *guesses: tuple[str, str]) -> int:
    return [await guess(store, *one) for one in guesses].count(True)


async def test_a_guesser_is_stopped_after_a_few(store: Store) -> None:
    assert await allowed(store, *[("miko", HOME)] * 20) == PAIR.attempts


async def test_the_owner_at_home_still_signs_in(store: Store) -> None:
    await allowed(store, *[("miko", ELSEWHERE)] * 20)
    assert await guess(store, "miko", HOME)


async def test_spelling_the_name_otherwise_wins_no_guesses(store: Store) -> None:
    names = ["miko", "MIKO", " Miko ", "miKo"] * 5
    assert await allowed(store, *((name, HOME) for name in names)) == PAIR.attempts


async def test_an_account_is_guarded_against_many_networks(store: Store) -> None:
    guesses = [("miko", f"10.0.{n}.1") for n in range(ACCOUNT.attempts + 20)]
    assert await allowed(store, *guesses) == ACCOUNT.attempts


async def test_a_network_that_tries_much_waits_ever_longer(store: Store) -> None:
    waits = []
    for number in range(NETWORK.attempts + 400):
        found = await judged(store, f"user{number}", HOME)
        assert isinstance(found, Candidate), "nothing that others share refuses"
        waits.append(found.wait)
    assert waits[: NETWORK.attempts] == [0.0] * NETWORK.attempts
    beyond = waits[NETWORK.attempts :]
    assert beyond == sorted(beyond)
    assert (beyond[0], beyond[-1]) == (STEP, LONGEST)
    elsewhere = await judged(store, "noor", ELSEWHERE)
    assert isinstance(elsewhere, Candidate)
    assert elsewhere.wait == 0.0


WIDE = [
    row("A95", "a /64", 1, lambda n: f"2001:db8:0:1::{n:x}"),
    row("A95", "a /56", 2, lambda n: f"2001:db8:0:{n % 256:x}::1"),
    row("A95", "a /48", 4, lambda n: f"2001:db8:0:{n:x}::1"),
    row("A95", "a /32", 16, lambda n: f"2001:db8:{n:x}::1"),
]


@pytest.mark.parametrize("times,address", WIDE)
async def test_whoever_has_a_wide_network_waits_as_well(
    store: Store, times: int, address: Callable[[int], str]
) -> None:
    many = times * NETWORK.attempts
    for number in range(many):
        found = await judged(store, f"user{number}", address(number * 256 // many + number))
        assert isinstance(found, Candidate)
        assert found.wait == 0.0, number
    found = await judged(store, "noor", address(7))
    assert isinstance(found, Candidate)
    assert found.wait == STEP
    neighbour = await judged(store, "noor", "2001:db9::1")
    assert isinstance(neighbour, Candidate)
    assert neighbour.wait == 0.0


async def test_a_known_browser_has_a_budget_that_no_stranger_uses_up(store: Store) -> None:
    await allowed(store, *[("miko", f"10.0.{n}.1") for n in range(ACCOUNT.attempts)])
    await allowed(store, *[("miko", HOME)] * 9)
    assert not await guess(store, "miko", HOME)
    for _ in range(BROWSER.attempts):
        found = await judged(store, "miko", HOME, browser="a")
        assert isinstance(found, Candidate)
        assert found.wait == 0.0
    refused = await judged(store, "miko", HOME, browser="a")
    assert isinstance(refused, Throttled)
    assert refused.budget is BROWSER
    assert isinstance(await judged(store, "miko", HOME, browser="b"), Candidate)


async def test_a_known_browser_uses_up_nobody_elses_budget(store: Store) -> None:
    for _ in range(BROWSER.attempts):
        await judged(store, "miko", HOME, browser="a")
    assert await allowed(store, *[("miko", HOME)] * 9) == PAIR.attempts


async def test_after_the_window_it_begins_anew(store: Store) -> None:
    await allowed(store, *[("miko", HOME)] * 10)
    assert not await guess(store, now=NOW + WINDOW - 1)
    assert await guess(store, now=NOW + WINDOW)


async def test_a_refusal_says_until_when(store: Store) -> None:
    await allowed(store, *[("miko", HOME)] * 10)
    refused = await judged(store, "miko", HOME, now=NOW + 5)
    assert isinstance(refused, Throttled)
    assert refused.until == NOW + WINDOW


async def test_a_refused_guess_does_not_lengthen_the_wait(store: Store) -> None:
    """Else whoever goes on guessing would keep the owner out."""
    await allowed(store, *[("miko", HOME)] * 10)
    for second in range(0, WINDOW, 60):
        await guess(store, now=NOW + second)
    assert await guess(store, now=NOW + WINDOW)


async def succeed(store: Store, name: str, address: str) -> None:
    await store.commit(forgive(name, Caller(address), NOW))


async def test_the_owners_slips_are_forgiven_after_a_success(store: Store) -> None:
    await allowed(store, *[("miko", HOME)] * (PAIR.attempts - 1))
    await succeed(store, "miko", HOME)
    assert await allowed(store, *[("miko", HOME)] * 20) == PAIR.attempts


async def test_the_guesses_of_others_are_not_forgiven(store: Store) -> None:
    elsewhere = ELSEWHERE
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
    row("A95", "a port", "192.0.2.77:80", "192.0.2.0/24"),
    row("A95", "a port, version 6", "[2001:db8:1:2ff::1]:443", "2001:db8:1:200::/56"),
    row("A95", "brackets", "[2001:db8:1:2ff::1]", "2001:db8:1:200::/56"),
    row("A95", "quotes", '"[2001:db8:1:2ff::1]:443"', "2001:db8:1:200::/56"),
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
        found = await judged(store, name, HOME)
        assert isinstance(found, Candidate)
        assert found.wait == 0.0
        await succeed(store, name, HOME)
