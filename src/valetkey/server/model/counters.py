"""Small rows with an expiry that guard something: single use, and the pace of guessing."""

from typing import ClassVar, Final

from valetkey.server.model.record import Record

REVOKED: Final = "revoked access token"
"""The purpose under which revoked tokens without a family are remembered, until they expire."""


class SingleUse(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A marker that something was seen. `purpose` keeps the stores of different things apart."""

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
    """How often something was tried in the window that began at `since` and ends at `expires`. It
    is written by `Count` and `Uncount` alone."""

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
        """Whether its window has not ended."""
        return now < self.expires
