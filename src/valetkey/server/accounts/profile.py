"""What users may edit about themselves, and what a source owns."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.server.accounts.sign_up import MAX_CLAIM
from valetkey.server.model.change import Change, Update
from valetkey.server.model.directory import ProvisionedUser
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event, event
from valetkey.server.model.hours import known_zone
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.model.user import Identity, User

EDITABLE: Final = ("name", "given_name", "family_name", "nickname", "website", "birthdate")
"""The claims that users edit, in the order of the page (OpenID Connect Core 5.1)."""

ProfileField: TypeAlias = Literal[
    "name", "given_name", "family_name", "nickname", "website", "birthdate", "language", "zone"
]

_WEBSITE: Final = re.compile(r"https?://[^\s\x00-\x1f<>\"]+")
_BIRTHDATE: Final = re.compile(r"[0-9]{4}(-[0-9]{2}-[0-9]{2})?", re.ASCII)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}", re.ASCII)


def owner(identities: Sequence[Identity], provisioned: ProvisionedUser | None) -> str:
    """The source that owns the user's profile, "" if the user does. What a source says at the next
    sign-in, or provisions, would replace what the user types."""
    if provisioned is not None:
        return provisioned.source
    return next((one.source for one in identities if not one.linked), "")


def profile_owner(user: str) -> Rule[str]:
    """The same, for the user with this id."""
    identities, provisioned = Many(Identity, "user", user), One(ProvisionedUser, user)
    results = yield (identities, provisioned)
    return owner(results.many(identities), results.one(provisioned))


def wrong_fields(values: Mapping[str, str]) -> tuple[ProfileField, ...]:
    """The fields with mistakes. All values are optional."""
    website, birthdate = values.get("website", ""), values.get("birthdate", "")
    language, zone = values.get("language", ""), values.get("zone", "")
    wrong: list[ProfileField] = []
    texts: tuple[ProfileField, ...] = ("name", "given_name", "family_name", "nickname")
    for field in texts:
        text = values.get(field, "")
        if len(text) > MAX_CLAIM or not (text.isprintable() or not text):
            wrong.append(field)
    if website and (len(website) > MAX_CLAIM or not _WEBSITE.fullmatch(website)):
        wrong.append("website")
    if birthdate and not _BIRTHDATE.fullmatch(birthdate):
        wrong.append("birthdate")
    if language and not _LANGUAGE.fullmatch(language):
        wrong.append("language")
    if zone and not known_zone(zone):
        wrong.append("zone")
    return tuple(wrong)


class ProfileChange(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a change: `wrong` fields, or the changes. `owned`: a source owns the profile, so
    only the language and the time zone changed."""

    wrong: tuple[ProfileField, ...] = ()
    owned: bool = False
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


def change_profile(user: str, values: Mapping[str, str], env: Env) -> Rule[ProfileChange]:
    """Changes the profile of the user to these values; fields that are missing stay."""
    query = One(User, user)
    row = (yield (query,)).one(query)
    owned = bool((yield from profile_owner(user)))
    wrong = wrong_fields(values)
    if row is None or wrong:
        return ProfileChange(wrong=wrong, owned=owned)
    language, zone = values.get("language", row.language), values.get("zone", row.zone)
    claims = dict(row.claims)
    if not owned:
        edited = {name: values[name].strip() for name in EDITABLE if name in values}
        claims |= edited | {"locale": language, "zoneinfo": zone}
        claims = {name: text for name, text in claims.items() if text}
    after = msgspec.structs.replace(row, claims=claims, language=language, zone=zone)
    if after == row:
        return ProfileChange(owned=owned)
    return ProfileChange(
        owned=owned,
        changes=(Update(msgspec.structs.replace(after, changed=env.now)),),
        events=(event(env, "profile-changed", by="user", user=user),),
    )
