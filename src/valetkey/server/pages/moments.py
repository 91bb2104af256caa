"""Dates, times, numbers and money, as the reader's language writes them and in their time zone."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import cache, partial
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, dates, numbers

from valetkey.server.pages.locales import rules

_ZONE: Final[ContextVar[tzinfo]] = ContextVar("zone", default=UTC)


@contextmanager
def in_zone(name: str) -> Iterator[None]:
    """Within this, times are those of the zone with this name of the IANA database; UTC for an
    unknown one."""
    token = _ZONE.set(_zone(name))
    try:
        yield
    finally:
        _ZONE.reset(token)


@cache
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def filters(tag: str) -> Mapping[str, Callable[[Any], str]]:
    """The filters of templates in a language: `day`, `moment`, `stamp` (short, to the second) and
    `iso` take seconds since 1970; `number` a number or a decimal; `amount` a decimal with a unit,
    such as "12.50 EUR"; `country` a code of ISO 3166-1, and returns the country's name."""
    locale = rules(tag)

    def day(seconds: int) -> str:
        return dates.format_date(_local(seconds), "long", locale=locale)

    def moment(seconds: int) -> str:
        time = _local(seconds)
        clock = dates.format_time(time, "HH:mm", locale=locale)
        zone = dates.get_timezone_name(time, width="short", locale=locale)
        if zone[:1] in "+-":
            zone = dates.get_timezone_gmt(time, "long", locale=locale)
        return f"{day(seconds)}, {clock} {zone}"

    def stamp(seconds: int) -> str:
        return dates.format_datetime(_local(seconds), "medium", locale=locale)

    def number(value: Any) -> str:
        try:
            exact = Decimal(str(value))
        except InvalidOperation:
            return str(value)
        places = max(0, -int(exact.as_tuple().exponent)) if exact.is_finite() else 0
        pattern = "#,##0" + ("." + "0" * places if places else "")
        return numbers.format_decimal(exact, pattern, locale=locale)

    def amount(text: str) -> str:
        value, _, unit = text.partition(" ")
        try:
            exact = Decimal(value)
        except InvalidOperation:
            return text
        if unit in _currencies():
            return numbers.format_currency(exact, unit, locale=locale, currency_digits=False)
        return f"{number(exact)} {unit}".rstrip()

    return {
        "country": partial(_country, locale),
        "day": day,
        "moment": moment,
        "stamp": stamp,
        "iso": iso,
        "number": number,
        "amount": amount,
    }


def _country(locale: Locale, code: str) -> str:
    return str(locale.territories.get(code, code))


@cache
def _currencies() -> frozenset[str]:
    return frozenset(numbers.list_currencies())


def iso(seconds: int) -> str:
    """The time in the form of `datetime` attributes."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _local(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, _ZONE.get())
