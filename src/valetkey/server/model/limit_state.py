"""What is left of a limit, and who holds pieces of it: the record (`leasing` has its rules)."""

from typing import ClassVar, Final

import msgspec

from valetkey.server.model import ids
from valetkey.server.model.limits import Per
from valetkey.server.model.record import Record

AFTER: Final = 86400
"""Seconds for which counts are kept after their period: a clock that goes back finds them."""


class PeriodCount(msgspec.Struct, frozen=True, array_like=True):
    """What was deducted in one period, from `start` until `end` in seconds since 1970."""

    start: int
    end: int
    used: int


class Lease(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece that somebody holds. `uses` and `amount` are None where they are not counted;
    `exact`: for one use of just this amount, to which the user said yes. `starts` are the periods
    that it was deducted from."""

    id: str
    holder: str
    uses: int | None = None
    amount: int | None = None
    exact: bool = False
    expires: int
    often: dict[Per, int] = {}
    much: dict[Per, int] = {}


class Allowance(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The counts of one permission of a grant, and the leases that are out."""

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
    """By which the allowance of a permission is found."""
    return f"{grant} {permission}"
