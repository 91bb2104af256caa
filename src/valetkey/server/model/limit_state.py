"""The use of limits: what is deducted, and who has leases (`leasing` has the rules)."""

from typing import ClassVar, Final

import msgspec

from valetkey.server.model import ids
from valetkey.server.model.limits import Per
from valetkey.server.model.record import Record

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
