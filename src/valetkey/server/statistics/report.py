"""How statistics are read: series of hours or days, and what developers may see of them."""

from collections.abc import Mapping
from typing import Final

import msgspec

from valetkey.server.model.query import One, Rule
from valetkey.server.model.statistic import (
    ALL,
    ALLOWED,
    CONFIRMED,
    CONSENT_PAGES,
    DENIED,
    GRANTED,
    PARTLY,
    REQUESTED,
    SECONDS,
    USERS,
    WHO,
    Period,
    Statistic,
    start_of,
    statistic_key,
)

LONGEST: Final[Mapping[Period, int]] = {"hour": 48, "day": 400}
"""The most periods of one report."""

FEW: Final = 10
"""The fewest people about whom developers see numbers."""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one period, which begins at `at` (seconds since 1970). `hidden`: there are
    some, but of too few people."""

    at: int
    numbers: dict[str, int]
    hidden: bool = False


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one subject, oldest first. The last period is still running."""

    period: Period
    subject: str
    points: tuple[Point, ...]


class TooLong(ValueError):
    """More periods than a report has."""


def report(period: Period, *, subject: str = ALL, length: int, now: int) -> Rule[Series]:
    """The last `length` periods. Reads one row for each, by its key. Raises TooLong."""
    if not 1 <= length <= LONGEST[period]:
        raise TooLong(f"a report has 1 to {LONGEST[period]} {period}s")
    seconds = SECONDS[period]
    starts = [(now // seconds - back) * seconds for back in reversed(range(length))]
    queries = {at: One(Statistic, statistic_key(start_of(period, at), subject)) for at in starts}
    results = yield tuple(queries.values())
    points = []
    for at, query in queries.items():
        row = results.one(query)
        points.append(Point(at=at, numbers={} if row is None else dict(row.numbers)))
    return Series(period=period, subject=subject, points=tuple(points))


def without_cells(series: Series) -> Series:
    """The series for operators: without the cells in which people are counted."""
    points = (
        msgspec.structs.replace(
            one, numbers={name: of for name, of in one.numbers.items() if not name.startswith(WHO)}
        )
        for one in series.points
    )
    return msgspec.structs.replace(series, points=tuple(points))


def people(numbers: Mapping[str, int]) -> int:
    """At least so many people are in these numbers."""
    return sum(1 for name, number in numbers.items() if number and name.startswith(WHO))


def for_developers(series: Series) -> Series:
    """The series as the developers of its app may see it: without periods with fewer than FEW
    people, and without permissions that were requested from fewer."""
    points = tuple(_for_developers(one) for one in series.points)
    return without_cells(msgspec.structs.replace(series, points=points))


def _for_developers(point: Point) -> Point:
    if not point.numbers:
        return point
    if people(point.numbers) < FEW:
        return msgspec.structs.replace(point, numbers={}, hidden=True)
    few = {
        name.removeprefix(REQUESTED)
        for name, number in point.numbers.items()
        if name.startswith(REQUESTED) and number < FEW
    }
    numbers = {
        name: number
        for name, number in point.numbers.items()
        if name.removeprefix(REQUESTED) not in few and name.removeprefix(GRANTED) not in few
    }
    return msgspec.structs.replace(point, numbers=numbers)


class Funnel(msgspec.Struct, frozen=True, kw_only=True):
    """What became of consent pages: how many were displayed, and how they were answered.
    `confirmed` are those whose answer changed nothing, `abandoned` those without an answer, or
    without one yet."""

    displayed: int
    allowed: int
    partly: int
    denied: int
    confirmed: int
    abandoned: int


def funnel(series: Series) -> Funnel:
    """The consent pages of a whole series."""
    sums = totals(series)
    displayed, answers = sums.get(CONSENT_PAGES, 0), [sums.get(one, 0) for one in _ANSWERS]
    allowed, partly, denied, confirmed = answers
    return Funnel(
        displayed=max(displayed, sum(answers)),
        allowed=allowed,
        partly=partly,
        denied=denied,
        confirmed=confirmed,
        abandoned=max(0, displayed - sum(answers)),
    )


_ANSWERS: Final = (ALLOWED, PARTLY, DENIED, CONFIRMED)

_DISTINCT: Final = frozenset({USERS, "apps"})
"""Numbers that cannot be added up over periods: the same person counts in each."""


def totals(series: Series) -> dict[str, int]:
    """The sums over a series, without numbers of people and apps."""
    sums: dict[str, int] = {}
    for point in series.points:
        for name, number in point.numbers.items():
            if name not in _DISTINCT:
                sums[name] = sums.get(name, 0) + number
    return sums
