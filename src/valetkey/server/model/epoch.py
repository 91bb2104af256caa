"""The epoch: it ends when a backup is restored, because what was taken back since is not known."""

from typing import ClassVar, Final

from valetkey.server.model.record import Record

CURRENT: Final = "current"


class Epoch(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The present epoch; 0, where there is no row. Grants and sessions of an earlier one open
    nothing: a yes of before has to be said again. `since` in seconds since 1970."""

    table: ClassVar[str] = "epochs"

    name: str = CURRENT
    number: int
    since: int

    @property
    def key(self) -> str:
        return self.name
