"""The server's keys: sealed in the store, and opened in a keyring."""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Final, Literal, Protocol, TypeAlias, TypeVar, final

import msgspec

from valetkey.jose import seal
from valetkey.jose.jwk import Algorithm, PrivateKey, PublicKey
from valetkey.server.model.record import Record

Use: TypeAlias = Literal["ES256", "RS256", "seal", "mac", "salt"]
KeyStatus: TypeAlias = Literal["coming", "current", "retiring"]
StoreKind: TypeAlias = Literal["", "pkcs11", "aws-kms"]
"""Where a private key is: sealed in the database, or in a token or a service that never gives it
away."""

T = TypeVar("T")


class SigningKey(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A stored key. `sealed` opens only with the master key, which is not in the database. Of a
    key in a token or a service, which finds it by its `label`, it holds the public half.

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
    store: StoreKind = ""
    label: str = ""

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


KID: Final = 4
"""Bytes of the id of a sealing key."""


class KeyGone(seal.BadSeal):
    """The key that sealed it was deleted."""


NO_SALT: Final = RawKey("", b"")


class SigningPool(Protocol):
    """Runs what signs far away, while the server does other work. `waiting` is how much of it is
    not done."""

    waiting: int

    def run(self, make: Callable[[], T]) -> Awaitable[T]:
        """What `make` returns. Raises TokenUnavailable."""


class Keyring(msgspec.Struct, frozen=True, eq=False):
    """The keys in use. In each sequence the current one comes first. `salt` derives the pairwise
    subjects of users. It never changes, as the subjects would change with it. If a token holds keys
    that sign, `check_token` returns where they sign now, and raises Unavailable where not. If a
    service far away holds some of them, `pool` is for all that signs."""

    signing: dict[Algorithm, PrivateKey]
    published: tuple[PublicKey, ...]
    sealing: Sequence[RawKey]
    macs: Sequence[RawKey]
    salt: RawKey = NO_SALT
    check_token: Callable[[], None] | None = None
    pool: SigningPool | None = None

    def __repr__(self) -> str:
        return "Keyring(…)"

    def sealing_key(self, kid: str) -> RawKey | None:
        """The sealing key with that id."""
        return next((key for key in self.sealing if key.kid == kid), None)

    def seal(self, plain: bytes, *, nonce: bytes, purpose: bytes) -> bytes:
        """`plain`, sealed with the current key, after the id of that key."""
        key = self.sealing[0]
        sealed = seal.seal(key.raw, plain, nonce=nonce, purpose=purpose)
        return bytes.fromhex(key.kid) + sealed

    def unseal(self, sealed: bytes, *, purpose: bytes) -> bytes:
        """What was sealed. Raises BadSeal, and KeyGone if the key was deleted."""
        key = self.sealing_key(sealed[:KID].hex())
        if key is None:
            raise KeyGone("its key is gone")
        return seal.unseal(key.raw, sealed[KID:], purpose=purpose)

    def mac_key(self, kid: str) -> RawKey | None:
        """The MAC key with that id."""
        return next((key for key in self.macs if key.kid == kid), None)


# Secrets that must not be printed.


@final
class Secret:
    """A secret. Its repr, str and format leave it out; `reveal()` returns it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Never log it, never put it into an error or a URL."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


# The epoch of an installation. Restoring a backup starts a new one, as revocations may be lost.

CURRENT: Final = "current"

APPLIED: Final = "revocations applied"
"""The name of a row of `Epoch` that begins none: its number is the time (milliseconds since 1970)
until which the files beside the database have been applied to it, negative while a restore has not
ended. Its `since` is 0 until the first restore."""


class Epoch(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The current epoch; without a row it is 0. Grants and sessions of earlier epochs are not
    valid: users have to consent again. `since` is in seconds since 1970."""

    table: ClassVar[str] = "epochs"

    name: str = CURRENT
    number: int
    since: int

    @property
    def key(self) -> str:
        return self.name
