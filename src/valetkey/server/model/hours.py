"""Hours of the day in a person's time zone.

The only place where rules use a calendar: hours are local time, so they move with daylight saving
time. The zones are those of the IANA database, a constant table.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,2}", re.ASCII)
_MINUTE: Final = 60
_AHEAD: Final = 3
"""Days in which the hours begin at least once, even when clocks change."""


class Hours(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """From `opens` until before `closes` ("HH:MM"), past midnight if `opens` is later."""

    opens: str
    closes: str
    zone: str = "UTC"

    def mistake(self) -> str:
        """Why the hours are not valid, or ""."""
        if not (_CLOCK.fullmatch(self.opens) and _CLOCK.fullmatch(self.closes)):
            return "hours are written as HH:MM"
        if self.opens == self.closes:
            return "hours that close when they open are none"
        return "" if known_zone(self.zone) else "the time zone is unknown"

    def hold(self, now: int) -> bool:
        """Whether the moment is within the hours."""
        here = datetime.fromtimestamp(now, ZoneInfo(self.zone)).strftime("%H:%M")
        if self.opens < self.closes:
            return self.opens <= here < self.closes
        return here >= self.opens or here < self.closes

    def next(self, now: int) -> int:
        """The first moment from `now` on that is within the hours."""
        if self.hold(now):
            return now
        opening = min(one for one in self._openings(now) if one > now and self.hold(one))
        # If the clock jumps past `opens`, the hours begin with the jump.
        while opening - _MINUTE > now and self.hold(opening - _MINUTE):
            opening -= _MINUTE
        return opening

    def end(self, now: int, *, within: int) -> int:
        """The first moment after `now` that is outside the hours, at most `now + within`."""
        # Clocks and zones change on whole minutes.
        for moment in range((now // _MINUTE + 1) * _MINUTE, now + within, _MINUTE):
            if not self.hold(moment):
                return moment
        return now + within

    def _openings(self, now: int) -> list[int]:
        zone = ZoneInfo(self.zone)
        today = datetime.fromtimestamp(now, zone).date()
        hour, minute = int(self.opens[:2]), int(self.opens[3:])
        days = (today + timedelta(days=day) for day in range(-1, _AHEAD))
        walls = (
            datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone, fold=fold)
            for day in days
            for fold in (0, 1)
        )
        return [int(wall.timestamp()) for wall in walls]


def known_zone(name: str) -> bool:
    """Whether the IANA database has a zone of this name."""
    if not _ZONE.fullmatch(name):
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        return False
    return True


def utc_text(moment: int) -> str:
    """A moment as RFC 3339 writes it, in UTC: 2026-12-01T21:54:43Z."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def month_of(now: int) -> tuple[int, int]:
    """The first second of the month (UTC) of the moment, and of the next month."""
    first = datetime.fromtimestamp(now, UTC).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    return int(first.timestamp()), int((first + timedelta(days=32)).replace(day=1).timestamp())
