"""What happened: the audit trail, and the history that users read."""

from typing import ClassVar, Final, Literal, TypeAlias

from valetkey.server.model import ids
from valetkey.server.model.environment import Env
from valetkey.server.model.record import OwnedRecord

By: TypeAlias = Literal["user", "app", "administrator", "server"]
Kind: TypeAlias = Literal[
    "signed-in",
    "sign-in-refused",
    "signed-out",
    "signed-up",
    "granted",
    "upgraded",
    "downgraded",
    "paused",
    "resumed",
    "stopped",
    "connected",
    "disconnected",
    "replayed",
    "limited",
    "approved",
    "declined",
    "asked",
    "refused",
    "registered",
    "undelivered",
    "suspended",
    "reissued",
    "claimed",
    "cut",
    "readmitted",
]


DAILY: Final[frozenset[Kind]] = frozenset({"signed-in", "signed-out", "connected"})
"""What happens again and again, and is told of once a day with how often it was."""


class Event(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened, committed with the change that it tells of. Holds no secret.

    `permissions` are those that the event is about; `note` is a word or two for the reader;
    `reason` is why, in the words of whoever did it. `at` is when it happened, or happened first on
    that day.
    """

    table: ClassVar[str] = "events"
    rank: ClassVar[int] = 7
    indexes: ClassVar[tuple[str, ...]] = ("user", "grant")

    at: int
    kind: Kind
    by: By
    user: str = ""
    client: str = ""
    grant: str = ""
    permissions: tuple[str, ...] = ()
    note: str = ""
    reason: str = ""

    @property
    def count(self) -> int:
        """How often it happened on that day (see `model.change.Tally`)."""
        return max(1, self.version)


def event(
    env: Env,
    kind: Kind,
    *,
    by: By,
    user: str = "",
    client: str = "",
    grant: str = "",
    permissions: tuple[str, ...] = (),
    note: str = "",
    reason: str = "",
) -> Event:
    """An event of this moment."""
    if kind in DAILY and user:
        name = ids.daily_id(env, user, kind, by, client, grant, *permissions, note, reason)
    else:
        name = ids.owned_id(env, owner=user) if user else ids.free_id(env)
    return Event(
        id=name,
        at=env.now,
        kind=kind,
        by=by,
        user=user,
        client=client,
        grant=grant,
        permissions=permissions,
        note=note,
        reason=reason,
    )
