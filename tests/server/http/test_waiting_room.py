"""Where there is no room, the network that has most gives way (ATTACKS A98).

A98: waiting sign-ins pushed out.

Attack: One network starts so many sign-ins that those of others are deleted.
Defense: The network with the most waiting sign-ins loses its oldest one.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from tests.rows import row

from valetkey.server.http.waiting_room import (
    MOST_PENDING,
    OF_ONE,
    AnonymousRequests,
    Crowd,
    Delay,
    WaitingLine,
)
from valetkey.spec.errors import TemporarilyUnavailable

FLOODS: list[Any] = [
    row("A98", "one /64", lambda n: f"2001:db8::{n:x}"),
    row("A98", "one /56", lambda n: f"2001:db8:0:{n % 256:x}::1"),
    row("A98", "one /48", lambda n: f"2001:db8:0:{n % 65536:x}::1"),
    row("A98", "one /32", lambda n: f"2001:db8:{n % 65536:x}:{n // 7 % 65536:x}::1"),
    row("A98", "one /24", lambda n: f"203.0.113.{n % 256}"),
    row("A98", "160 networks", lambda n: f"203.0.{n % 160}.1"),
    row("A98", "no address", lambda n: f"nonsense {n}"),
]


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_washes_nobody_else_away(flood: Callable[[int], str]) -> None:
    _flooded(AnonymousRequests(most=500, of_one=50), flood, times=1500, most=500)


def test_thirty_thousand_of_one_48_wash_nobody_else_away() -> None:
    _flooded(AnonymousRequests(), lambda n: f"2001:db8:0:{n:x}::1", times=30_000, most=MOST_PENDING)


def _flooded(
    strangers: AnonymousRequests, flood: Callable[[int], str], *, times: int, most: int
) -> None:
    people = [(f"home {n}", f"198.51.{n}.7") for n in range(50)]
    people += [(f"home v6 {n}", f"2a00:{n:x}::7") for n in range(50)]
    waiting = set()
    for name, address in people:
        assert strangers.add(name, address) == ""
        waiting.add(name)
    for n in range(times):
        waiting.add(f"flood {n}")
        waiting.discard(strangers.add(f"flood {n}", flood(n)))
    assert {name for name, _ in people} <= waiting
    assert len(waiting) <= most
    latecomer = strangers.add("late", "192.0.2.7")
    assert latecomer in {""} | {one for one in waiting if one.startswith("flood")}


def test_of_one_network_the_oldest_goes() -> None:
    strangers = AnonymousRequests()
    gone = [strangers.add(str(n), f"192.0.2.{n % 256}") for n in range(OF_ONE + 3)]
    assert gone == [*[""] * OF_ONE, "0", "1", "2"]


def test_the_fullest_is_found_whoever_comes_and_goes() -> None:
    """Against counting all of them anew."""
    dice, crowd, there = random.Random(7), Crowd[int](), dict[int, str]()
    for n in range(1500):
        if there and dice.random() < 0.45:
            one = dice.choice(list(there))
            crowd.leave(one)
            del there[one]
        else:
            there[n] = f"2001:{dice.randrange(3):x}:{dice.randrange(3):x}:{dice.randrange(3):x}::1"
            crowd.join(n, there[n])
        assert len(crowd) == len(there)
        if not there:
            continue
        left = list(there)
        for fields in (2, 3, 4):
            names = {one: tuple(there[one].split(":")[:fields]) for one in left}
            have = Counter(names.values())
            (name,) = {names[one] for one in crowd.fullest()}
            assert have[name] == max(have.values())
            left = [one for one in left if names[one] == name]
        assert set(left) == set(crowd.fullest())
    for one in list(there):
        crowd.leave(one)
    assert len(crowd) == 0
    crowd.leave(1)


@pytest.mark.anyio
async def test_the_newest_of_the_fullest_is_turned_away() -> None:
    line = WaitingLine(3)
    first = line.join("192.0.2.1")
    flood = [line.join("203.0.113.1") for _ in range(2)]
    late = line.join("198.51.100.1")
    assert [one.done() for one in (first, *flood, late)] == [False, False, True, False]
    with pytest.raises(TemporarilyUnavailable):
        await flood[1]
    line.leave(flood[0])
    assert not line.join("203.0.113.1").done()


@pytest.mark.anyio
async def test_a_wait_takes_its_time_and_makes_room() -> None:
    slowing, loop = Delay(most=2), asyncio.get_running_loop()
    began = loop.time()
    for _ in range(5):
        await slowing.wait(0.01, "192.0.2.1")
    assert loop.time() - began >= 0.05
    await slowing.wait(0.0, "192.0.2.1")
    waits = (slowing.wait(0.05, f"203.0.113.{n}") for n in range(3))
    outcomes = await asyncio.gather(*waits, return_exceptions=True)
    assert [type(one) for one in outcomes] == [type(None), type(None), TemporarilyUnavailable]
