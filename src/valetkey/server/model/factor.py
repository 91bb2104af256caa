"""Second factors of users: what they prove besides their password, or instead of it."""

from collections.abc import Iterable
from typing import ClassVar, Final, Literal, TypeAlias

from valetkey.server.model.assurance import PHISHING_RESISTANT, TWO_FACTORS
from valetkey.server.model.record import OwnedRecord, Record

FactorKind: TypeAlias = Literal["totp", "recovery", "passkey"]

FACTOR_LEVELS: Final[dict[FactorKind, str]] = {
    "totp": TWO_FACTORS,
    "recovery": TWO_FACTORS,
    "passkey": PHISHING_RESISTANT,
}
"""The level of a sign-in with a password and a factor of this kind."""


class Factor(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """A second factor of a user: an authenticator app (TOTP), a set of recovery codes, or a
    passkey. Recovery codes exist only beside another factor.

    `name` is the user's own for it. `created` and `used` are in seconds since 1970, `used` is 0
    until the first use.

    Of an authenticator, `secret` is the sealed key, and `counter` the time step of the last
    accepted code (RFC 6238 4.2). Of recovery codes, `codes` are the digests of those that are left.
    Of a passkey, `credential` is the credential id in base64url, `attested` the attested credential
    data (WebAuthn 6.5.2) with the public key, `counter` its last sign count, `handle` the random
    user handle, which all passkeys of a user have in common, and `rp_id` the domain to which it
    belongs. `backup_eligible` and `backed_up` are as the authenticator says: whether other devices
    may have it, and whether they do. `optional`: the browser made it after a sign-in with a
    password, which goes on to work alone.
    """

    table: ClassVar[str] = "factors"
    rank: ClassVar[int] = 10
    indexes: ClassVar[tuple[str, ...]] = ("user",)

    user: str
    kind: FactorKind
    created: int
    name: str = ""
    used: int = 0
    secret: bytes = b""
    counter: int = 0
    codes: tuple[str, ...] = ()
    credential: str = ""
    attested: bytes = b""
    handle: bytes = b""
    rp_id: str = ""
    backup_eligible: bool = False
    backed_up: bool = False
    transports: tuple[str, ...] = ()
    optional: bool = False

    @property
    def alias(self) -> str:
        return credential_alias(self.credential) if self.credential else ""

    @classmethod
    def place_of_alias(cls, alias: str) -> int | None:
        return None

    @property
    def level(self) -> str:
        """The level of a sign-in with a password and this factor."""
        return FACTOR_LEVELS[self.kind]


def credential_alias(credential: str) -> str:
    """The alias of the passkey with this credential id."""
    return f"passkey\n{credential}"


def account_level(factors: Iterable[Factor]) -> str:
    """The level that an account with these factors is worth: a sign-in below it changes nothing
    that matters. "" without a second factor."""
    asks = any(one.kind != "recovery" and not one.optional for one in factors)
    return TWO_FACTORS if asks else ""


class PasskeyDomain(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The domain to which the passkeys of this installation belong (the RP ID), fixed with the
    first one: passkeys of one domain work at no other. `since` is in seconds since 1970."""

    CURRENT: ClassVar[str] = "current"

    table: ClassVar[str] = "passkey_domains"

    name: str = CURRENT
    rp_id: str
    since: int

    @property
    def key(self) -> str:
        return self.name
