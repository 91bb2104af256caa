"""Events: the audit trail, and the history that users read."""

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
    "disabled",
    "enabled",
    "erased",
    "deletion-requested",
    "deletion-cancelled",
    "profile-changed",
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
    "linked",
    "unlinked",
    "password-changed",
    "email-changed",
    "reset-link-made",
    "password-closed",
    "app-suspended",
    "app-restored",
    "secret-rotated",
    "secret-revoked",
    "password-opened",
    "passkey-suspect",
    "code-refused",
    "factor-added",
    "factor-removed",
    "factors-reset",
    "recovery-code-used",
    "recovery-codes-made",
    "support-opened",
    "phone-changed",
    "app-allowed",
    "app-not-allowed",
]


DAILY: Final[frozenset[Kind]] = frozenset(
    {"signed-in", "sign-in-refused", "signed-out", "connected"}
)
"""Frequent events, which are stored once a day with their count."""


class Event(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened, committed with its change. It has no secrets.

    `permissions` are those that the event is about, `note` is a short remark for the reader, and
    `reason` is the reason that the acting person gave. `device` is the name of the browser for
    people; `unknown`: the account did not know it. `country` is as in `User.countries`, and
    `new_country` marks one that was not among them. `at` is the time of the event, or of the first
    one on that day.
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
    device: str = ""
    unknown: bool = False
    country: str = ""
    new_country: bool = False

    @property
    def count(self) -> int:
        """The number of times that it happened on that day (see `model.change.Tally`)."""
        return max(1, self.version) if self.kind in DAILY else 1


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
    device: str = "",
    unknown: bool = False,
    country: str = "",
    new_country: bool = False,
) -> Event:
    """A new event, at the current time."""
    if kind in DAILY and user:
        where: tuple[str, ...] = (device, str(unknown)) if device or unknown else ()
        where += (country, str(new_country)) if country else ()
        facts = (client, grant, *permissions, note, reason, *where)
        name = ids.daily_id(env, user, kind, by, *facts)
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
        device=device,
        unknown=unknown,
        country=country,
        new_country=new_country,
    )
