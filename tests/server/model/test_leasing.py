"""Leases: what is handed out was deducted first, so no order of events leads past the limit."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.rows import row

from valetkey.server.model.hours import Hours
from valetkey.server.model.leasing import (
    AFTER,
    MOST_LEASES,
    Allowance,
    Lease,
    LeaseRequest,
    NoLease,
    TooMuch,
    in_current_periods,
    lease,
    return_lease,
)
from valetkey.server.model.limits import Bounds, Per, period
from valetkey.wire.lease import GRACE, LONGEST_LEASE

NOW = 1_700_000_000 - 1_700_000_000 % 86400  # A day's first second.
EMPTY = Allowance(grant="0" * 26, permission="pay")


def wish(name: str = "a" * 16, **fields: Any) -> LeaseRequest:
    return LeaseRequest(id=name, **({"holder": "chirp"} | fields))


def take(
    some: Allowance, bounds: Bounds, what: LeaseRequest | None = None, *, now: int = NOW
) -> tuple[Lease | NoLease, Allowance]:
    return lease(what or wish(), in_current_periods(now, some, bounds), bounds, now=now)


def taken(
    some: Allowance, bounds: Bounds, what: LeaseRequest | None = None, *, now: int = NOW
) -> tuple[Lease, Allowance]:
    given_, after = take(some, bounds, what, now=now)
    assert isinstance(given_, Lease), given_
    return given_, after


def used(some: Allowance) -> int:
    return sum(count.used for count in some.often.values())


# How much a lease is.

SIZES = [
    row("lease", "one, where one is wanted", 1, 100, 0, 1),
    row("lease", "as many as are wanted", 5, 100, 0, 5),
    row("lease", "a share of what is left", 50, 100, 0, 12),
    row("lease", "a smaller share of less", 50, 100, 60, 5),
    row("lease", "one at a time near the end", 50, 100, 90, 1),
    row("lease", "the last one", 50, 100, 99, 1),
    row("lease", "none after it", 50, 100, 100, None),
    row("lease", "a limit of one", 50, 1, 0, 1),
]


@pytest.mark.parametrize("wanted,most,before,size", SIZES)
def test_a_lease_is_a_share_of_what_is_left(
    wanted: int, most: int, before: int, size: int | None
) -> None:
    bounds, some = Bounds(often={"day": most}), EMPTY
    for number in range(before):
        _, some = taken(some, bounds, wish(f"{number:016}"))
    got, after = take(some, bounds, wish(uses=wanted))
    if size is None:
        assert got == NoLease(
            why="often", per="day", limit=most, back=NOW + 86400, again=NOW + LONGEST_LEASE + 1
        )
        assert after == some
    else:
        assert isinstance(got, Lease)
        assert got.uses == size
        assert used(after) == before + size


def test_amounts_are_leased_alike() -> None:
    bounds = Bounds(much={"month": 1000})
    first, some = taken(EMPTY, bounds, wish("a" * 16, amount=300, reserve=300))
    assert (first.uses, first.amount) == (None, 300)
    second, some = taken(some, bounds, wish("b" * 16, amount=10, reserve=500))
    assert second.amount == 700 // 8
    none, after = take(some, bounds, wish("c" * 16, amount=700))
    assert isinstance(none, NoLease)
    assert (none.why, none.per, none.limit) == ("much", "month", 1000)
    assert after == some
    third, _ = taken(some, bounds, wish("d" * 16, amount=613))
    assert third.amount == 613


def test_all_limits_hold_together_and_the_last_to_come_back_is_told() -> None:
    bounds = Bounds(often={"hour": 1, "day": 1}, much={"total": 10})
    _, some = taken(EMPTY, bounds, wish("a" * 16, amount=10))
    none, _ = take(some, bounds, wish("b" * 16, amount=1), now=NOW + LONGEST_LEASE + GRACE)
    assert none == NoLease(why="much", per="total", limit=10, back=0, again=0)
    bounds = replace(bounds, much={})
    none, _ = take(some, bounds, wish("b" * 16), now=NOW + LONGEST_LEASE + GRACE)
    assert isinstance(none, NoLease)
    assert (none.per, none.back, none.again) == ("day", NOW + 86400, NOW + 86400)


# When it ends.

ENDS = [
    row("end", "soon", Bounds(often={"day": 9}), NOW, LONGEST_LEASE),
    row("end", "with the hour", Bounds(often={"hour": 9}), NOW + 3590, 10),
    row("end", "with the day", Bounds(often={"day": 9, "month": 9}), NOW + 86399, 1),
    row("end", "never by a total", Bounds(often={"total": 9}), NOW + 86399, LONGEST_LEASE),
    row(
        "end",
        "with the hours",
        Bounds(often={"day": 9}, hours=(Hours(opens="08:00", closes="09:00"),)),
        NOW + 9 * 3600 - 5,
        5,
    ),
]


@pytest.mark.parametrize("bounds,now,seconds", ENDS)
def test_a_lease_ends_with_what_it_was_taken_from(bounds: Bounds, now: int, seconds: int) -> None:
    got, _ = taken(EMPTY, bounds, now=now)
    assert got.expires == now + seconds


def test_out_of_hours_there_is_nothing_until_they_come() -> None:
    bounds = Bounds(hours=(Hours(opens="08:00", closes="09:00"),))
    none, after = take(EMPTY, bounds)
    opens = NOW + 8 * 3600
    assert (none, after) == (NoLease(why="hours", back=opens, again=opens), EMPTY)
    got, after = take(EMPTY, bounds, now=opens)
    assert isinstance(got, Lease)
    assert (got.uses, got.amount) == (None, None)
    # There is nothing to count, so nothing to write.
    assert after == EMPTY


# Lost answers, and what comes back.


def test_a_lease_that_is_asked_for_twice_is_the_same() -> None:
    bounds = Bounds(often={"day": 100})
    first, some = taken(EMPTY, bounds, wish(uses=7))
    again, after = taken(some, bounds, wish(uses=9), now=NOW + 20)
    assert (again, after) == (first, some)
    # Of another API, it is another one.
    _, after = taken(some, bounds, wish(uses=1, holder="photos"))
    assert used(after) == 8


def test_what_is_left_over_goes_back_once() -> None:
    bounds = Bounds(often={"day": 100})
    _, some = taken(EMPTY, bounds, wish(uses=7))
    assert used(return_lease(some, "a" * 16, holder="photos", uses=7, amount=0)) == 7
    assert used(return_lease(some, "b" * 16, holder="chirp", uses=7, amount=0)) == 7
    some = return_lease(some, "a" * 16, holder="chirp", uses=3, amount=0)
    assert (used(some), some.out) == (4, ())
    assert return_lease(some, "a" * 16, holder="chirp", uses=3, amount=0) == some


@pytest.mark.parametrize("uses,amount", [(8, 0), (0, 1), (7, 1), (10**12, 10**12)])
def test_no_more_goes_back_than_was_leased(uses: int, amount: int) -> None:
    _, some = taken(EMPTY, Bounds(often={"day": 100}), wish(uses=7))
    with pytest.raises(TooMuch):
        return_lease(some, "a" * 16, holder="chirp", uses=uses, amount=amount)


def test_a_lease_of_a_period_that_is_over_gives_the_next_one_nothing() -> None:
    bounds = Bounds(often={"hour": 100, "total": 100})
    _, some = taken(EMPTY, bounds, wish(uses=7), now=NOW + 3599)
    now = in_current_periods(NOW + 3601, some, bounds)
    after = return_lease(now, "a" * 16, holder="chirp", uses=7, amount=0)
    assert (after.often["hour"].used, after.often["total"].used) == (0, 0)
    _, some = taken(now, bounds, wish("b" * 16, uses=2), now=NOW + 3601)
    after = return_lease(some, "a" * 16, holder="chirp", uses=7, amount=0)
    assert (after.often["hour"].used, after.often["total"].used) == (2, 2)


def test_what_nobody_can_tell_of_is_one_lease_until_the_period_ends() -> None:
    bounds = Bounds(often={"day": 100})
    _, some = taken(EMPTY, bounds, wish(uses=10))
    later = in_current_periods(NOW + LONGEST_LEASE + GRACE, some, bounds)
    # Nobody knows how much of it was spent, so none of it comes back while it could still count.
    assert (used(later), later.out) == (10, ())
    assert used(in_current_periods(NOW + 86400, some, bounds)) == 0


@pytest.mark.parametrize("left", [0, 4, 10, None])
def test_what_is_known_of_the_dead_comes_back_until_an_hour_after(left: int | None) -> None:
    bounds = Bounds(often={"total": 100})
    _, some = taken(EMPTY, bounds, wish(uses=10))
    for after, back in ((GRACE - 1, 10 if left is None else left), (GRACE, 0)):
        later = in_current_periods(NOW + LONGEST_LEASE + after, some, bounds)
        told = return_lease(later, "a" * 16, holder="chirp", uses=left, amount=left and 0)
        assert used(told) == 10 - back


def test_so_many_leases_are_remembered_and_no_more() -> None:
    bounds, some = Bounds(often={"day": 10**9}), EMPTY
    for number in range(MOST_LEASES + 5):
        _, some = taken(some, bounds, wish(f"{number:016}"))
    assert len(some.out) == MOST_LEASES
    assert some.out[0].id == f"{5:016}"
    assert used(some) == MOST_LEASES + 5


# Clocks.


def test_a_clock_that_goes_back_begins_no_period_anew() -> None:
    bounds = Bounds(often={"hour": 1})
    _, some = taken(EMPTY, bounds, now=NOW + 3600)
    none, _ = take(some, bounds, wish("b" * 16), now=NOW + 3599)
    assert isinstance(none, NoLease)
    assert none.back == NOW + 7200


@pytest.mark.parametrize(
    "bounds,forget",
    [
        (Bounds(often={"hour": 9}), NOW + 3600 + AFTER),
        (Bounds(often={"hour": 9, "day": 9}), NOW + 86400 + AFTER),
        (Bounds(often={"hour": 9}, much={"total": 9}), 0),
    ],
)
def test_counts_are_kept_past_their_period(bounds: Bounds, forget: int) -> None:
    _, some = taken(EMPTY, bounds, wish(amount=1))
    assert some.forget_at == forget


# Questions to the user.

ABOVE = Bounds(often={"day": 5}, much={"day": 1000}, ask_above=100)


def test_above_an_amount_only_a_yes_lets_through() -> None:
    none, before = take(EMPTY, ABOVE, wish(amount=200))
    assert none == NoLease(why="ask", limit=100)
    assert before.out == ()
    got, some = lease(wish(amount=200, uses=5, reserve=900), before, ABOVE, now=NOW, answer="yes")
    assert isinstance(got, Lease)
    assert (got.exact, got.uses, got.amount) == (True, 1, 200)
    assert (some.often["day"].used, some.much["day"].used) == (1, 200)
    no, some = lease(wish(amount=200), before, ABOVE, now=NOW, answer="no")
    assert (no, some) == (NoLease(why="declined", limit=100), before)


def test_a_lost_answer_to_a_yes_is_the_same_again() -> None:
    got, some = lease(wish(amount=200), EMPTY, ABOVE, now=NOW, answer="yes")
    assert lease(wish(amount=200), some, ABOVE, now=NOW + 1) == (got, some)


def test_up_to_the_amount_nobody_is_asked() -> None:
    got, _ = taken(EMPTY, ABOVE, wish(amount=100))
    assert not got.exact


def test_a_yes_does_not_go_past_another_limit() -> None:
    _, some = taken(EMPTY, ABOVE, wish("b" * 16, amount=100, reserve=100))
    none, after = lease(wish("c" * 16, amount=901), some, ABOVE, now=NOW, answer="yes")
    assert isinstance(none, NoLease)
    assert none.why == "much"
    got, _ = lease(wish("d" * 16, amount=900), after, ABOVE, now=NOW, answer="yes")
    assert isinstance(got, Lease)
    assert got.exact


# Any order of events.


class Node:
    """A node of an API: it spends what it holds while it may, and can die at any moment."""

    def __init__(self, name: int) -> None:
        self.name = name
        self.held: Lease | None = None
        self.unused = 0

    def spend(self, now: int) -> int:
        if self.held is None or now >= self.held.expires or not self.unused:
            return 0
        self.unused -= 1
        return 1

    def die(self) -> None:
        self.held, self.unused = None, 0


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["spend", "spend", "spend", "lease", "lease", "return", "die", "lost"]),
        st.integers(0, 3),
        st.integers(0, 40),
    ),
    max_size=120,
)


@settings(max_examples=300, deadline=None)
@given(EVENTS, st.integers(1, 12), st.sampled_from(["hour", "day", "total"]), st.integers(0, 99))
def test_no_order_of_leases_returns_crashes_and_period_ends_leads_past_the_limit(
    events: list[tuple[str, int, int]], most: int, per: Per, seed: int
) -> None:
    """`lost`: the answer never arrives, and the node asks for the same lease again or dies. Time
    goes on by anything up to a period's end."""
    bounds, some, now = Bounds(often={per: most}), EMPTY, NOW + 3600 - 60
    nodes, draw = [Node(name) for name in range(4)], random.Random(seed)
    spent: dict[int, int] = {}
    names = 0
    for what, who, seconds in events:
        now += seconds
        node = nodes[who]
        match what:
            case "spend":
                spent[period(per, now).start] = spent.get(period(per, now).start, 0) + node.spend(
                    now
                )
            case "lease" | "lost":
                names += 1
                some = in_current_periods(now, some, bounds)
                if node.held is not None:
                    some = return_lease(
                        some, node.held.id, holder="chirp", uses=node.unused, amount=0
                    )
                ask = wish(f"{names:016}", uses=draw.randint(1, 9))
                got, some = lease(ask, some, bounds, now=now)
                if what == "lost":
                    node.die()
                    if draw.random() < 0.5:
                        now += draw.randint(0, LONGEST_LEASE)
                        got, some = take(some, bounds, ask, now=now)
                    else:
                        continue
                node.held = got if isinstance(got, Lease) else None
                node.unused = (got.uses or 0) if isinstance(got, Lease) else 0
            case "return":
                if node.held is not None:
                    some = return_lease(
                        in_current_periods(now, some, bounds),
                        node.held.id,
                        holder="chirp",
                        uses=node.unused,
                        amount=0,
                    )
                    # A second time, it is worth nothing.
                    assert some == return_lease(
                        some, node.held.id, holder="chirp", uses=node.unused, amount=0
                    )
                node.die()
            case _:
                node.die()
        assert max(spent.values(), default=0) <= most
        assert 0 <= used(some) <= most
