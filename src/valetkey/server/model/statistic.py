"""Statistics: numbers that are added up as things happen, by hour and by day.

A row holds the numbers of one period and one subject: of all together, of an app, or of an API.
What is committed with a change is counted in the same commit, from its events (`counted_in`), so
these numbers are exact even after a crash. A store adds them by itself, so no rule can forget it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, Literal, TypeAlias

import msgspec

from valetkey.server.model.event import Event
from valetkey.server.model.receipt import Receipt
from valetkey.server.model.record import Record
from valetkey.server.model.user import Session

HOUR: Final = 3600
DAY: Final = 86400

Period: TypeAlias = Literal["hour", "day"]

SECONDS: Final[Mapping[Period, int]] = {"hour": HOUR, "day": DAY}
RETENTION: Final[Mapping[Period, int]] = {"hour": 3 * DAY, "day": 800 * DAY}
"""Seconds for which a row is stored, after the period began."""

ALL: Final = ""
"""The subject of the numbers of all together."""


def of_app(client: str) -> str:
    """The subject of an app's numbers."""
    return f"app {client}"


def of_api(resource: str) -> str:
    """The subject of an API's numbers, by its name here."""
    return f"api {resource}"


# The names of numbers. A name with a dot at its end is continued: by a permission, a way to sign
# in, a grant type, an error.
CONSENT_PAGES: Final = "consent.displayed"
ALLOWED: Final = "consent.allowed"
PARTLY: Final = "consent.partly"
DENIED: Final = "consent.denied"
CONFIRMED: Final = "consent.confirmed"
REQUESTED: Final = "requested."
GRANTED: Final = "granted."
SIGN_IN: Final = "sign_in."
SIGN_IN_FAILED: Final = "sign_in_failed"
TOKENS: Final = "tokens."
REFUSED: Final = "refused."
DELAY: Final = "delay."
USERS: Final = "users"
APPS: Final = "apps"
EVENTS: Final = "event."
WHO: Final = "who."

PEOPLE: Final = 32
"""The number of cells in which people are counted (see `cell`)."""


class Statistic(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The numbers of one period and one subject. `start` is "h" or "d" and the number of the
    period since 1970. Only `Add` writes it."""

    table: ClassVar[str] = "statistics"
    indexes: ClassVar[tuple[str, ...]] = ("start",)

    start: str
    subject: str = ALL
    numbers: dict[str, int] = {}
    expires: int = 0

    @property
    def key(self) -> str:
        return statistic_key(self.start, self.subject)

    @property
    def forget_at(self) -> int:
        return self.expires


def statistic_key(start: str, subject: str) -> str:
    """The key of a row."""
    return f"{start} {subject}"


def start_of(period: Period, at: int) -> str:
    """The `start` of the period of this second."""
    return f"{period[0]}{at // SECONDS[period]}"


def rows(at: int, subjects: Iterable[str], numbers: Mapping[str, int]) -> Iterator[Statistic]:
    """The rows to add for something that happened at that second."""
    for period in ("hour", "day"):
        yield from rows_of(period, at, subjects=subjects, numbers=numbers)


def rows_of(
    period: Period, at: int, *, subjects: Iterable[str], numbers: Mapping[str, int]
) -> Iterator[Statistic]:
    """The rows to add, of one period."""
    seconds = SECONDS[period]
    for subject in subjects:
        yield Statistic(
            start=start_of(period, at),
            subject=subject,
            numbers=dict(numbers),
            expires=at // seconds * seconds + RETENTION[period],
        )


def added(before: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """The sums, in the order of their names."""
    return {name: before.get(name, 0) + more.get(name, 0) for name in sorted({*before, *more})}


def cell(user: str, at: int) -> str:
    """The number by which a person is counted among those of an app. Two people may share one, so
    there are at least as many people as cells that are not 0. It changes each day, and one cell
    stands for many accounts, so it says nothing about who it was."""
    mark = hashlib.sha256(f"{at // DAY} {user}".encode()).digest()
    return f"{WHO}{mark[0] % PEOPLE:02}"


UNCOUNTED: Final = frozenset({"connected"})
"""Events that the token endpoint writes: they are counted as tokens, not in its commit."""


def counted_in(changes: Sequence[Any], events: Sequence[Event]) -> tuple[Statistic, ...]:
    """The rows to add for a commit, by its events. `changes` are those beside the events."""
    some = [one for one in events if one.kind not in UNCOUNTED]
    created = [change.record for change in changes]
    receipts = [one for one in created if isinstance(one, Receipt)]
    ways = [_way(one) for one in created if isinstance(one, Session)]
    sums: dict[str, Statistic] = {}
    for event in some:
        numbers = {f"{EVENTS}{event.kind}": 1}
        if event.kind == "signed-in":
            numbers[SIGN_IN + (ways[0] if ways else "password")] = 1
        if event.kind == "refused" and event.by == "user" and not event.note and not receipts:
            numbers[DENIED] = 1
        _sum(sums, numbers, at=event.at, client=event.client, user=event.user)
    for receipt in receipts:
        _sum(sums, _answers(receipt), at=receipt.at, client=receipt.client, user=receipt.user)
    return tuple(sums.values())


def _sum(
    sums: dict[str, Statistic], numbers: dict[str, int], *, at: int, client: str, user: str
) -> None:
    subjects = {ALL: numbers}
    if client:
        subjects[of_app(client)] = numbers | ({cell(user, at): 1} if user else {})
    for subject, its in subjects.items():
        for row in rows(at, (subject,), its):
            before = sums.get(row.key, row)
            both = row.numbers if before is row else added(before.numbers, row.numbers)
            sums[row.key] = msgspec.structs.replace(row, numbers=both)


def _answers(receipt: Receipt) -> dict[str, int]:
    requested = [line for line in receipt.lines if line.place == "asked"]
    granted = [line for line in requested if line.granted]
    result = ALLOWED if len(granted) == len(requested) else PARTLY
    numbers = {result if requested else CONFIRMED: 1}
    numbers |= {f"{REQUESTED}{line.id}": 1 for line in requested}
    return numbers | {f"{GRANTED}{line.id}": 1 for line in granted}


def _way(session: Session) -> str:
    return session.way or ("password" if "pwd" in session.amr else "passkey")
