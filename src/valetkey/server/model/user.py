"""Users and their browser sessions."""

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
"""The claims of the scope `profile` (OpenID Connect Core 5.4), besides preferred_username and
updated_at."""

ADDRESS_PARTS: Final = (
    "formatted",
    "street_address",
    "locality",
    "region",
    "postal_code",
    "country",
)
"""The members of an address (OpenID Connect Core 5.1.1)."""


class User(Record, frozen=True, kw_only=True, omit_defaults=True, array_like=True):
    """A person with an account. `password` is a stored form of a password hash (see
    `accounts.password_forms`), "" for none. `mark` is "" until the password is hashed again (see
    `password_mark`).

    `external` is the platform's own id of the user, "" if they do not come from the platform (see
    `PLATFORM`): APIs know their users by it.

    `language` and `zone` are the language tag and the time zone that the user chose for pages and
    mails, "" for no choice.

    `countries` are those from which the user signed in lately, as codes of ISO 3166-1 such as
    DE, with the time of the last sign-in, in seconds since 1970.

    `claims` has claims of PROFILE_CLAIMS, `address` members of ADDRESS_PARTS. The id is the `sub`
    for clients with public subjects. `disabled_by` has those who disabled the
    user: ADMINISTRATOR, UNUSED, or sources (see `Identity`). Each of them lifts only its own, and
    administrators also UNUSED.
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
    disabled_by: tuple[str, ...] = ()
    external: str = ""
    language: str = ""
    zone: str = ""
    countries: dict[str, int] = {}

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
        """The name to display."""
        return self.claims.get("name") or self.label

    @property
    def label(self) -> str:
        """How people recognize the account: its username, or its e-mail address if the username is
        one that this server made (see `Identity`)."""
        return self.email or typed_name(self) if self.has_generated_name else self.username

    @property
    def has_generated_name(self) -> bool:
        """Whether this server made the username. It may contain an id at the platform or at another
        provider."""
        return self.username.startswith(GENERATED)


ADMINISTRATOR: Final = "administrator"
"""Who disables users besides sources. No source has this name."""

UNUSED: Final = "~unused"
"""Who disables users whose account nobody uses. No source has this name."""

GENERATED: Final = "~"
"""The first character of usernames that this server makes; people cannot choose it."""


PLATFORM: Final = "platform"
"""The source of identities whose subjects are the platform's own ids of its users: of the hand-off,
of an embedded server, and of provisioning."""


def typed_name(user: User) -> str:
    """The name that the user types at the sign-in form: for users of a directory, theirs there."""
    return user.username.partition(":")[2] if user.has_generated_name else user.username


class Identity(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """Who a user is elsewhere: the account `subject` at `source`, in the words of the source.

    A source is a way to sign in that knows users by stable ids of its own: PLATFORM for the
    platform itself, the issuer of an OpenID provider, the address of a directory. No two users have
    the same identity; a user may have several. `created` is in seconds since 1970. `name` is how
    people recognize the account there, "" if the source does not say; `groups` are those that it
    says the user is in. Both are as of the last sign-in. `linked`: the user had an account before,
    and added this one; what its source says about them doesn't replace their profile.
    """

    table: ClassVar[str] = "identities"
    rank: ClassVar[int] = 9
    indexes: ClassVar[tuple[str, ...]] = ("user",)

    user: str
    source: str
    subject: str
    created: int
    name: str = ""
    groups: tuple[str, ...] = ()
    linked: bool = False

    @property
    def alias(self) -> str:
        return identity_alias(self.source, self.subject)

    @classmethod
    def place_of_alias(cls, alias: str) -> int | None:
        return None


def identity_alias(source: str, subject: str) -> str:
    """The alias of an identity."""
    # A line end: it can be in no username, and in no alias of another kind.
    return f"identity\n{source}\n{subject}"


def session_alias(way: str, source_sid: str) -> str:
    """The alias of the session that began with this session of the way's own."""
    return f"session\n{way}\n{source_sid}"


def sign_in_name(username: str) -> str:
    """The normalized username, by which an account is found: without case and surrounding spaces,
    with one spelling of each letter."""
    return folded(username)


def password_mark(user: User) -> str:
    """A mark that changes with the user's password, and reveals nothing about it. It stays the same
    when the same password is hashed again."""
    form, _, mark = user.mark.partition(" ")
    return mark if mark and form == hash_mark(user.password) else hash_mark(user.password)


def hash_mark(stored_hash: str) -> str:
    """The mark of one hash of a password."""
    return digest(stored_hash)[:16]


def with_rehashed_password(user: User, stored_hash: str) -> User:
    """The user with a new hash of the same password."""
    mark = f"{hash_mark(stored_hash)} {password_mark(user)}"
    return msgspec.structs.replace(user, password=stored_hash, mark=mark)


SEEN_STEP: Final = 300
"""Seconds between two writes of when a session was last used."""


class Session(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """A session of a user in a browser. The cookie has the id and a secret; the row has only the
    digest of the secret. `name` is the `sid` for apps, "" if it is the id: it stays the same when
    the same user signs in again in a new session. `auth_time` is when the user signed in, `proved`
    the mark of the password that they used: a session ends when the password changes.

    `way` names the way by which the user signed in, "" for a password of this server; then `proved`
    is "". `acr` is the level that the way vouches for, "" if `amr` tells it. `source_sid` is the
    way's own id of its session, "" for none. `per_request`: it is good for the authorization
    request for which the user signed in; the next one goes by the way again.

    `device` is the name of the browser for people, and `network` a coarse network address (see
    `counters.network_of`), both as of `last_active`: the last use by a person, in seconds
    since 1970, at most SEEN_STEP ago; 0 if it was not used since the user signed in."""

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
    way: str = ""
    acr: str = ""
    source_sid: str = ""
    per_request: bool = False
    device: str = ""
    network: str = ""
    last_active: int = 0

    @property
    def began(self) -> int:
        """When the user signed in with this browser, in seconds since 1970."""
        return ids.created_at(self.id)

    @property
    def last_seen(self) -> int:
        """When the session was last used, in seconds since 1970."""
        return max(self.last_active, self.began)

    def is_over(self, now: int, *, idle: int) -> bool:
        """Whether it has expired, or was not used for `idle` seconds."""
        return now >= min(self.expires, self.last_seen + idle)

    @property
    def alias(self) -> str:
        return session_alias(self.way, self.source_sid) if self.source_sid else ""

    @classmethod
    def place_of_alias(cls, alias: str) -> int | None:
        return None

    @property
    def sid(self) -> str:
        """The session id for apps (OpenID Connect Front-Channel Logout 3)."""
        return self.name or self.id

    @property
    def forget_at(self) -> int:
        return self.expires
