"""Limits between form fields and the language of limits: amounts are decimals for people, and whole
numbers of the smallest unit for everybody else."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, get_args

from msgspec import Struct

from valetkey.model.hours import Hours
from valetkey.model.limits import MOST_UNITS, MOST_USES, Bounds, Per, Proposal
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
    """A number that can be set: for which period ("" for none), and what stands there now. `most`
    is what the app itself asks for, "" where it asks for no limit."""

    name: str
    per: str
    value: str = ""
    most: str = ""


class Used(Struct, frozen=True, kw_only=True):
    """What was used of a limit, until when it counts (None for ever), as text with its unit."""

    per: str
    used: str
    most: str
    until: int | None


class Limit(Struct, frozen=True, kw_only=True):
    """One permission that can be limited. `unit` is "" where it has no amounts; `step` is the
    smallest amount."""

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
    used: tuple[Used, ...] = ()

    @property
    def proposed(self) -> bool:
        """Whether the app itself asks for a limit."""
        fields = (*self.often, *self.much, *(() if self.ask is None else (self.ask,)))
        return any(field.most for field in fields)


def written(amount: int, permission: Permission) -> str:
    """An amount of the smallest unit, as people write it."""
    return str(Decimal(amount).scaleb(-permission.decimals))


def with_unit(amount: int, permission: Permission) -> str:
    """The same with its unit."""
    return f"{written(amount, permission)} {permission.unit}"


def read_amount(text: str, permission: Permission) -> int:
    """An amount in the smallest unit. Raises InvalidRequest."""
    match = _AMOUNT.fullmatch(text.strip())
    decimals = "" if match is None else (match[2] or "")
    if match is None or len(decimals.rstrip("0")) > permission.decimals:
        raise InvalidRequest("an amount cannot be read")
    whole = int(match[1] + decimals[: permission.decimals].ljust(permission.decimals, "0"))
    if whole > MOST_UNITS:
        raise InvalidRequest("an amount is too large")
    return whole


def read_bounds(form: Mapping[str, str], permission: Permission, *, end: str = "") -> Bounds:
    """The limits that a form sets for one permission; `end` is what its names end with. Raises
    InvalidRequest for what is no number, and for nothing at all."""
    often = {per: form.get(f"often-{per}{end}", "") for per in PERS}
    much = {per: form.get(f"much-{per}{end}", "") for per in PERS}
    ask = form.get(f"ask{end}", "")
    opens, closes = form.get(f"opens{end}", ""), form.get(f"closes{end}", "")
    hours = (
        (Hours(opens=opens, closes=closes, zone=form.get(f"zone{end}", "UTC").strip()),)
        if opens or closes
        else ()
    )
    return Bounds(
        often={per: _count(text) for per, text in often.items() if text},
        much={per: _positive(read_amount(text, permission)) for per, text in much.items() if text},
        ask_above=read_amount(ask, permission) if ask else None,
        hours=hours,
    )


def _count(text: str) -> int:
    if not _COUNT.fullmatch(text.strip()) or int(text) > MOST_USES:
        raise InvalidRequest("a number cannot be read")
    return _positive(int(text))


def _positive(number: int) -> int:
    if number <= 0:
        raise InvalidRequest("a limit of none: take the permission away instead")
    return number


def read_end(form: Mapping[str, str], now: int) -> int | None:
    """For how many seconds from now a key shall last, 0 for until it is stopped; None where the
    form leaves it as it is. Raises InvalidRequest for a day that is none, or is over."""
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
            return _until_the_end_of(form.get("date", ""), now)
        case _:
            raise InvalidRequest("the form names no such end")


def _until_the_end_of(text: str, now: int) -> int:
    if not _DATE.fullmatch(text):
        raise InvalidRequest("the day cannot be read")
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidRequest("the day cannot be read") from error
    lasts = int(day.timestamp()) + DAY - now
    if lasts <= 0:
        raise InvalidRequest("the day is over")
    return lasts
