"""Convert between form fields and limits. Fields are decimals; limits are whole numbers of the
smallest unit."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct

from valetkey.server.model.hours import Hours, known_zone
from valetkey.server.model.limits import MOST_UNITS, MOST_USES, Bounds, Per, Proposal
from valetkey.spec.errors import InvalidRequest
from valetkey.wire.catalog import Permission

PERS: Final[tuple[Per, ...]] = get_args(Per)
DAY: Final = 86400

_COUNT: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_AMOUNT: Final = re.compile(r"([0-9]{1,13})(?:[.,]([0-9]{1,6}))?", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

LASTS: Final[dict[str, Proposal]] = {
    "": Proposal(),
    "once": Proposal(once=True),
    "day": Proposal(lasts=DAY),
    "month": Proposal(lasts=30 * DAY),
}
"""How long a key may last, as the consent page offers it; "" is until it is stopped."""


class Field(Struct, frozen=True, kw_only=True):
    """A number for a period ("" for none). `value` is the current limit, `most` what the app asks
    for; "" means no limit."""

    name: str
    per: str
    value: str = ""
    most: str = ""


class Used(Struct, frozen=True, kw_only=True):
    """How much of a limit is used, as text with its unit. `until` is when the count restarts, None
    for never."""

    per: str
    used: str
    most: str
    until: int | None


class Limit(Struct, frozen=True, kw_only=True):
    """One permission that can be limited. `unit` is "" if it has no amounts; `step` is the smallest
    amount. `zone_set`: the user has chosen the time zone; otherwise the browser's is used."""

    id: str
    title: str
    often: tuple[Field, ...]
    much: tuple[Field, ...] = ()
    ask: Field | None = None
    unit: str = ""
    step: str = "1"
    opens: str = ""
    closes: str = ""
    zone: str = "UTC"
    zone_set: bool = False
    used: tuple[Used, ...] = ()

    @property
    def proposed(self) -> bool:
        """Whether the app asks for a limit."""
        fields = (*self.often, *self.much, *(() if self.ask is None else (self.ask,)))
        return any(field.most for field in fields)


def written(amount: int, permission: Permission) -> str:
    """An amount of the smallest unit as a decimal."""
    return str(Decimal(amount).scaleb(-permission.decimals))


def with_unit(amount: int, permission: Permission) -> str:
    """An amount of the smallest unit as a decimal with its unit."""
    return f"{written(amount, permission)} {permission.unit}"


class Flaw(StrEnum):
    """What is wrong with a field."""

    NUMBER = "number"
    AMOUNT = "amount"
    NOTHING = "nothing"
    MOST = "most"
    HOURS = "hours"
    ZONE = "zone"
    DAY = "day"
    LONGER = "longer"


_SAYS: Final = {
    Flaw.NUMBER: "a number cannot be read",
    Flaw.AMOUNT: "an amount cannot be read",
    Flaw.NOTHING: "a limit of none: take the permission away instead",
    Flaw.MOST: "the app itself asked for less",
    Flaw.HOURS: "the hours cannot be read",
    Flaw.ZONE: "the time zone is unknown",
    Flaw.DAY: "the day cannot be read, or is over",
    Flaw.LONGER: "the app itself asked for a shorter time",
}


class WrongField(InvalidRequest):
    """An invalid field, by its name in the form. If the flaw is MOST, `most` is what the app asks
    for, as text."""

    def __init__(self, field: str, flaw: Flaw, *, most: str = "") -> None:
        super().__init__(_SAYS[flaw], detail=field)
        self.field, self.flaw, self.most = field, flaw, most


class Wrong(Struct, frozen=True, kw_only=True):
    """An invalid field for the page that marks it. `permission` is the one whose form contains the
    field, "" for none."""

    field: str
    flaw: Flaw
    most: str = ""
    permission: str = ""


def read_amount(text: str, permission: Permission, *, field: str = "amount") -> int:
    """An amount in the smallest unit. Raises WrongField."""
    match = _AMOUNT.fullmatch(text.strip())
    decimals = "" if match is None else (match[2] or "")
    if match is None or len(decimals.rstrip("0")) > permission.decimals:
        raise WrongField(field, Flaw.AMOUNT)
    whole = int(match[1] + decimals[: permission.decimals].ljust(permission.decimals, "0"))
    if whole > MOST_UNITS:
        raise WrongField(field, Flaw.AMOUNT)
    return whole


def read_bounds(form: Mapping[str, str], permission: Permission, *, end: str = "") -> Bounds:
    """The limits that a form sets for one permission. Field names end with `end`. Raises WrongField
    for what isn't a number, and for 0."""
    often = {per: form.get(f"often-{per}{end}", "") for per in PERS}
    much = {per: form.get(f"much-{per}{end}", "") for per in PERS}
    ask = form.get(f"ask{end}", "")
    return Bounds(
        often={per: _count(text, f"often-{per}") for per, text in often.items() if text},
        much={
            per: _positive(read_amount(text, permission, field=f"much-{per}"), f"much-{per}")
            for per, text in much.items()
            if text
        },
        ask_above=read_amount(ask, permission, field="ask") if ask else None,
        hours=_hours(form, end),
    )


def check_most(bounds: Bounds, proposed: Bounds, permission: Permission) -> None:
    """Raise WrongField for a limit that is larger than the app asks for."""
    for kind, mine, its in (
        ("often", bounds.often, proposed.often),
        ("much", bounds.much, proposed.much),
    ):
        for per in mine.keys() & its.keys():
            if mine[per] > its[per]:
                most = str(its[per]) if kind == "often" else with_unit(its[per], permission)
                raise WrongField(f"{kind}-{per}", Flaw.MOST, most=most)
    ask, top = bounds.ask_above, proposed.ask_above
    if ask is not None and top is not None and ask > top:
        raise WrongField("ask", Flaw.MOST, most=with_unit(top, permission))


def _hours(form: Mapping[str, str], end: str) -> tuple[Hours, ...]:
    opens, closes = form.get(f"opens{end}", ""), form.get(f"closes{end}", "")
    if not opens and not closes:
        return ()
    zone = form.get(f"zone{end}", "UTC").strip()
    if not known_zone(zone):
        raise WrongField("zone", Flaw.ZONE)
    hours = Hours(opens=opens, closes=closes, zone=zone)
    if hours.mistake():
        raise WrongField("opens" if not opens else "closes", Flaw.HOURS)
    return (hours,)


def _count(text: str, field: str) -> int:
    if not _COUNT.fullmatch(text.strip()) or int(text) > MOST_USES:
        raise WrongField(field, Flaw.NUMBER)
    return _positive(int(text), field)


def _positive(number: int, field: str) -> int:
    if number <= 0:
        raise WrongField(field, Flaw.NOTHING)
    return number


def read_end(form: Mapping[str, str], now: int) -> int | None:
    """How many seconds from now access lasts, 0 for no end, None for no change. A date ends in the
    time zone of the form. Raises WrongField for an invalid or past date."""
    match form.get("until", "keep"):
        case "keep":
            return None
        case "stopped":
            return 0
        case "day":
            return DAY
        case "month":
            return 30 * DAY
        case "date":
            return _until_the_end_of(form.get("date", ""), form.get("zone", "UTC"), now)
        case _:
            raise InvalidRequest("the form names no such end")


def _until_the_end_of(text: str, zone: str, now: int) -> int:
    if not _DATE.fullmatch(text) or not known_zone(zone):
        raise WrongField("date", Flaw.DAY)
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=ZoneInfo(zone))
        # The next midnight on the wall, whatever summer time does.
        lasts = int((day + timedelta(days=1)).timestamp()) - now
    except (ValueError, OverflowError) as error:
        raise WrongField("date", Flaw.DAY) from error
    if lasts <= 0:
        raise WrongField("date", Flaw.DAY)
    return lasts
