"""Users, and the sessions of their browsers."""

from typing import ClassVar, Final, Literal, TypeAlias

import msgspec

from valetkey.jose.seal import digest
from valetkey.server.model import ids
from valetkey.server.model.confusable import folded
from valetkey.server.model.record import OwnedRecord, Record

Status: TypeAlias = Literal["active", "disabled"]

PROFILE_CLAIMS: Final = (
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
)
"""What `profile` opens (OpenID Connect Core 5.4), beside preferred_username and updated_at."""

ADDRESS_PARTS: Final = (
    "formatted",
    "street_address",
    "locality",
    "region",
    "postal_code",
    "country",
)
"""What an address is made of (OpenID Connect Core 5.1.1)."""


class User(Record, frozen=True, kw_only=True, omit_defaults=True, array_like=True):
    """A person with an account. `password` is a PHC string of Argon2id, "" for none. `mark` is "",
    until a password is kept in another form (see `password_mark`).

    `claims` holds claims of PROFILE_CLAIMS, `address` parts of ADDRESS_PARTS. The id is the `sub`
    that clients see, but for those to which a user is known by a name of its own.
    """

    table: ClassVar[str] = "users"
    rank: ClassVar[int] = 1

    id: str
    username: str
    password: str = ""
    email: str = ""
    email_verified: bool = False
    phone_number: str = ""
    phone_number_verified: bool = False
    address: dict[str, str] = {}
    claims: dict[str, str] = {}
    status: Status = "active"
    created: int = 0
    changed: int = 0
    mark: str = ""

    @property
    def key(self) -> str:
        return self.id

    @classmethod
    def place_of(cls, key: str) -> int:
        return ids.place_of_user(key)

    @classmethod
    def place_of_alias(cls, alias: str) -> int | None:
        return None

    @property
    def alias(self) -> str:
        return sign_in_name(self.username)

    @property
    def display_name(self) -> str:
        """How to address the person."""
        return self.claims.get("name") or self.username


def sign_in_name(username: str) -> str:
    """The name by which an account is found: without case, without spaces around, in one spelling
    of each letter."""
    return folded(username)


def password_mark(user: User) -> str:
    """What tells one password of a user from the next, and nothing about it. It stays while the
    same password is kept in another form."""
    form, _, mark = user.mark.partition(" ")
    return mark if mark and form == hash_mark(user.password) else hash_mark(user.password)


def hash_mark(stored_hash: str) -> str:
    """What tells this form of a password from others."""
    return digest(stored_hash)[:16]


def with_rehashed_password(user: User, stored_hash: str) -> User:
    """The user, with the same password in this form."""
    mark = f"{hash_mark(stored_hash)} {password_mark(user)}"
    return msgspec.structs.replace(user, password=stored_hash, mark=mark)


class Session(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """A browser in which a user is signed in. The cookie holds the id and a secret; the row holds
    only the secret's digest. `name` is what apps know it by, the id where it is "": it stays when
    the same user proves once more who they are, and the session begins anew. `auth_time` is when
    the user last proved who they are, `proved` what by: a session ends when its user's password is
    changed."""

    table: ClassVar[str] = "sessions"
    rank: ClassVar[int] = 4
    indexes: ClassVar[tuple[str, ...]] = ("user",)

    digest: str
    user: str
    name: str = ""
    auth_time: int
    amr: tuple[str, ...] = ()
    epoch: int = 0
    proved: str = ""
    expires: int

    @property
    def sid(self) -> str:
        """What apps know it by (OpenID Connect Front-Channel Logout 3)."""
        return self.name or self.id

    @property
    def forget_at(self) -> int:
        return self.expires
