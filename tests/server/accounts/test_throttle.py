"""The pace of guessing (ATTACKS A71, A90).

A90: spoofed address for a throttle.

Attack: A caller forges `X-Forwarded-For` so that each attempt seems to come from another address.
Defense: The server counts the address that a trusted proxy reports.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from os import urandom
from pathlib import Path

import pytest
from tests.rows import row

from valetkey.server.accounts.sign_in import Candidate, candidate, unjudged
from valetkey.server.accounts.throttle import (
    ACCOUNT,
    BROWSER,
    FACTOR,
    IN_A_ROW,
    LONGEST,
    NETWORK,
    PAIR,
    STEP,
    WINDOW,
    Allowed,
    Caller,
    Throttled,
    attempt_factor,
    forgive,
    forgive_factor,
    reopen,
    unlock,
)
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.counters import Throttle, network_of
from valetkey.server.model.environment import Env
from valetkey.server.model.query import Many
from valetkey.server.model.user import User
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


@pytest.mark.parametrize("browser", ["", "known"])
async def test_an_outage_of_the_directory_counts_for_nothing(store: Store, browser: str) -> None:
    for _ in range(2 * ACCOUNT.attempts):
        assert isinstance(await judged(store, browser=browser), Candidate)
        await take_it_back(store, browser=browser)
    assert isinstance(await judged(store, browser=browser), Candidate)


@pytest.mark.parametrize("browser", ["", "known"])
async def test_an_outage_gives_nobody_endless_guesses_at_a_password_here(
    store: Store, browser: str
) -> None:
    """A71: it was compared before the directory was asked."""
    user = User(id=ids.user_id(Env(NOW, urandom)), username="miko", password="stored")
    await store.commit([Create(user)])
    compared = []
    for _ in range(2 * IN_A_ROW.attempts):
        attempt = await judged(store, browser=browser)
        assert isinstance(attempt, Candidate)
        compared.append(attempt.password_hash != "")
        await take_it_back(store, browser=browser)
    assert compared == [True] * IN_A_ROW.attempts + [False] * IN_A_ROW.attempts


async def take_it_back(store: Store, *, browser: str) -> None:
    caller = Caller(HOME, browser)
    await settle(store, lambda: unjudged("miko", caller, Env(NOW, urandom)))


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
    assert len(rows) == 4
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


MIKO = User(id=ids.user_id(Env(NOW, urandom)), username="miko", password="$argon2id$…")


async def fail(store: Store, times: int, *, browser: str = "") -> list[Candidate]:
    """Guesses that are all judged: each from another network, and paid for."""
    found = []
    for number in range(times):
        caller = Caller(f"10.{number // 256}.{number % 256}.1", browser, paid=True)
        found.append(await settle(store, lambda: candidate("miko", caller=caller, now=NOW)))  # noqa: B023
    assert all(isinstance(one, Candidate) for one in found)
    return [one for one in found if isinstance(one, Candidate)]


async def is_open(store: Store, browser: str = "", *, now: int = NOW) -> bool:
    """Whether the right password would do."""
    caller = Caller("198.51.100.7", browser, paid=True)
    found = await settle(store, lambda: candidate("miko", caller=caller, now=now))
    assert isinstance(found, Candidate)
    assert found.is_closed is (found.user is None)
    return found.user is not None


async def test_a_hundred_failures_in_a_row_close_a_password_to_strangers(store: Store) -> None:
    """ATTACKS A71: it stays closed, whatever the windows do, and known browsers don't notice."""
    await store.commit([Create(MIKO)])
    found = await fail(store, IN_A_ROW.attempts)
    assert [one.closes for one in found] == [*[False] * 99, True]
    assert not any(one.is_closed for one in found)
    assert not await is_open(store)
    assert not await is_open(store, now=NOW + 300 * 86400)
    assert await is_open(store, "a")
    await store.commit(forgive("miko", Caller(HOME, "a"), NOW, user=MIKO.id))
    assert await is_open(store)


async def test_a_stolen_cookie_is_good_for_a_hundred_guesses(store: Store) -> None:
    await store.commit([Create(MIKO)])
    await fail(store, IN_A_ROW.attempts, browser="a")
    assert not await is_open(store, "a")
    assert await is_open(store, "b")
    assert await is_open(store)


async def test_a_success_ends_the_row(store: Store) -> None:
    await store.commit([Create(MIKO)])
    await fail(store, IN_A_ROW.attempts - 1)
    await store.commit(forgive("miko", Caller(HOME), NOW, user=MIKO.id))
    await fail(store, IN_A_ROW.attempts - 1)
    assert await is_open(store)


async def test_another_way_or_the_operator_opens_it(store: Store) -> None:
    await store.commit([Create(MIKO)])
    await fail(store, IN_A_ROW.attempts)
    await store.commit(reopen(MIKO.id, NOW))
    assert await is_open(store)
    await fail(store, IN_A_ROW.attempts)
    wanted = Many(Throttle)
    rows = (await store.read(wanted)).many(wanted)
    other = User(id=ids.user_id(Env(NOW, urandom)), username="noor")
    assert unlock("noor", other.id, rows, now=NOW) == ()
    await store.commit(unlock("miko", MIKO.id, rows, now=NOW))
    assert await guess(store, "miko")
    assert await is_open(store)


async def test_nobody_has_no_row_of_their_own(store: Store) -> None:
    """Else strangers could fill the database, as rows stay."""
    for number in range(300):
        await guess(store, f"nobody {number}", f"10.0.{number % 256}.1")
    wanted = Many(Throttle)
    rows = (await store.read(wanted)).many(wanted)
    assert max(row.expires for row in rows) == NOW + WINDOW


async def coded(store: Store, browser: str = "", *, now: int = NOW) -> Allowed | Throttled:
    """What becomes of a guessed code."""
    caller = Caller(HOME, browser)
    return await settle(store, lambda: attempt_factor(MIKO.id, "totp", caller, now=now))


async def test_whoever_has_the_password_cannot_lock_the_owner_out_of_the_code(store: Store) -> None:
    """ATTACKS A71."""
    for _ in range(FACTOR.attempts):
        assert isinstance(await coded(store), Allowed)
    refused = await coded(store)
    assert isinstance(refused, Throttled)
    assert (refused.budget, refused.until) == (FACTOR, NOW + WINDOW)
    assert isinstance(await coded(store, "a"), Allowed)
    assert isinstance(await coded(store, now=NOW + WINDOW), Allowed)


async def test_codes_close_to_strangers_after_a_hundred(store: Store) -> None:
    for number in range(IN_A_ROW.attempts):
        assert isinstance(await coded(store, now=NOW + number * WINDOW), Allowed)
    late = NOW + 1000 * WINDOW
    refused = await coded(store, now=late)
    assert isinstance(refused, Throttled)
    assert refused.budget is IN_A_ROW
    assert isinstance(await coded(store, "a", now=late), Allowed)
    await store.commit(forgive_factor(MIKO.id, "totp", Caller(HOME, "a"), now=late))
    assert isinstance(await coded(store, now=late + WINDOW), Allowed)
