"""The epoch of an installation. Restoring a backup starts a new one, as revocations may be lost."""

from typing import ClassVar, Final

from valetkey.server.model.record import Record

CURRENT: Final = "current"


class Epoch(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The current epoch; without a row it is 0. Grants and sessions of earlier epochs are not
    valid: users have to consent again. `since` is in seconds since 1970."""

    table: ClassVar[str] = "epochs"

    name: str = CURRENT
    number: int
    since: int

    @property
    def key(self) -> str:
        return self.name
