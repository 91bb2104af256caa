"""A95: locking others out.

Attack: An attacker fails to sign in so often that the throttle refuses honest users.
Defense: Failures slow the attacker down, don't refuse other users, and appear in the log.
"""

import asyncio
import ipaddress
import itertools
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.play import every, expire
from tests.attacks.test_a71_brute_force import at, guess
from tests.browser import Browser
from tests.installation import PASSWORDS
from tests.live import Live, live
from tests.rows import row

from valetkey.server.accounts import password, proof_of_work
from valetkey.server.accounts.sign_in import Candidate, candidate, refused
from valetkey.server.accounts.throttle import ACCOUNT, BROWSER, FAILED, PAIR, Caller
from valetkey.server.http import log
from valetkey.server.http.front import caller
from valetkey.server.http.request import Request
from valetkey.server.http.sign_in_failures import HIDDEN, MANY
from valetkey.server.http.waiting_room import Delay
from valetkey.server.model.change import Count
from valetkey.server.model.counters import Throttle
from valetkey.server.model.environment import Env
from valetkey.server.store.port import Store
from valetkey.server.store.settle import settle

MIKO = PASSWORDS["miko"]
NOOR = PASSWORDS["noor"]


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server behind a proxy that tells it who calls."""
    folder = tmp_path_factory.mktemp("proxied")
    with live(folder, trusted_proxies=("127.0.0.0/8",)) as server:
        yield server


@pytest.fixture
def hidden(tmp_path: Path) -> Iterator[Live]:
    """A server behind a proxy that nobody trusts."""
    with live(tmp_path) as server:
        yield server


@pytest.fixture(autouse=True)
def _hasty(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is counted yet, and waits are short; how long they are is told elsewhere."""
    real, fits = Delay.wait, password.fits
    # Hundreds of wrong ones: what looking at them takes is told elsewhere.
    monkeypatch.setattr(
        password, "fits", lambda given, kept: given.reveal() != "x" and fits(given, kept)
    )

    async def short(self: Delay, seconds: float, address: str) -> None:
        await real(self, min(seconds, 0.001), address)

    monkeypatch.setattr(Delay, "wait", short)
    if "proxied" in request.fixturenames:
        expire(request.getfixturevalue("proxied"), Throttle)


def strangers_fail(server: Live, addresses: list[str], *, names: int = 1000) -> None:
    """Each guesses once, at one account after the other."""
    browser = at(server, addresses[0])
    for number, address in enumerate(addresses):
        answer = guess(browser, f"user{number % names}", "x", **{"x-forwarded-for": address})
        assert answer.status_code == 400


CROWDS: list[Any] = [
    row("A95", "12 networks", [f"10.0.{n % 12}.1" for n in range(300)]),
    row("A95", "160 networks", [f"10.0.{n % 160}.1" for n in range(320)]),
    row("A95", "one IPv6 /48", [f"2001:db8:7:{n:x}::1" for n in range(450)]),
    row("A95", "one network", ["203.0.113.9"] * 150),
    row("A95", "ports behind addresses", [f"203.0.113.9:{n}" for n in range(1024, 1174)]),
]


@pytest.mark.parametrize("addresses", CROWDS)
def test_others_sign_in_while_strangers_fail(addresses: list[str], proxied: Live) -> None:
    """From another network and from the same one, in browsers that nobody knows."""
    strangers_fail(proxied, addresses)
    assert guess(at(proxied, "198.51.100.7"), "miko", MIKO).status_code == 303
    assert guess(at(proxied, addresses[-1]), "noor", NOOR).status_code == 303


def test_others_sign_in_while_4096_networks_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule counts what they try, in the store of the server at which others sign in: over HTTP
    they would take a minute."""
    waits: dict[str, float] = {}

    async def noted(self: Delay, seconds: float, address: str) -> None:
        waits[address] = seconds

    monkeypatch.setattr(Delay, "wait", noted)
    with live(tmp_path, trusted_proxies=("127.0.0.0/8",)) as server:
        strangers = [f"10.{n // 256}.{n % 256}.1" for n in range(4096)]
        assert server.run(_fail(server.store, strangers)) == {Candidate}
        counters = {one.bucket: one.tried for one in every(server, Throttle)}
        assert counters[FAILED] == len(strangers)
        assert sum(bucket.startswith("network") for bucket in counters) == len(strangers)
        for address, name, word in (("198.51.100.7", "miko", MIKO), (strangers[-1], "noor", NOOR)):
            assert guess(at(server, address), name, word).status_code == 303
            assert waits[address] == 0.0


async def _fail(store: Store, addresses: list[str]) -> set[type]:
    """Each guesses once, at one of a thousand accounts; what became of it."""
    env = Env(int(time.time()), os.urandom)

    async def tried(number: int) -> type:
        caller, name = Caller(addresses[number]), f"user{number % 1000}"
        found = await settle(store, lambda: candidate(name, caller=caller, now=env.now))
        await settle(store, lambda: refused(None, env))
        return type(found)

    seen: set[type] = set()
    for start in range(0, len(addresses), 32):
        batch = range(start, min(start + 32, len(addresses)))
        seen.update(await asyncio.gather(*map(tried, batch)))
    return seen


def test_an_account_under_fire_opens_in_a_browser_that_signed_in_before(proxied: Live) -> None:
    known = at(proxied, "198.51.100.7")
    assert guess(known, "miko", MIKO).status_code == 303
    known.http.cookies.delete("vk_session")
    thieves = [at(proxied, f"203.0.{number}.1") for number in range(ACCOUNT.attempts // 5 + 1)]
    statuses = [guess(one, "miko", "x").status_code for one in thieves for _ in range(5)]
    assert statuses.count(400) == ACCOUNT.attempts
    stranger = at(proxied, "198.51.100.9")
    refused = guess(stranger, "miko", MIKO)
    assert refused.status_code == 429
    assert "use a browser where you" in refused.text
    for address in ("198.51.100.7", "203.0.1.1", "2001:db8::1"):
        known.open("/sign-in")
        answer = guess(known, "miko", MIKO, **{"x-forwarded-for": address})
        assert answer.status_code == 303, address
        known.http.cookies.delete("vk_session")


def test_a_known_browser_is_not_good_for_guessing(proxied: Live) -> None:
    """Nor does it open another account, nor one that was made up."""
    known = at(proxied, "198.51.100.7")
    assert guess(known, "miko", MIKO).status_code == 303
    known.http.cookies.delete("vk_session")
    known.open("/sign-in")
    statuses = [guess(known, "miko", "x").status_code for _ in range(BROWSER.attempts + 1)]
    assert statuses == [*[400] * BROWSER.attempts, 429]
    refused = guess(known, "miko", MIKO)
    assert refused.status_code == 429
    assert "in this browser" in refused.text
    statuses = [guess(known, "noor", "x").status_code for _ in range(PAIR.attempts + 1)]
    assert statuses == [*[400] * PAIR.attempts, 429], "it is a stranger to other accounts"


FORGED: list[Any] = [
    row("A95", "made up", lambda kept: "a" * len(kept)),
    row("A95", "another name in it", lambda kept: "b" * 16 + kept[16:]),
    row("A95", "another MAC", lambda kept: kept[:16] + "b" * 22),
    row("A95", "cut short", lambda kept: kept[:-1]),
    row("A95", "empty", lambda kept: ""),
    row("A95", "beyond ASCII", lambda kept: "%C3%A4" + kept),
]


@pytest.mark.parametrize("forge", FORGED)
def test_a_forged_cookie_makes_no_browser_known(forge: Callable[[str], str], proxied: Live) -> None:
    known = at(proxied, "198.51.100.7")
    assert guess(known, "miko", MIKO).status_code == 303
    kept = known.http.cookies["vk_known"]
    thief = at(proxied, "203.0.113.9")
    thief.http.cookies.set("vk_known", forge(kept))
    statuses = [guess(thief, "miko", "x").status_code for _ in range(PAIR.attempts + 1)]
    assert statuses == [*[400] * PAIR.attempts, 429]


def test_several_people_share_a_browser(proxied: Live) -> None:
    browser = at(proxied, "198.51.100.7")
    for name, word in (("miko", MIKO), ("noor", NOOR), ("miko", MIKO)):
        browser.open("/sign-in?again")
        assert guess(browser, name, word).status_code == 303
        browser.http.cookies.delete("vk_session")
    assert browser.http.cookies["vk_known"].count(".") == 1
    browser.open("/sign-in")
    for name in ("miko", "noor"):
        for _ in range(PAIR.attempts + 1):
            assert guess(browser, name, "x").status_code == 400


def test_behind_a_proxy_that_nobody_trusts_all_can_sign_in(
    hidden: Live, caplog: pytest.LogCaptureFixture
) -> None:
    thief = hidden.browser(**{"x-forwarded-for": "203.0.113.9"})
    thief.open("/sign-in")
    with caplog.at_level(logging.WARNING, log.NAME):
        for number in range(120):
            assert guess(thief, f"user{number}", "x").status_code == 400
        owner = hidden.browser(**{"x-forwarded-for": "198.51.100.7"})
        owner.open("/sign-in")
        assert guess(owner, "miko", MIKO).status_code == 303
    warnings = [one.getMessage() for one in caplog.records if "proxy" in one.getMessage()]
    assert len(warnings) == 1
    counters = {one.bucket: one.tried for one in every(hidden, Throttle)}
    assert counters[HIDDEN] == 1
    assert counters[FAILED] == 120


def test_the_operator_hears_that_many_fail(hidden: Live, caplog: pytest.LogCaptureFixture) -> None:
    thief = hidden.browser()
    thief.open("/sign-in")
    with caplog.at_level(logging.WARNING, log.NAME):
        for number in range(MANY):
            guess(thief, f"user{number}", "x")
    (told,) = (one for one in caplog.records if one.getMessage() == "many failed sign-ins")
    details = dict(vars(told)["details"])
    assert details.pop("request_id")
    assert details == {
        "failed": MANY,
        "accounts": MANY,
        "networks": 1,
        "busiest": "127.0.0.0/24",
        "from_busiest": MANY,
    }


def test_no_browser_is_known_before_it_signed_in(proxied: Live) -> None:
    browser = at(proxied, "198.51.100.7")
    guess(browser, "miko", "x")
    assert "vk_known" not in browser.http.cookies


HOPS: list[Any] = [
    row("A95", "an address", "198.51.100.7", "198.51.100.7"),
    row("A95", "a port", "198.51.100.7:4711", "198.51.100.7"),
    row("A95", "version 6", "2001:db8::7", "2001:db8::7"),
    row("A95", "version 6, brackets", "[2001:db8::7]", "2001:db8::7"),
    row("A95", "version 6, a port", "[2001:db8::7]:4711", "2001:db8::7"),
    row("A95", "version 6, quotes", '"[2001:db8::7]:4711"', "2001:db8::7"),
    row("A95", "version 4 in version 6", "::ffff:198.51.100.7", "198.51.100.7"),
    row(
        "A95", "several hops with ports", "192.0.2.1:1, 198.51.100.7:2, 10.0.0.2:3", "198.51.100.7"
    ),
    row("A95", "no address", "unknown", "unknown"),
]


@pytest.mark.parametrize("header,address", HOPS)
def test_a_port_in_x_forwarded_for_is_no_part_of_the_address(header: str, address: str) -> None:
    trusted = [ipaddress.ip_network("10.0.0.0/8")]
    headers = [(b"x-forwarded-for", header.encode())]
    assert caller(Request("GET", "/", headers=headers, peer="10.0.0.1"), trusted) == address


def solve(browser: Browser) -> dict[str, str]:
    """The fields of the page's puzzle, as its script fills them in."""
    attributes = browser.form("sign-in").fields
    token, bits = attributes["puzzle"], proof_of_work.BITS
    numbers = (
        next(n for n in itertools.count() if proof_of_work.fits(f"{token}.{part}.{n}", bits))
        for part in range(proof_of_work.PARTS)
    )
    return {"puzzle": token, "work": ".".join(map(str, numbers))}


def test_a_new_browser_can_pay_for_its_attempt(
    proxied: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where strangers have used up the attempts at its account, or in its network."""
    monkeypatch.setattr(proof_of_work, "BITS", 4)
    for number in range(ACCOUNT.attempts // PAIR.attempts + 1):
        thief = at(proxied, f"203.0.{number}.1")
        for _ in range(PAIR.attempts):
            guess(thief, "miko", "x")
    for address in ("198.51.100.7", "203.0.1.1"):
        owner = at(proxied, address)
        assert owner.press("sign-in", username="miko", password=MIKO).status_code == 429
        paid = solve(owner)
        assert _paying(owner, "noor", paid) == 400
        assert _paying(owner, "miko", paid) == 303
        assert _paying(at(proxied, address), "miko", paid) == 429, "only once"


def _paying(browser: Browser, name: str, paid: dict[str, str]) -> int:
    sent = {**browser.form("sign-in").fields, "username": name, "password": MIKO, **paid}
    return browser.http.post("/sign-in", data=sent).status_code


def test_a_closed_password_looks_like_a_wrong_one(proxied: Live) -> None:
    """And opens in a known browser, after which it opens everywhere."""
    owner = at(proxied, "198.51.100.7")
    assert guess(owner, "miko", MIKO).status_code == 303
    owner.http.cookies.delete("vk_session")
    miko = proxied.users["miko"]
    row = Throttle(bucket=f"row {miko.id}", tried=100, since=int(time.time()), expires=2**40)
    proxied.run(proxied.store.commit([Count(row)]))
    closed = guess(at(proxied, "203.0.113.9"), "miko", MIKO)
    wrong = guess(at(proxied, "203.0.114.9"), "noor", "x")
    nobody = guess(at(proxied, "203.0.115.9"), "nobody", "x")
    assert {one.status_code for one in (closed, wrong, nobody)} == {400}
    plain = {re.sub(r'value="[^"]*"', "", one.text) for one in (closed, wrong, nobody)}
    assert len(plain) == 1
    owner.open("/sign-in")
    assert guess(owner, "miko", MIKO).status_code == 303
    assert guess(at(proxied, "203.0.116.9"), "miko", MIKO).status_code == 303


def test_after_three_tries_the_page_says_that_a_right_password_may_fail(proxied: Live) -> None:
    for name in ("miko", "nobody"):
        browser = at(proxied, "203.0.113.77")
        pages = [guess(browser, name, "x").text for _ in range(3)]
        assert ["100 failed attempts in a row" in page for page in pages] == [False, False, True]
