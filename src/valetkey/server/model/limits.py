"""The limits of a grant: an end, a number of uses, an amount, hours, and approvals.

Two limits can be combined: the result has the tighter of each part. So the order doesn't matter,
and the result never allows more than either.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from valetkey.server.model.hours import Hours, month_of

Per: TypeAlias = Literal["hour", "day", "month", "total"]
PERS: Final[tuple[Per, ...]] = ("hour", "day", "month", "total")
"""Periods in UTC, without clock changes; `total` is one period that never ends."""

MOST_USES: Final = 10**9
MOST_UNITS: Final = 10**12
"""In the smallest unit."""

LONGEST: Final = 10 * 365 * 86400
"""The longest lifetime of a grant that has an end, in seconds."""

MOST_WINDOWS: Final = 4

FAR: Final = 8 * 86400
"""Seconds to look ahead for hours that begin."""

Uses = Annotated[int, msgspec.Meta(gt=0, le=MOST_USES)]
Units = Annotated[int, msgspec.Meta(gt=0, le=MOST_UNITS)]


class Bounds(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The limits of one permission.

    `often` is the number of uses in each period, `much` the amount in each period. Above the amount
    `ask_above` the user has to approve each use. Amounts are in the smallest unit. Uses have to be
    within all of `hours`.
    """

    often: dict[Per, Uses] = {}
    much: dict[Per, Units] = {}
    ask_above: Annotated[int, msgspec.Meta(ge=0, le=MOST_UNITS)] | None = None
    hours: tuple[Hours, ...] = ()

    def __bool__(self) -> bool:
        """Whether they limit anything."""
        return bool(self.often or self.much or self.hours or self.ask_above is not None)


class Limits(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The limits of a grant. `until`: seconds since 1970, 0 for no end. `once`: for one sign-in,
    without refresh. `permissions` maps limited permissions to their limits."""

    until: Annotated[int, msgspec.Meta(ge=0)] = 0
    once: bool = False
    permissions: dict[str, Bounds] = {}

    def of(self, permission: str) -> Bounds:
        """The limits of one permission."""
        return self.permissions.get(permission, FREE)

    @property
    def limited_permissions(self) -> frozenset[str]:
        """The permissions that have limits."""
        return frozenset(self.permissions)


class Proposal(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The limits that an app proposes: the lifetime (`lasts`, in seconds, 0 for no end), and those
    of permissions. The user may tighten them, but not loosen them."""

    lasts: Annotated[int, msgspec.Meta(ge=0, le=LONGEST)] = 0
    once: bool = False
    permissions: dict[str, Bounds] = {}

    def since(self, now: int) -> Limits:
        """The limits of a grant that is made now."""
        return limits(
            until=now + self.lasts if self.lasts else 0,
            once=self.once,
            permissions=self.permissions,
        )


class Period(msgspec.Struct, frozen=True):
    """From `start` until `end`, in seconds since 1970, the end left out; 0 and 0 for `total`."""

    start: int
    end: int


FREE: Final = Bounds()
NONE: Final = Limits()
NOTHING_PROPOSED: Final = Proposal()


def limits(
    *, until: int = 0, once: bool = False, permissions: Mapping[str, Bounds] | None = None
) -> Limits:
    """Limits in canonical form, so that equal limits compare equal."""
    ordered = sorted((permissions or {}).items())
    return Limits(
        until=until,
        once=once,
        permissions={name: _plain(bounds) for name, bounds in ordered if bounds},
    )


def meet(one: Limits, other: Limits) -> Limits:
    """Both hold."""
    names = one.limited_permissions | other.limited_permissions
    return limits(
        until=_earlier(one.until, other.until),
        once=one.once or other.once,
        permissions={name: meet_bounds(one.of(name), other.of(name)) for name in names},
    )


def meet_bounds(one: Bounds, other: Bounds) -> Bounds:
    """Both hold."""
    asks = [bound.ask_above for bound in (one, other) if bound.ask_above is not None]
    return _plain(
        Bounds(
            often=_least(one.often, other.often),
            much=_least(one.much, other.much),
            ask_above=min(asks) if asks else None,
            hours=(*one.hours, *other.hours),
        )
    )


def within(inner: Limits, outer: Limits) -> bool:
    """Whether the inner limits allow nothing that the outer ones don't."""
    return meet(inner, outer) == limits(
        until=inner.until, once=inner.once, permissions=inner.permissions
    )


def only(some: Limits, permissions: Iterable[str]) -> Limits:
    """The limits, with only these permissions."""
    names = frozenset(permissions)
    return limits(
        until=some.until,
        once=some.once,
        permissions={name: one for name, one in some.permissions.items() if name in names},
    )


def _plain(bounds: Bounds) -> Bounds:
    return Bounds(
        often={per: bounds.often[per] for per in PERS if per in bounds.often},
        much={per: bounds.much[per] for per in PERS if per in bounds.much},
        ask_above=bounds.ask_above,
        hours=tuple(sorted(set(bounds.hours), key=lambda one: (one.zone, one.opens, one.closes))),
    )


def _least(one: Mapping[Per, int], other: Mapping[Per, int]) -> dict[Per, int]:
    both = {per: [side[per] for side in (one, other) if per in side] for per in PERS}
    return {per: min(found) for per, found in both.items() if found}


def _earlier(one: int, other: int) -> int:
    return min(one, other) if one and other else one or other


# --- moments -------------------------------------------------------------------------------------


def expired(some: Limits, now: int) -> bool:
    """Whether the key is over by itself."""
    return bool(some.until) and now >= some.until


def period(per: Per, now: int) -> Period:
    """The period that the moment lies in."""
    match per:
        case "hour":
            return _of(3600, now)
        case "day":
            return _of(86400, now)
        case "month":
            return Period(*month_of(now))
        case "total":
            return Period(0, 0)


def _of(seconds: int, now: int) -> Period:
    start = now - now % seconds
    return Period(start, start + seconds)


def next_open(bounds: Bounds, now: int) -> int:
    """The first moment from `now` on that is within all hours; 0 if there is none."""
    moment = now
    while moment < now + FAR:
        later = max((one.next(moment) for one in bounds.hours), default=moment)
        if later == moment:
            return moment
        moment = later
    return 0


def closing(bounds: Bounds, now: int, *, within: int) -> int:
    """The end of the current hours, at most `now + within`."""
    return min((one.end(now, within=within) for one in bounds.hours), default=now + within)


# --- mistakes ------------------------------------------------------------------------------------


def mistakes(some: Limits | Proposal, now: int) -> list[str]:
    """All mistakes in the limits, each in one sentence."""
    wrong = []
    if isinstance(some, Limits) and some.until and not now < some.until <= now + LONGEST:
        wrong.append("until: lies in the past, or further ahead than ten years")
    for name, bounds in some.permissions.items():
        wrong += [f"{name}: {why}" for why in _wrong(bounds, now)]
    return wrong


def _wrong(bounds: Bounds, now: int) -> list[str]:
    if len(bounds.hours) > MOST_WINDOWS:
        return [f"more than {MOST_WINDOWS} sets of hours"]
    wrong = [one.mistake() for one in bounds.hours if one.mistake()]
    if not bounds and not wrong:
        wrong.append("bounds nothing")
    if bounds.hours and not wrong and not next_open(bounds, now):
        wrong.append("these hours never come together")
    return wrong
