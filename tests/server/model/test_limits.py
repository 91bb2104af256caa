"""The language of limits: what is nonsense, what two limits come to, which moment lies within."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rows import row

from valetkey.server.model import limits as language
from valetkey.server.model.hours import Hours
from valetkey.server.model.limits import (
    PERS,
    Bounds,
    Limits,
    Proposal,
    closing,
    expired,
    limits,
    meet,
    mistakes,
    next_open,
    only,
    period,
    within,
)

NOW = 1_700_000_000  # 2023-11-14 22:13:20 UTC
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]


def at(text: str, zone: str = "UTC", *, fold: int = 0) -> int:
    """The moment at which a clock in the zone shows this."""
    wall = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return int(wall.timestamp())


# Bad input.

UNREADABLE = [
    row("limits", "an unknown period", '{"often": {"week": 3}}'),
    row("limits", "none", '{"often": {"day": 0}}'),
    row("limits", "less than none", '{"often": {"day": -1}}'),
    row("limits", "a fraction", '{"often": {"day": 1.5}}'),
    row("limits", "not a number", '{"often": {"day": NaN}}'),
    row("limits", "without end", '{"often": {"day": Infinity}}'),
    row("limits", "a huge number", '{"often": {"day": 1000000001}}'),
    row("limits", "a number past all words", '{"much": {"day": 1e400}}'),
    row("limits", "a number of many digits", '{"much": {"day": 99999999999999999999999}}'),
    row("limits", "a text", '{"often": {"day": "3"}}'),
    row("limits", "true", '{"often": {"day": true}}'),
    row("limits", "nothing", '{"often": {"day": null}}'),
    row("limits", "a huge amount", '{"much": {"total": 1000000000001}}'),
    row("limits", "an amount below none", '{"ask_above": -1}'),
    row("limits", "an unknown part", '{"how": 3}'),
    row("limits", "hours without an end", '{"hours": [{"opens": "09:00"}]}'),
    row("limits", "an unknown part of hours", '{"hours": [{"opens": "1", "closes": "2", "x": 1}]}'),
    row("limits", "a list", "[]"),
]


@pytest.mark.parametrize("text", UNREADABLE)
def test_nonsense_cannot_be_read(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(text, type=Bounds)
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(f'{{"permissions": {{"a": {text}}}}}', type=Proposal)


@pytest.mark.parametrize("text", ['{"lasts": -1}', '{"lasts": 315360001}', '{"until": 5}'])
def test_nonsense_cannot_be_proposed(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(text, type=Proposal)


def hours(opens: str, closes: str, zone: str = "UTC") -> Bounds:
    return Bounds(hours=(Hours(opens=opens, closes=closes, zone=zone),))


SENSELESS = [
    row("hours", "no hour", hours("24:00", "08:00"), "hours are written as HH:MM"),
    row("hours", "no minute", hours("08:00", "08:60"), "hours are written as HH:MM"),
    row("hours", "not two digits", hours("8:00", "17:00"), "hours are written as HH:MM"),
    row(
        "hours",
        "other digits",
        hours("\u0660\u0668:\u0660\u0660", "17:00"),
        "hours are written as HH:MM",
    ),
    row("hours", "a line more", hours("08:00\n", "17:00"), "hours are written as HH:MM"),
    row("hours", "no time", hours("08:00", "08:00"), "hours that close when they open are none"),
    row("hours", "no zone", hours("08:00", "17:00", ""), "the time zone is unknown"),
    row(
        "hours", "an unknown zone", hours("08:00", "17:00", "Mars/Base"), "the time zone is unknown"
    ),
    row("hours", "a path", hours("08:00", "17:00", "../../etc/passwd"), "the time zone is unknown"),
    row(
        "hours", "a rooted path", hours("08:00", "17:00", "/etc/hosts"), "the time zone is unknown"
    ),
    row("hours", "a folder", hours("08:00", "17:00", "Europe"), "the time zone is unknown"),
    row("hours", "a long zone", hours("08:00", "17:00", "A" * 5000), "the time zone is unknown"),
    row("hours", "a zero byte", hours("08:00", "17:00", "UTC\0"), "the time zone is unknown"),
    row("limits", "no bounds", Bounds(), "bounds nothing"),
    row(
        "hours",
        "too many",
        Bounds(hours=tuple(Hours(opens="08:00", closes=f"1{n}:00") for n in range(5))),
        "more than 4 sets of hours",
    ),
    row(
        "hours",
        "never at once",
        Bounds(
            hours=(
                Hours(opens="08:00", closes="09:00"),
                Hours(opens="10:00", closes="11:00"),
            )
        ),
        "these hours never come together",
    ),
]


@pytest.mark.parametrize("bounds,why", SENSELESS)
def test_nonsense_is_told(bounds: Bounds, why: str) -> None:
    assert mistakes(Proposal(permissions={"a": bounds}), NOW) == [f"a: {why}"]


@pytest.mark.parametrize("until", [1, NOW, NOW + language.LONGEST + 1, 10**18])
def test_an_end_lies_ahead_and_not_too_far(until: int) -> None:
    assert len(mistakes(Limits(until=until), NOW)) == 1
    assert mistakes(Limits(until=NOW + 1), NOW) == []


# Two limits.

_numbers = st.dictionaries(st.sampled_from(PERS), st.integers(1, 9), max_size=3)
_minutes = st.integers(0, 1439).map(lambda one: f"{one // 60:02}:{one % 60:02}")
_windows = st.builds(Hours, opens=_minutes, closes=_minutes, zone=st.sampled_from(ZONES)).filter(
    lambda one: one.opens != one.closes
)
_bounds = st.builds(
    Bounds,
    often=_numbers,
    much=_numbers,
    ask_above=st.none() | st.integers(0, 9),
    hours=st.lists(_windows, max_size=2).map(tuple),
)
_limits = st.builds(
    lambda until, once, permissions: limits(until=until, once=once, permissions=permissions),
    st.sampled_from([0, NOW + 1, NOW + 2]),
    st.booleans(),
    st.dictionaries(st.sampled_from("abc"), _bounds, max_size=3),
)


@settings(deadline=None)
@given(_limits, _limits, _limits)
def test_the_meet_depends_on_no_order(one: Limits, other: Limits, third: Limits) -> None:
    assert meet(one, other) == meet(other, one)
    assert meet(one, meet(other, third)) == meet(meet(one, other), third)
    assert meet(one, one) == one
    assert meet(one, language.NONE) == one


@settings(deadline=None)
@given(_limits, _limits)
def test_tightening_never_widens(theirs: Limits, hers: Limits) -> None:
    both = meet(theirs, hers)
    assert within(both, theirs)
    assert within(both, hers)
    assert within(theirs, hers) == (both == theirs)


@settings(deadline=None)
@given(_limits, _limits, st.integers(NOW, NOW + 200_000))
def test_what_both_allow_is_what_each_allows(theirs: Limits, hers: Limits, now: int) -> None:
    both = meet(theirs, hers)
    assert expired(both, now) == (expired(theirs, now) or expired(hers, now))
    for name in "abc":
        open_ = [next_open(one.of(name), now) == now for one in (theirs, hers)]
        assert (next_open(both.of(name), now) == now) == all(open_)


@settings(deadline=None)
@given(_limits)
def test_limits_come_back_as_they_were_kept(some: Limits) -> None:
    assert msgspec.json.decode(msgspec.json.encode(some), type=Limits) == some


@settings(deadline=None)
@given(_limits, st.sets(st.sampled_from("abc")))
def test_what_is_left_of_them_is_about_what_is_left(some: Limits, kept: set[str]) -> None:
    assert only(some, kept).limited_permissions == some.limited_permissions & kept


# Periods.


@settings(deadline=None)
@given(st.sampled_from(PERS[:3]), st.integers(0, 4_000_000_000))
def test_periods_neither_overlap_nor_leave_a_gap(per: language.Per, now: int) -> None:
    this = period(per, now)
    assert this.start <= now < this.end
    assert period(per, this.start) == period(per, this.end - 1) == this
    assert period(per, this.end).start == this.end
    if this.start:
        assert period(per, this.start - 1).end == this.start


PERIODS = [
    row("hour", "its last second", "hour", "2024-03-31T01:59:59", "2024-03-31T01:00:00"),
    row("day", "in which clocks change", "day", "2024-03-31T23:59:59", "2024-03-31T00:00:00"),
    row("month", "a leap day", "month", "2024-02-29T23:59:59", "2024-02-01T00:00:00"),
    row("month", "the last of a year", "month", "2023-12-31T23:59:59", "2023-12-01T00:00:00"),
]


@pytest.mark.parametrize("per,moment,start", PERIODS)
def test_a_period_is_one_of_utc(per: language.Per, moment: str, start: str) -> None:
    assert period(per, at(moment)) == language.Period(at(start), at(moment) + 1)


# Hours of the day.

DAY = Hours(opens="09:00", closes="17:00", zone="Europe/Berlin")
NIGHT = Hours(opens="22:00", closes="06:00", zone="Europe/Berlin")
GAP = Hours(opens="02:30", closes="05:00", zone="Europe/Berlin")
TWICE = Hours(opens="02:30", closes="02:45", zone="Europe/Berlin")

HELD = [
    row("hours", "before", DAY, "2024-01-15T08:59", False, "2024-01-15T09:00"),
    row("hours", "the first minute", DAY, "2024-01-15T09:00", True, "2024-01-15T09:00"),
    row("hours", "the last minute", DAY, "2024-01-15T16:59", True, "2024-01-15T16:59"),
    row("hours", "the end", DAY, "2024-01-15T17:00", False, "2024-01-16T09:00"),
    row("hours", "in summer", DAY, "2024-07-15T08:59", False, "2024-07-15T09:00"),
    row("hours", "over midnight", NIGHT, "2024-01-15T23:59", True, "2024-01-15T23:59"),
    row("hours", "after midnight", NIGHT, "2024-01-15T05:59", True, "2024-01-15T05:59"),
    row("hours", "by day", NIGHT, "2024-01-15T06:00", False, "2024-01-15T22:00"),
    row("hours", "before a jump", GAP, "2024-03-31T01:59", False, "2024-03-31T03:00"),
    row("hours", "the night before a jump", GAP, "2024-03-30T05:00", False, "2024-03-31T03:00"),
]


@pytest.mark.parametrize("some,moment,holds,opens", HELD)
def test_hours_are_those_of_the_clock_on_the_wall(
    some: Hours, moment: str, holds: bool, opens: str
) -> None:
    now = at(moment, some.zone)
    assert some.hold(now) is holds
    assert some.next(now) == at(opens, some.zone)


def test_a_clock_that_goes_back_shows_an_hour_twice() -> None:
    first, second = (at("2024-10-27T02:30", TWICE.zone, fold=fold) for fold in (0, 1))
    assert second - first == 3600
    assert TWICE.next(first - 60) == first
    assert TWICE.next(first + 15 * 60) == second
    assert TWICE.end(first, within=3600) == first + 15 * 60


@settings(deadline=None)
@given(_windows, st.integers(1_600_000_000, 1_800_000_000))
def test_the_next_opening_is_the_first(some: Hours, now: int) -> None:
    found = some.next(now)
    assert some.hold(found)
    assert found == now or not some.hold(found - 1)
    assert now <= found < now + 3 * 86400
    before = range(now, found, max((found - now) // 50, 1))
    assert not any(some.hold(moment) for moment in before)


@settings(deadline=None)
@given(_windows, st.integers(1_600_000_000, 1_800_000_000))
def test_hours_hold_until_their_end(some: Hours, now: int) -> None:
    moment = some.next(now)
    end = some.end(moment, within=7200)
    assert moment < end <= moment + 7200
    assert all(some.hold(one) for one in range(moment, end, 60))
    assert end == moment + 7200 or not some.hold(end)


def test_without_hours_it_is_always_open() -> None:
    assert next_open(language.FREE, NOW) == NOW
    assert closing(language.FREE, NOW, within=60) == NOW + 60


def test_of_two_windows_the_later_opens_and_the_earlier_closes() -> None:
    both = Bounds(
        hours=(Hours(opens="08:00", closes="12:00"), Hours(opens="10:00", closes="18:00"))
    )
    now = int(datetime(2024, 1, 15, 8, 30, tzinfo=UTC).timestamp())
    assert next_open(both, now) == now + 5400
    assert closing(both, now + 5400, within=4 * 3600) == now + 3 * 3600 + 1800
