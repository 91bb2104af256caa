"""A71: brute force.

Attack: An attacker tries many passwords.
Defense: The server counts attempts before it checks them, and doesn't lock the owner out.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from tests.attacks.play import expire
from tests.browser import Browser
from tests.installation import PASSWORDS
from tests.live import Live, live

from valetkey.server.accounts import password
from valetkey.server.accounts.throttle import ACCOUNT, NETWORK, PAIR, STEP, WINDOW
from valetkey.server.http.waiting_room import Delay
from valetkey.server.model.counters import Throttle


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server behind a proxy that tells it who calls."""
    folder = tmp_path_factory.mktemp("proxied")
    with live(folder, trusted_proxies=("127.0.0.0/8",)) as server:
        yield server


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that trusts no proxy."""
    with live(tmp_path_factory.mktemp("bare")) as server:
        yield server


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by one for each password that is looked at."""
    seen: list[str] = []
    real = password.fits

    def counted(given: Any, kept: str) -> bool:
        seen.append(kept)
        return real(given, kept)

    monkeypatch.setattr(password, "fits", counted)
    return seen


@pytest.fixture(autouse=True)
def _forgotten(request: pytest.FixtureRequest) -> None:
    """Each test begins with nothing counted."""
    for name in ("proxied", "bare"):
        if name in request.fixturenames:
            forget(request.getfixturevalue(name))


def forget(server: Live) -> None:
    """Ends all that is counted."""
    expire(server, Throttle)


def at(server: Live, address: str) -> Browser:
    """A browser at that address, before the sign-in form."""
    browser = server.browser(**{"x-forwarded-for": address})
    browser.open("/sign-in")
    return browser


def guess(browser: Browser, name: str, word: str, **headers: str) -> httpx2.Response:
    """One try, by the form that the browser has."""
    sent = {**browser.form("sign-in").fields, "username": name, "password": word}
    return browser.http.post("/sign-in", data=sent, headers=headers)


def test_fifty_at_once_are_counted_like_fifty_in_turn(proxied: Live, judged: list[str]) -> None:
    owner = at(proxied, "198.51.100.7")
    assert guess(owner, "miko", PASSWORDS["miko"]).status_code == 303
    thief = at(proxied, "203.0.113.9")
    judged.clear()
    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(lambda n: guess(thief, "miko", f"guess {n}"), range(50)))
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {400: PAIR.attempts, 429: 50 - PAIR.attempts}
    assert len(judged) == PAIR.attempts

    judged.clear()
    late = guess(thief, "miko", PASSWORDS["miko"])
    assert (late.status_code, judged) == (429, []), "even the right one is not looked at now"
    assert 0 < int(late.headers["retry-after"]) <= WINDOW

    assert owner.open("/apps").status_code == 200
    assert owner.page.url.path == "/apps", "the owner's live session goes on"
    home = at(proxied, "198.51.100.8")
    assert guess(home, "miko", PASSWORDS["miko"]).status_code == 303, "and the owner signs in"


def test_a_neighbour_in_the_network_counts_with_the_guesser(proxied: Live) -> None:
    for number in range(PAIR.attempts):
        assert guess(at(proxied, f"203.0.113.{number}"), "miko", "x").status_code == 400
    assert guess(at(proxied, "203.0.113.200"), "miko", "x").status_code == 429
    assert guess(at(proxied, "203.0.114.1"), "miko", "x").status_code == 400


def test_version_6_counts_by_the_network_of_a_house(proxied: Live) -> None:
    for number in range(PAIR.attempts):
        address = f"2001:db8:0:ff{number:02x}::{number:x}"
        assert guess(at(proxied, address), "miko", "x").status_code == 400
    assert guess(at(proxied, "2001:db8:0:ffff::1"), "miko", "x").status_code == 429
    assert guess(at(proxied, "::ffff:203.0.113.1"), "miko", "x").status_code == 400


def test_the_name_in_another_spelling_is_the_same_account(proxied: Live) -> None:
    thief = at(proxied, "203.0.113.9")
    for name in ("miko", "MIKO", " miko ", "Miko", "mIkO"):
        assert guess(thief, name, "x").status_code == 400
    assert guess(thief, "miko", PASSWORDS["miko"]).status_code == 429


def test_many_networks_share_what_the_account_allows(proxied: Live, judged: list[str]) -> None:
    """A guesser with many addresses gets fifty guesses in a window, not five for each."""
    owner = at(proxied, "198.51.100.7")
    assert guess(owner, "miko", PASSWORDS["miko"]).status_code == 303
    judged.clear()
    thieves = [at(proxied, f"203.0.{number}.1") for number in range(13)]
    statuses = [
        guess(thief, "miko", "x").status_code for thief in thieves for _ in range(PAIR.attempts)
    ]
    assert len(judged) == ACCOUNT.attempts  # The owner's own sign-in is not one of them.
    assert statuses.count(429) == len(statuses) - len(judged)
    assert owner.open("/apps").url.path == "/apps"


def test_one_network_cannot_try_one_word_on_everybody(
    proxied: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits ever longer, and nobody else does."""
    waits: list[tuple[str, float]] = []
    real = Delay.wait

    async def noted(self: Delay, seconds: float, address: str) -> None:
        waits.append((address, seconds))
        await real(self, min(seconds, 0.001), address)

    monkeypatch.setattr(Delay, "wait", noted)
    thief = at(proxied, "203.0.113.9")
    for number in range(NETWORK.attempts + 25):
        assert guess(thief, f"user{number}", "hunter2").status_code == 400
    seconds = [wait for _, wait in waits]
    assert seconds == [*[0.0] * NETWORK.attempts, *[STEP] * 10, *[2 * STEP] * 10, *[3 * STEP] * 5]
    waits.clear()
    assert guess(at(proxied, "198.51.100.7"), "noor", PASSWORDS["noor"]).status_code == 303
    assert waits == [("198.51.100.7", 0.0)]


def test_the_owners_own_slips_are_forgiven_by_a_success(proxied: Live) -> None:
    owner = at(proxied, "198.51.100.7")
    for _ in range(2):
        for _ in range(PAIR.attempts - 1):
            assert guess(owner, "miko", "slip").status_code == 400
        assert guess(owner, "miko", PASSWORDS["miko"]).status_code == 303


def test_a_success_elsewhere_forgives_no_guesser(proxied: Live) -> None:
    thief = at(proxied, "203.0.113.9")
    for _ in range(PAIR.attempts):
        guess(thief, "miko", "x")
    assert guess(at(proxied, "198.51.100.7"), "miko", PASSWORDS["miko"]).status_code == 303
    assert guess(thief, "noor", PASSWORDS["noor"]).status_code == 303
    assert guess(thief, "miko", "x").status_code == 429


def test_the_window_ends(proxied: Live) -> None:
    thief = at(proxied, "203.0.113.9")
    statuses = [guess(thief, "miko", "x").status_code for _ in range(PAIR.attempts + 1)]
    assert statuses[-1] == 429
    forget(proxied)
    assert guess(thief, "miko", PASSWORDS["miko"]).status_code == 303


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip", "client-ip"])
def test_a_made_up_address_buys_no_guess(header: str, bare: Live, judged: list[str]) -> None:
    browser = bare.browser()
    browser.open("/sign-in")
    statuses: list[int] = []
    for number in range(PAIR.attempts + 5):
        spoofed = f"for=203.0.{number}.1" if header == "forwarded" else f"203.0.{number}.1"
        statuses.append(guess(browser, "miko", "x", **{header: spoofed}).status_code)
    assert statuses[-5:] == [429] * 5
    assert len(judged) == PAIR.attempts


def test_what_a_caller_writes_before_the_proxy_does_counts_for_nothing(
    proxied: Live, judged: list[str]
) -> None:
    thief = at(proxied, "203.0.113.9")
    judged.clear()
    statuses: list[int] = []
    for number in range(PAIR.attempts + 5):
        chain = f"198.51.{number}.1, 203.0.113.9"
        statuses.append(guess(thief, "miko", "x", **{"x-forwarded-for": chain}).status_code)
    assert statuses[-5:] == [429] * 5
    assert len(judged) == PAIR.attempts


@pytest.mark.parametrize("written", ["", "unknown", "evil, evil", "1.2.3.4:80", "[::1]", "a" * 999])
def test_an_address_that_cannot_be_read_is_counted_too(
    written: str, proxied: Live, judged: list[str]
) -> None:
    browser = at(proxied, written)
    judged.clear()
    statuses = [guess(browser, "miko", "x").status_code for _ in range(PAIR.attempts + 2)]
    assert statuses[-2:] == [429] * 2
    assert len(judged) == PAIR.attempts
