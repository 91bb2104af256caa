"""Users as files describe them, translated to users of this server: the server's own format, and
those of web frameworks. `hosted_formats` has the others.

Each format has a struct of the members that it reads, and a function that makes an `Incoming` of
it. What has no counterpart here is named in `Incoming.dropped`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NoReturn, TypeVar

import msgspec

from valetkey.cli.imports.hash_strings import from_string
from valetkey.server.accounts.importing import Incoming
from valetkey.server.model.user import ADDRESS_PARTS, PROFILE_CLAIMS, Status, User

T = TypeVar("T")
Members = Mapping[str, Any]


class Mistake(ValueError):
    """A record that is not imported. The text is `field: reason`."""


class Skipped(Exception):
    """A record that is no person's."""


def convert(kind: type[T], members: Members, *, strict: bool = True) -> T:
    """The members as that struct. Raises Mistake."""
    try:
        return msgspec.convert(members, kind, strict=strict)
    except msgspec.ValidationError as error:
        why, _, path = str(error).replace("`", "").partition(" - at $.")
        unknown = _UNKNOWN.fullmatch(why) or _MISSING.fullmatch(why)
        field = path or (unknown[1] if unknown else "record")
        raise Mistake(f"{field}: {why[:1].lower()}{why[1:]}") from None


_UNKNOWN: Final = re.compile(r"Object contains unknown field (\S+)")
_MISSING: Final = re.compile(r"Object missing required field (\S+)")


def hash_at(field: str, translate: Callable[[], str]) -> str:
    """The stored hash that `translate` makes of this field. Raises Mistake."""
    try:
        return translate()
    except ValueError as error:
        raise Mistake(f"{field}: {error}") from None


def seconds(field: str, value: str | float | None, *, per_second: int = 1) -> int:
    """A time in seconds since 1970; 0 for none. Raises Mistake."""
    if value is None or value == "":
        return 0
    try:
        if isinstance(value, str) and not value.isdigit():
            # Rails writes " UTC".
            at = datetime.fromisoformat(value.removesuffix(" UTC"))
            moment = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        else:
            moment = float(value) / per_second
    except (ValueError, OverflowError):
        raise Mistake(f"{field}: is no time") from None
    if not 0 <= moment < _MOST_SECONDS:
        raise Mistake(f"{field}: is no time between 1970 and 2100")
    return int(moment)


_MOST_SECONDS: Final = 4_102_444_800


def texts(pairs: Mapping[str, str | None]) -> dict[str, str]:
    """The texts that are not empty."""
    return {name: value.strip() for name, value in pairs.items() if value and value.strip()}


def full_name(*, first: str | None, last: str | None) -> dict[str, str]:
    """The claims of a first and a last name."""
    whole = " ".join(one.strip() for one in (first, last) if one and one.strip())
    return texts({"name": whole, "given_name": first, "family_name": last})


def status_of(*, is_active: bool) -> Status:
    """The status of a user."""
    return "active" if is_active else "disabled"


def no_username() -> NoReturn:
    """Raise Mistake."""
    raise Mistake("username: there is neither a username nor an email address")


# The server's own format: NDJSON and CSV.


class _Own(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    username: str
    id: str | int = ""
    password_hash: str = ""
    email: str = ""
    email_verified: bool = False
    phone_number: str = ""
    phone_number_verified: bool = False
    address: dict[str, str] = {}
    claims: dict[str, str] = {}
    status: Status = "active"
    created: str | int = 0


def own(place: str, members: Members, *, strict: bool = True) -> Incoming:
    """A record with the fields of a user. Profile claims may be top-level members, and so may
    parts of an address, as `address.country`."""
    rest, claims, address = {}, {}, {}
    for name, value in members.items():
        if name in PROFILE_CLAIMS:
            claims[name] = value
        elif name.startswith("address.") and name[8:] in ADDRESS_PARTS:
            address[name[8:]] = value
        else:
            rest[name] = value
    for name, more in (("claims", claims), ("address", address)):
        inner = rest.get(name, {})
        if more and isinstance(inner, dict):
            rest[name] = {**inner, **more}
    record = convert(_Own, rest, strict=strict)
    stored = record.password_hash
    return Incoming(
        place=place,
        user=User(
            id="",
            username=record.username,
            password=hash_at("password_hash", lambda: from_string(stored)) if stored else "",
            email=record.email,
            email_verified=record.email_verified,
            phone_number=record.phone_number,
            phone_number_verified=record.phone_number_verified,
            address=record.address,
            claims=record.claims,
            status=record.status,
            created=seconds("created", record.created),
        ),
        subject=str(record.id),
    )


# Django: `dumpdata auth.user`, or of another user model.


class _DjangoFields(msgspec.Struct, kw_only=True):
    password: str
    username: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    is_active: bool = True
    is_staff: bool = False
    is_superuser: bool = False
    date_joined: str | None = None
    groups: list[Any] = []
    user_permissions: list[Any] = []


class _Django(msgspec.Struct):
    fields: _DjangoFields
    pk: str | int = ""


def django(place: str, members: Members) -> Incoming:
    """An object of `dumpdata`. Objects of models without a password are skipped."""
    fields = members.get("fields")
    if isinstance(fields, dict) and "password" not in fields:
        raise Skipped("other models")
    row = convert(_Django, members)
    record = row.fields
    usable = bool(record.password) and not record.password.startswith("!")
    dropped = {
        "staff and superuser flags": record.is_staff or record.is_superuser,
        "groups": record.groups,
        "user permissions": record.user_permissions,
    }
    return Incoming(
        place=place,
        user=User(
            id="",
            username=record.username or record.email or no_username(),
            password=hash_at("password", lambda: from_string(record.password)) if usable else "",
            email=record.email,
            claims=full_name(first=record.first_name, last=record.last_name),
            status=status_of(is_active=record.is_active),
            created=seconds("date_joined", record.date_joined),
        ),
        subject=str(row.pk),
        dropped=tuple(name for name, there in dropped.items() if there),
    )


# Devise: the rows of the table of users, as NDJSON or CSV.


class _Devise(msgspec.Struct, kw_only=True):
    id: str | int = ""
    email: str = ""
    username: str | None = None
    name: str | None = None
    encrypted_password: str = ""
    confirmed_at: str | None = None
    locked_at: str | None = None
    created_at: str | None = None
    otp_secret: str | None = None
    encrypted_otp_secret: str | None = None


def devise(place: str, members: Members, *, peppered: bool = False) -> Incoming:
    """A row of the table of users. `peppered`: the application has a `config.pepper`."""
    record = convert(_Devise, members)
    stored = record.encrypted_password
    prefix = "$bcrypt-pepper" if peppered else ""
    dropped = {
        "one-time password secrets": record.otp_secret or record.encrypted_otp_secret,
        "the lock after failed sign-ins": record.locked_at,
    }
    return Incoming(
        place=place,
        user=User(
            id="",
            username=record.username or record.email or no_username(),
            password=(
                hash_at("encrypted_password", lambda: from_string(prefix + stored))
                if stored
                else ""
            ),
            email=record.email,
            email_verified=bool(record.confirmed_at and record.email),
            claims=texts({"name": record.name}),
            created=seconds("created_at", record.created_at),
        ),
        subject=str(record.id),
        dropped=tuple(name for name, there in dropped.items() if there),
    )
