"""The day on which a grant, or a user's account, was last used; and how far a walk through all
records has come."""

from typing import ClassVar, Final

from valetkey.server.model import ids
from valetkey.server.model.record import OwnedRecord, Record

DAY: Final = 86400


class LastUse(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """When an app last used a grant of the user: the `day` since 1970 (UTC) of its last token, 0
    for none yet. Without a `grant`, it is about the user: when anything of theirs was last used.

    It outlives the token families, which expire. It is written at most once a day, some seconds
    after the use, so that the token endpoint does not wait for it.
    """

    table: ClassVar[str] = "last_uses"
    rank: ClassVar[int] = 12
    indexes: ClassVar[tuple[str, ...]] = ("user",)

    user: str
    grant: str = ""
    client: str = ""
    day: int = 0


def grant_use_id(grant: str) -> str:
    """The id of the last use of a grant."""
    return ids.derived_id(grant, "last use", grant)


def user_use_id(user: str) -> str:
    """The id of the last use of an account."""
    place = ids.to_bytes(user)[: ids.PLACE]
    return ids.derived_id(ids.to_text(bytes(ids.TIME) + place + bytes(6)), "last use", user)


class IndexState(Record, frozen=True, kw_only=True, omit_defaults=True):
    """How far the records of one kind are indexed for search. `kind` is their table, `terms` the
    version of the terms (see `model.search.TERMS`), `before` where the next step begins. `rounds`
    have gone through all of them; the last one ended at `ended`, in seconds since 1970. The walk
    that looks for unused accounts has a row of its own (see `http.unused_accounts`)."""

    table: ClassVar[str] = "index_states"

    kind: str
    terms: int
    before: str = ""
    rounds: int = 0
    ended: int = 0

    @property
    def key(self) -> str:
        return self.kind
