"""Grants, and the token families below them."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final, Literal, TypeAlias

import msgspec

from valetkey.server.model import ids
from valetkey.server.model.limits import NONE, Limits
from valetkey.server.model.record import OwnedRecord, Record, round_up_expiry
from valetkey.server.model.user import User
from valetkey.wire.access_token import Confirmation
from valetkey.wire.key_shards import Holder

# The state of the shards of a key. The shards themselves are not stored.


class Shard(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One shard. `generation` counts its rotations; `since` is the first generation after the last
    reissue: older ones are known to be lost. `client` is the client that claimed it, "" for none;
    `cnf` is the key of a second device (that of the first device is the family's).

    `turned` is when it was last rotated or claimed, `used` when it was last presented; both in
    seconds since 1970. `joined` is the time of the last handle that was used. `by` is the tag of
    the request that used that handle, or a recovery code: a retry has the same tag.
    """

    holder: Holder
    generation: int = 0
    since: int = 0
    client: str = ""
    cnf: Confirmation | None = None
    turned: int = 0
    used: int = 0
    joined: int = 0
    by: str = ""

    @property
    def is_claimed(self) -> bool:
        """Whether a holder has claimed it."""
        return bool(self.client)

    @property
    def is_spent(self) -> bool:
        """Whether it is a used recovery code, and the user has not fetched a new one."""
        return self.holder == "recovery_code" and not self.client and bool(self.by)


class Shards(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The shards of a key, the device's first; `threshold` of them are enough to use it. `alarm` is
    the holder whose shard caused the last alarm, `resumed` when the user resumed the key."""

    threshold: int
    of: tuple[Shard, ...]
    alarm: str = ""
    resumed: int = 0

    def find(self, holder: str) -> int:
        """The number of the holder's shard, -1 if it has no shard."""
        return next((at for at, one in enumerate(self.of) if one.holder == holder), -1)

    def having(self, at: int, shard: Shard) -> "Shards":
        """The shards, with that one replaced."""
        return msgspec.structs.replace(self, of=(*self.of[:at], shard, *self.of[at + 1 :]))


def new_shards(threshold: int, holders: Sequence[Holder], *, client: str, now: int) -> Shards:
    """The shards of a new key. The device has its own at once; holders claim the others."""
    device = Shard(holder=holders[0], client=client, turned=now, used=now)
    return Shards(threshold=threshold, of=(device, *(Shard(holder=one) for one in holders[1:])))


def reissue(shard: Shard) -> Shard:
    """The shard, unclaimed again, with a generation that nobody has."""
    fresh = shard.generation + 1
    return Shard(
        holder=shard.holder, generation=fresh, since=fresh, used=shard.used, joined=shard.joined
    )


GrantStatus: TypeAlias = Literal["active", "paused", "stopped"]
FamilyStatus: TypeAlias = Literal["open", "suspended", "closed"]


class Grant(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """What one user lets one app do. A user has at most one live grant for a client.

    `permissions` are those that the app has. `refused` are those that the app requested and the
    user left out or removed; the server asks for them again only if the app insists. A paused grant
    gives no access until it is resumed. A stopped grant stays stopped: a later consent makes a new
    one. `limits` are those in force. `epoch` is the epoch of the consent (see `model.epoch`).
    `face` is a digest of what the user saw of a self-described app: if the app changes, the user is
    asked again. `revoked_delegates` maps each revoked delegate (see `model.delegates`) to the
    permissions that it had, () if unknown. `lost_permissions` are those that the grant had before:
    the change log still tells their APIs about the grant, as they may have older tokens (see
    `with_permissions`). `withheld` are those that the user allowed and an organization of theirs
    does not: they come back once it does (see `oauth.core.organizations`). `organization` is the
    one that the grant was given in, "" for none.
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
    withheld: tuple[str, ...] = ()
    organization: str = ""

    @classmethod
    def place_of_alias(cls, alias: str) -> int | None:
        return ids.place_of_user(alias.partition(" ")[0])

    @property
    def alias(self) -> str:
        return "" if self.status == "stopped" else live_grant_alias(self.user, self.client)

    def with_permissions(self, permissions: tuple[str, ...]) -> "Grant":
        """The grant with other permissions: the only way to change them."""
        ever = dict.fromkeys((*self.lost_permissions, *self.permissions))
        lost = tuple([one for one in ever if one not in permissions])
        return msgspec.structs.replace(self, permissions=permissions, lost_permissions=lost)

    def allows(self, requested: Iterable[str]) -> tuple[str, ...]:
        """The requested permissions that are granted now, in the order of the request."""
        return tuple(one for one in requested if one in self.permissions)


def live_grant_alias(user: str, client: str) -> str:
    """The alias of the live grant of a user for a client."""
    return f"{user} {client}"


class TokenFamily(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """The tokens that come from one authorization: one app on one device.

    `scope` is what the app requested, `permissions` what was authorized of it then; the grant says
    how much of that is still allowed. `resources` are those of the request (RFC 8707).
    `userinfo_claims` and `id_token_claims` are from the `claims` parameter, `details` are the types
    of the authorization details (RFC 9396). `session` is the `sid` of the session in which it
    began, `auth_time`, `amr` and `acr` are when and how the user signed in (see `Session`).

    `generation` counts the rotations of the refresh token; `rotated` is the time of the last one,
    or of the start. `opened` maps each permission to the day (since 1970) of its last use, as far
    as resource servers report it. `cnf` is the key that a public client needs to refresh,
    `instance` the client instance that may refresh, by its key. `bound_since` is the first
    generation that was bound to `cnf`: older ones were not bound.

    `because` is a short reason why a family is closed. A family that is created closed invalidates
    its code. `replaced_by` is the family that replaced a closed one, "" for none (see
    `oauth.grants.session_family`). `listed` is its index in the status lists of its client, "" for
    none (see `oauth.issue.status`). `shards` are the shards of a sharded key, None for an ordinary
    one. A suspended family gives no access until its user resumes it.
    """

    table: ClassVar[str] = "families"
    rank: ClassVar[int] = 3
    indexes: ClassVar[tuple[str, ...]] = ("grant", "user")
    read_ahead: ClassVar[tuple[tuple[str, type[Record]], ...]] = (("grant", Grant), ("user", User))

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
    acr: str = ""

    def shard(self, at: int) -> Shard:
        """The shard of that number. Raises LookupError if the key has no such shard."""
        if self.shards is None:
            raise LookupError("an ordinary key")
        return self.shards.of[at]

    def bound_to(self, at: int) -> Confirmation | None:
        """The key that the holder of that shard has to prove; number 0 is for an ordinary key
        too."""
        return self.cnf if at == 0 else self.shard(at).cnf

    @property
    def in_lists(self) -> str:
        """Its index in the status lists, with its client; "" for none."""
        return f"{self.client} {self.listed}" if self.listed else ""

    @property
    def forget_at(self) -> int:
        return round_up_expiry(self.expires, since=self.created)


# Delegates: those who got access from the app that holds a grant, and from each other.

MOST: Final = 64
"""Delegates in one tree, so that its user can keep an overview."""


class Delegate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, array_like=True):
    """A node of the tree. `chain` has the names on the path from the app's first delegate to this
    one: `client:` and an id, or `wire.child_key.ALONE` for delegates that only the one before
    knows. `permissions` are all that it ever got; `first` is the time of the first delegation, in
    seconds since 1970, `last` the day of the last one, in days since 1970."""

    chain: tuple[str, ...]
    permissions: tuple[str, ...]
    first: int
    last: int

    @property
    def name(self) -> str:
        """The name of the delegate."""
        return self.chain[-1]


class DelegateTree(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """The delegates of one grant; the `id` is that of the grant. The tree has all delegations that
    ever were. The grant says which delegates the user has revoked."""

    table: ClassVar[str] = "delegates"
    rank: ClassVar[int] = 8
    indexes: ClassVar[tuple[str, ...]] = ("user",)

    user: str
    delegates: tuple[Delegate, ...] = msgspec.field(default=(), name="hands")

    def find(self, chain: tuple[str, ...]) -> Delegate | None:
        """The delegate with this chain, or None."""
        return next((one for one in self.delegates if one.chain == chain), None)

    def downstream_of(self, name: str) -> tuple[Delegate, ...]:
        """All delegates of that name, and those below them."""
        return tuple(one for one in self.delegates if name in one.chain)
