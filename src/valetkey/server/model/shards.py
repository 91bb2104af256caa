"""What is known of the shards of a key: how each stands. None of them is kept."""

from collections.abc import Sequence

import msgspec

from valetkey.wire.access_token import Confirmation
from valetkey.wire.key_shards import Holder


class Shard(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One shard. `generation` counts its uses; `since` is the first one of its present issue: what
    was issued before is known to be lost. `client` is whoever claimed it, "" for nobody yet; `cnf`
    what a second device has to hold (the device's own is the family's).

    `turned` is when it last got a successor, or was claimed; `used` when it was last shown; both in
    seconds since 1970. `joined` is when the last of its handles that was used was made, and `by`
    what that, or a recovery code, was shown with: a retry shows the same.
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
        """Whether somebody has it."""
        return bool(self.client)

    @property
    def is_spent(self) -> bool:
        """Whether it is a recovery code that was used, and no other has been fetched."""
        return self.holder == "recovery_code" and not self.client and bool(self.by)


class Shards(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The shards of a key, the device's first; `threshold` of them open it. `alarm` is the holder
    whose shard set off the last alarm, `resumed` when the user answered one."""

    threshold: int
    of: tuple[Shard, ...]
    alarm: str = ""
    resumed: int = 0

    def find(self, holder: str) -> int:
        """The number of the holder's shard, -1 where it has none."""
        return next((at for at, one in enumerate(self.of) if one.holder == holder), -1)

    def having(self, at: int, shard: Shard) -> "Shards":
        """The same with another one in that place."""
        return msgspec.structs.replace(self, of=(*self.of[:at], shard, *self.of[at + 1 :]))


def new_shards(threshold: int, holders: Sequence[Holder], *, client: str, now: int) -> Shards:
    """A new key's shards. The device has its own at once; the others are to be claimed."""
    device = Shard(holder=holders[0], client=client, turned=now, used=now)
    return Shards(threshold=threshold, of=(device, *(Shard(holder=one) for one in holders[1:])))


def reissue(shard: Shard) -> Shard:
    """The shard, to be claimed anew. Its new generation was never given to anybody."""
    fresh = shard.generation + 1
    return Shard(
        holder=shard.holder, generation=fresh, since=fresh, used=shard.used, joined=shard.joined
    )
