"""Single-use values and throttle counters: small records that expire."""

from typing import ClassVar, Final

from valetkey.server.model.record import Record

REVOKED: Final = "revoked access token"
"""The purpose of single-use values that mark revoked tokens without a family, until they expire."""


class SingleUse(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A value that was used, and counts only once. `purpose` is its namespace."""

    table: ClassVar[str] = "once"

    purpose: str
    value: str
    expires: int

    @property
    def key(self) -> str:
        return f"{self.purpose} {self.value}"

    @property
    def forget_at(self) -> int:
        return self.expires


class Throttle(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The number of attempts in the window from `since` until `expires`. Only `Count` and `Uncount`
    write it."""

    table: ClassVar[str] = "throttles"

    bucket: str
    tried: int
    since: int
    expires: int

    @property
    def key(self) -> str:
        return self.bucket

    @property
    def forget_at(self) -> int:
        return self.expires

    def is_running(self, now: int) -> bool:
        """Whether its window is still open."""
        return now < self.expires
