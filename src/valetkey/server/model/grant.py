"""The grant, and the token families that are its shadows."""

from collections.abc import Iterable
from typing import ClassVar, Literal, TypeAlias

import msgspec

from valetkey.server.model import ids
from valetkey.server.model.limits import NONE, Limits
from valetkey.server.model.record import OwnedRecord, round_up_expiry
from valetkey.server.model.shards import Shard, Shards
from valetkey.wire.access_token import Confirmation

GrantStatus: TypeAlias = Literal["active", "paused", "stopped"]
FamilyStatus: TypeAlias = Literal["open", "suspended", "closed"]


class Grant(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """One user's standing yes to one app. A user has at most one live grant for a client.

    `permissions` is what the app may do; `refused` is what it asked for and the user left out or
    took away, which is not asked again unless the app insists. A paused grant opens nothing until
    it is resumed. A stopped one stays stopped: a later yes is a new grant. `limits` are those in
    force. `epoch` is that of the yes (see `model.epoch`). `face` is a digest of what the user saw
    of an app that describes itself: where the app changes, they are asked again. `cut` names those
    to whom the key may not go on (see `model.delegates`), each with what it had been handed; ()
    where that is not known. `had` are permissions that it once had and has lost: their APIs are
    told of it still, since they may have tokens from before (see `with_permissions`).
    """

    table: ClassVar[str] = "grants"
    rank: ClassVar[int] = 2
    indexes: ClassVar[tuple[str, ...]] = ("user", "client")

    user: str
    client: str
    permissions: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    limits: Limits = NONE
    face: str = ""
    status: GrantStatus = "active"
    epoch: int = 0
    created: int
    changed: int
    revoked_delegates: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict, name="cut")
    lost_permissions: tuple[str, ...] = msgspec.field(default=(), name="had")

    @classmethod
    def place_of_alias(cls, alias: str) -> int | None:
        return ids.place_of_user(alias.partition(" ")[0])

    @property
    def alias(self) -> str:
        return "" if self.status == "stopped" else live_grant_alias(self.user, self.client)

    def with_permissions(self, permissions: tuple[str, ...]) -> "Grant":
        """The grant with these in the place of its own: the only way to change them."""
        ever = dict.fromkeys((*self.lost_permissions, *self.permissions))
        lost = tuple([one for one in ever if one not in permissions])
        return msgspec.structs.replace(self, permissions=permissions, lost_permissions=lost)

    def allows(self, requested: Iterable[str]) -> tuple[str, ...]:
        """Those of the asked permissions that are granted now, in order."""
        return tuple(one for one in requested if one in self.permissions)


def live_grant_alias(user: str, client: str) -> str:
    """The second name of the one live grant between a user and a client."""
    return f"{user} {client}"


class TokenFamily(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """All that descends from one authorization: one app on one device.

    `scope` is what the app asked for, `permissions` what was authorized of it then; the grant says
    how much of that still holds. `resources` are those that the request named (RFC 8707).
    `userinfo_claims` and `id_token_claims` are claims that it asked for one by one, `details` the
    types in which it asked by details (RFC 9396). `session` is
    what apps call the session that it began in (`sid`), `auth_time` and `amr` when and how its user
    had signed in then.
    `generation` counts the rotations of the refresh token, `rotated` is when the last one was, or
    when the family began. `opened` has the day (since 1970) on which each permission was last made
    use of, as far as resource servers tell. `cnf` is what a public client must hold to refresh it,
    `instance` the copy of the app that has to come for that, by its key.
    `because` says in a word why a family is closed. Created closed, it burns a code. `listed` is
    its place in the status lists of its client, "" for none (see `oauth.issue.status`). `shards`
    are those of a key that is held in several places, None for an ordinary one; a suspended key
    opens nothing until its user resumes it. `bound_since` is the first generation that was issued
    to what `cnf` says: whoever has an older one was given it without. `replaced_by` is the family
    in the place of a closed one, "" for none (see `oauth.grants.session_family`).
    """

    table: ClassVar[str] = "families"
    rank: ClassVar[int] = 3
    indexes: ClassVar[tuple[str, ...]] = ("grant", "user")

    grant: str
    user: str
    client: str
    scope: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    generation: int = 0
    rotated: int = 0
    refreshable: bool = False
    opened: dict[str, int] = {}
    status: FamilyStatus = "open"
    because: str = ""
    cnf: Confirmation | None = None
    instance: str = ""
    session: str = ""
    auth_time: int = 0
    amr: tuple[str, ...] = ()
    userinfo_claims: tuple[str, ...] = ()
    id_token_claims: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    device: str = ""
    listed: str = ""
    shards: Shards | None = None
    created: int
    used: int
    expires: int
    bound_since: int = 0
    replaced_by: str = ""

    def shard(self, at: int) -> Shard:
        """The shard of that number. Raises LookupError where the key has none of it."""
        if self.shards is None:
            raise LookupError("an ordinary key")
        return self.shards.of[at]

    def bound_to(self, at: int) -> Confirmation | None:
        """What whoever shows the shard of that number has to hold; 0 is that of an ordinary key."""
        return self.cnf if at == 0 else self.shard(at).cnf

    @property
    def in_lists(self) -> str:
        """Its place among those of all clients, "" for none."""
        return f"{self.client} {self.listed}" if self.listed else ""

    @property
    def forget_at(self) -> int:
        return round_up_expiry(self.expires, since=self.created)
