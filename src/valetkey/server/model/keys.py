"""The server's keys: as stored, sealed; and as used, in a ring."""

from collections.abc import Sequence
from typing import ClassVar, Final, Literal, TypeAlias

import msgspec

from valetkey.jose.jwk import Algorithm, PrivateKey, PublicKey
from valetkey.server.model.record import Record

Use: TypeAlias = Literal["ES256", "RS256", "seal", "mac", "salt"]
KeyStatus: TypeAlias = Literal["coming", "current", "retiring"]


class SigningKey(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A key at rest. `sealed` opens only with the master key, which is not in the database.

    coming → current → retiring → gone. `since` is when the status began; a retiring key is gone
    from `until` on, when nothing that it signed can be alive.
    """

    table: ClassVar[str] = "signing_keys"

    kid: str
    use: Use
    sealed: bytes
    status: KeyStatus
    created: int
    since: int
    until: int = 0

    @property
    def key(self) -> str:
        return self.kid

    @property
    def forget_at(self) -> int:
        return self.until


class RawKey(msgspec.Struct, frozen=True, eq=False):
    """32 bytes for sealing or for MACs. Its repr shows nothing of them."""

    kid: str
    raw: bytes

    def __repr__(self) -> str:
        return f"RawKey(kid={self.kid!r})"


NO_SALT: Final = RawKey("", b"")


class Keyring(msgspec.Struct, frozen=True, eq=False):
    """The keys in use. In each sequence the current one comes first. `salt` makes the names that
    users have before single sectors, and never changes: those names would."""

    signing: dict[Algorithm, PrivateKey]
    published: tuple[PublicKey, ...]
    sealing: Sequence[RawKey]
    macs: Sequence[RawKey]
    salt: RawKey = NO_SALT

    def __repr__(self) -> str:
        return "Keyring(…)"

    def sealing_key(self, kid: str) -> RawKey | None:
        """The sealing key of that name."""
        return next((key for key in self.sealing if key.kid == kid), None)

    def mac_key(self, kid: str) -> RawKey | None:
        """The MAC key of that name."""
        return next((key for key in self.macs if key.kid == kid), None)
