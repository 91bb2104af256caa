"""Accounts that are going to be erased, and those that were."""

from typing import ClassVar, Final

from valetkey.server.model.event import By
from valetkey.server.model.record import Record

DELETION: Final = "~deletion"
"""Who disables users whose account is going to be erased. No source has this name."""


class Erasure(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The deletion of an account. `user` is its id, which is random and names nobody.

    The account is erased at `due`; until then it is disabled, and the deletion can be cancelled:
    by support, or with a code, of which `code` is the digest, "" for none. `erased` is when that
    was done, 0 until then. From `purge` on, the server also removes what it has kept about the
    account. `scrubbed`: its events have no notes anymore. All times are in seconds since 1970.
    """

    table: ClassVar[str] = "erasures"

    user: str
    requested: int
    due: int
    by: By
    code: str = ""
    erased: int = 0
    purge: int = 0
    scrubbed: bool = False

    @property
    def key(self) -> str:
        return self.user

    @property
    def alias(self) -> str:
        return self.code
