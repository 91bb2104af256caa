"""The state of the shards of a key. The shards themselves are not stored."""

from collections.abc import Sequence

import msgspec

from valetkey.wire.access_token import Confirmation
from valetkey.wire.key_shards import Holder


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
