"""The server's keys: sealed in the store, and opened in a keyring."""

from collections.abc import Sequence
from typing import ClassVar, Final, Literal, TypeAlias

import msgspec

from valetkey.jose.jwk import Algorithm, PrivateKey, PublicKey
from valetkey.server.model.record import Record

Use: TypeAlias = Literal["ES256", "RS256", "seal", "mac", "salt"]
KeyStatus: TypeAlias = Literal["coming", "current", "retiring"]


class SigningKey(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A stored key. `sealed` opens only with the master key, which is not in the database.

    The status goes coming → current → retiring, then the key is deleted. `since` is when the status
    began. A retiring key is deleted from `until` on, when all that it signed has expired.
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
    """32 bytes for sealing or for MACs. The repr leaves them out."""

    kid: str
    raw: bytes

    def __repr__(self) -> str:
        return f"RawKey(kid={self.kid!r})"


NO_SALT: Final = RawKey("", b"")


class Keyring(msgspec.Struct, frozen=True, eq=False):
    """The keys in use. In each sequence the current one comes first. `salt` derives the pairwise
    subjects of users. It never changes, as the subjects would change with it."""

    signing: dict[Algorithm, PrivateKey]
    published: tuple[PublicKey, ...]
    sealing: Sequence[RawKey]
    macs: Sequence[RawKey]
    salt: RawKey = NO_SALT

    def __repr__(self) -> str:
        return "Keyring(…)"

    def sealing_key(self, kid: str) -> RawKey | None:
        """The sealing key with that id."""
        return next((key for key in self.sealing if key.kid == kid), None)

    def mac_key(self, kid: str) -> RawKey | None:
        """The MAC key with that id."""
        return next((key for key in self.macs if key.kid == kid), None)
