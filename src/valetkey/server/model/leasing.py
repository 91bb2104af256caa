"""Leases of limits, to the nodes of an API.

A node spends from a lease: a few units that the server deducted before. So no crash and no race can
exceed the limit. Units that a node doesn't return stay deducted until the end of the period, as the
server can't know how many of them were spent.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar, Final, Literal, TypeAlias

import msgspec

from valetkey.server.model import ids
from valetkey.server.model.limits import Bounds, Per, closing, next_open, period
from valetkey.server.model.pending import UserAnswer
from valetkey.server.model.record import Record
from valetkey.wire.lease import GRACE, LONGEST_LEASE

# The use of limits: what is deducted, and who has leases (`leasing` has the rules).

AFTER: Final = 86400
"""Seconds for which counts are stored after their period, in case a clock goes back."""


class PeriodCount(msgspec.Struct, frozen=True, array_like=True):
    """The units deducted in one period, from `start` until `end` in seconds since 1970."""

    start: int
    end: int
    used: int


class Lease(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units that a node holds. `uses` and `amount` are None without such limits; `exact`: for one
    use of exactly this amount, which the user approved. `often` and `much` are the starts of the
    periods from which it was deducted."""

    id: str
    holder: str
    uses: int | None = None
    amount: int | None = None
    exact: bool = False
    expires: int
    often: dict[Per, int] = {}
    much: dict[Per, int] = {}


class Allowance(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The counts of one permission of a grant, and its open leases."""

    table: ClassVar[str] = "allowances"
    indexes: ClassVar[tuple[str, ...]] = ("grant",)

    grant: str
    permission: str
    often: dict[Per, PeriodCount] = {}
    much: dict[Per, PeriodCount] = {}
    out: tuple[Lease, ...] = ()

    @property
    def key(self) -> str:
        return key(self.grant, self.permission)

    @classmethod
    def place_of(cls, key: str) -> int:
        return ids.place_of_owned(key.partition(" ")[0])

    @classmethod
    def place_of_index(cls, index: str, value: str) -> int | None:
        return ids.place_of_owned(value) if index == "grant" else None

    @property
    def forget_at(self) -> int:
        counts = (*self.often.values(), *self.much.values())
        if any(not count.end for count in counts):
            return 0
        ends = (*(count.end for count in counts), 1)
        return max(ends) + AFTER


def key(grant: str, permission: str) -> str:
    """The key of the allowance of a permission."""
    return f"{grant} {permission}"


SHARE: Final = 8
"""A lease takes at most this fraction of the rest, so that near the end many nodes get some."""

MOST_LEASES: Final = 512
"""Leases that are stored. Beyond that, the oldest can no longer be returned."""

Ran: TypeAlias = Literal["often", "much"]
Why: TypeAlias = Literal["often", "much", "hours", "ask", "declined"]


class LeaseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request of a node for a lease with this id: for one use of `amount` now (0 without
    amounts), and, if there is enough, for `uses` uses and `reserve` in total."""

    id: str
    holder: str
    uses: int = 1
    amount: int = 0
    reserve: int = 0


class NoLease(msgspec.Struct, frozen=True, kw_only=True):
    """No lease. `back` is when the limit allows a use again, in seconds since 1970, 0 if unknown;
    `again` is when to ask again, because other nodes may return units."""

    why: Why
    per: Per | None = None
    limit: int = 0
    back: int = 0
    again: int = 0


def in_current_periods(now: int, before: Allowance, bounds: Bounds) -> Allowance:
    """The allowance in the current periods, without expired leases."""
    return msgspec.structs.replace(
        before,
        often={per: _count(before.often.get(per), per, now) for per in bounds.often},
        much={per: _count(before.much.get(per), per, now) for per in bounds.much},
        out=tuple(one for one in before.out if now < one.expires + GRACE),
    )


def _count(before: PeriodCount | None, per: Per, now: int) -> PeriodCount:
    this = period(per, now)
    # A clock that goes back doesn't start an old period again.
    if before is not None and before.start >= this.start:
        return before
    return PeriodCount(this.start, this.end, 0)


# --- leasing -------------------------------------------------------------------------------------


def needs_approval(request: LeaseRequest, bounds: Bounds) -> bool:
    """Whether this amount needs the user's approval."""
    return bounds.ask_above is not None and request.amount > bounds.ask_above


def lease(
    request: LeaseRequest, some: Allowance, bounds: Bounds, *, now: int, answer: UserAnswer = ""
) -> tuple[Lease | NoLease, Allowance]:
    """A lease, or why there is none, and the allowance afterwards. `some` is the allowance in the
    current periods, `answer` the user's answer to one use of exactly this amount."""
    had = next(
        (one for one in some.out if (one.id, one.holder) == (request.id, request.holder)), None
    )
    if had is not None:
        # The response was lost: return the same lease again.
        return had, some
    opens = next_open(bounds, now)
    if opens != now:
        return NoLease(why="hours", back=opens, again=opens), some
    nothing = _exhausted(request, some, bounds, now=now)
    if nothing is not None:
        return nothing, some
    if not needs_approval(request, bounds):
        return _leased(request, some, bounds, now=now, exact=False)
    if answer == "yes":
        return _leased(request, some, bounds, now=now, exact=True)
    return NoLease(why="declined" if answer == "no" else "ask", limit=bounds.ask_above or 0), some


def _exhausted(
    request: LeaseRequest, some: Allowance, bounds: Bounds, *, now: int
) -> NoLease | None:
    """The exhausted limit that is reset last, None if all limits allow one use."""
    short = [
        NoLease(why=why, per=per, limit=most[per], back=count.end)
        for why, need, most, counts in _both(request, some, bounds)
        for per, count in counts.items()
        if most[per] - count.used < need
    ]
    if not short:
        return None
    last = max(short, key=lambda one: one.back or 1 << 62)
    others = [one.expires + 1 for one in some.out if now <= one.expires]
    sooner = [one for one in (last.back, *others) if one]
    return msgspec.structs.replace(last, again=min(sooner, default=0))


def _both(
    request: LeaseRequest, some: Allowance, bounds: Bounds
) -> Iterable[tuple[Ran, int, Mapping[Per, int], Mapping[Per, PeriodCount]]]:
    yield "often", 1, bounds.often, some.often
    yield "much", request.amount, bounds.much, some.much


def _leased(
    request: LeaseRequest, some: Allowance, bounds: Bounds, *, now: int, exact: bool
) -> tuple[Lease, Allowance]:
    uses = _piece(1, 1 if exact else request.uses, most=bounds.often, counts=some.often)
    reserve = request.amount if exact else max(request.amount, request.reserve)
    amount = _piece(request.amount, reserve, most=bounds.much, counts=some.much)
    ends = [one.end for one in (*some.often.values(), *some.much.values()) if one.end]
    new_lease = Lease(
        id=request.id,
        holder=request.holder,
        uses=1 if exact else uses,
        amount=request.amount if exact else amount,
        exact=exact,
        expires=min(closing(bounds, now, within=LONGEST_LEASE), *ends, now + LONGEST_LEASE),
        often={per: count.start for per, count in some.often.items()},
        much={per: count.start for per, count in some.much.items()},
    )
    if not (exact or bounds.often or bounds.much):
        return new_lease, some
    return new_lease, msgspec.structs.replace(
        some,
        often={per: _deducted(one, uses or 0) for per, one in some.often.items()},
        much={per: _deducted(one, amount or 0) for per, one in some.much.items()},
        out=(*some.out, new_lease)[-MOST_LEASES:],
    )


def _piece(
    need: int, desired: int, *, most: Mapping[Per, int], counts: Mapping[Per, PeriodCount]
) -> int | None:
    """The units of a lease, at least those that are needed; None without such a limit."""
    if not counts:
        return None
    left = min(most[per] - count.used for per, count in counts.items())
    return max(need, min(desired, left // SHARE))


def _deducted(count: PeriodCount, units: int) -> PeriodCount:
    return PeriodCount(count.start, count.end, count.used + units)


# --- returning -----------------------------------------------------------------------------------


class TooMuch(ValueError):
    """More units are returned than were leased."""


def return_lease(
    some: Allowance, name: str, *, holder: str, uses: int | None, amount: int | None
) -> Allowance:
    """The allowance after a node returns what is left of a lease, None for all of it. Unchanged if
    the holder has no such lease. Raises TooMuch."""
    mine = next((one for one in some.out if (one.id, one.holder) == (name, holder)), None)
    if mine is None:
        return some
    uses, amount = _or_all(uses, mine.uses), _or_all(amount, mine.amount)
    if uses > (mine.uses or 0) or amount > (mine.amount or 0):
        raise TooMuch(name)
    return msgspec.structs.replace(
        some,
        often=_given_back(some.often, mine.often, uses),
        much=_given_back(some.much, mine.much, amount),
        out=tuple(one for one in some.out if one is not mine),
    )


def _or_all(part: int | None, whole: int | None) -> int:
    return (whole or 0) if part is None else part


def _given_back(
    counts: Mapping[Per, PeriodCount], starts: Mapping[Per, int], units: int
) -> dict[Per, PeriodCount]:
    """The counts after units are returned. Those of past periods stay."""
    return {
        per: _deducted(count, -units) if starts.get(per) == count.start else count
        for per, count in counts.items()
    }
