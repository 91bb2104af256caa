"""Users who sign in elsewhere: made at their first sign-in, and kept up to date."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from valetkey.server.accounts.sign_up import MAX_CLAIM, mistakes
from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Update
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event, event
from valetkey.server.model.query import One, OneByAlias, Rule
from valetkey.server.model.user import (
    ADDRESS_PARTS,
    GENERATED,
    PLATFORM,
    PROFILE_CLAIMS,
    Identity,
    User,
    identity_alias,
)
from valetkey.spec.errors import AccessDenied, InvalidRequest

MAX_SUBJECT: Final = 255
"""Characters of a subject (OpenID Connect Core 2)."""

_NAME: Final = 96
"""Characters of a subject in a username."""


class Inactive(AccessDenied):
    """The user is disabled here."""

    says = "this account is disabled"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What a source says about a user. Fields are those of `User`."""

    email: str = ""
    email_verified: bool = False
    phone_number: str = ""
    phone_number_verified: bool = False
    address: dict[str, str] = {}
    claims: dict[str, str] = {}


class Provisioned(msgspec.Struct, frozen=True):
    """The user, as they are now stored."""

    user: User
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


def read_profile(claims: Mapping[str, Any]) -> Profile:
    """The profile in standard claims (OpenID Connect Core 5.1); others are ignored. Raises
    InvalidRequest that names the claim if one has another type, or is no such value."""
    texts = {name: _text(claims, name) for name in PROFILE_CLAIMS}
    address = claims.get("address", {})
    if not isinstance(address, Mapping):
        raise InvalidRequest("address is no object")
    email, phone = _text(claims, "email"), _text(claims, "phone_number")
    profile = Profile(
        email=email,
        # Only JSON true counts: a text "false" is true for many programs.
        email_verified=bool(email) and claims.get("email_verified") is True,
        phone_number=phone,
        phone_number_verified=bool(phone) and claims.get("phone_number_verified") is True,
        address={name: text for name in ADDRESS_PARTS if (text := _text(address, name))},
        claims={name: text for name, text in texts.items() if text},
    )
    wrong = mistakes(with_profile(User(id="", username="a"), profile))
    if wrong:
        raise InvalidRequest(wrong[0])
    return profile


def lenient_profile(claims: Mapping[str, Any]) -> Profile:
    """The same without the claims that are wrong: for a source that the operator can't correct."""
    valid: dict[str, Any] = {}
    for name, value in claims.items():
        try:
            read_profile({name: value})
        except InvalidRequest:
            continue
        valid[name] = value
    return read_profile(valid)


def check_subject(subject: str) -> None:
    """Raises InvalidRequest for a subject that is empty, too long or not printable."""
    if not subject or len(subject) > MAX_SUBJECT or not subject.isprintable():
        raise InvalidRequest(f"the subject is empty, not printable, or over {MAX_SUBJECT} long")


def provision(
    source: str,
    subject: str,
    *,
    profile: Profile | None,
    name: str = "",
    groups: tuple[str, ...] | None = None,
    label: str = "",
    env: Env,
) -> Rule[Provisioned]:
    """The user who is `subject` at `source`, made now if unknown. `profile` replaces what is
    stored about a user whom this source made; None leaves it as it is. `name` and `groups` are as
    in `Identity`, "" and None leave them. `label` is for the username of a new user, "" for
    the subject. Raises Inactive, and InvalidRequest for a wrong
    subject."""
    check_subject(subject)
    query = OneByAlias(Identity, identity_alias(source, subject))
    identity = (yield (query,)).one(query)
    if identity is None:
        new = _new(source, subject, label=label, profile=profile or Profile(), env=env)
        identity = new_identity(new.user.id, source, subject, env=env)
        identity = msgspec.structs.replace(identity, name=name, groups=groups or ())
        return msgspec.structs.replace(new, changes=(Create(new.user), Create(identity)))
    owner = One(User, identity.user)
    user = (yield (owner,)).one(owner)
    if user is None or user.status != "active":
        raise Inactive(detail=f"user {identity.user} is {'gone' if user is None else user.status}")
    changes: tuple[Change, ...] = ()
    fresh = user if profile is None or identity.linked else with_profile(user, profile)
    if not user.external:
        # An import by an earlier version left it out.
        fresh = known_as(fresh, source, subject)
    if fresh != user:
        fresh = msgspec.structs.replace(fresh, changed=env.now)
        changes = (Update(fresh),)
    current = msgspec.structs.replace(
        identity,
        name=name or identity.name,
        groups=identity.groups if groups is None else groups,
    )
    if current != identity:
        changes += (Update(current),)
    return Provisioned(fresh, changes)


def _new(source: str, subject: str, *, label: str, profile: Profile, env: Env) -> Provisioned:
    user = known_as(new_user(label or subject, profile=profile, env=env), source, subject)
    audit_event = event(env, "signed-up", by="user", user=user.id, note=source)
    return Provisioned(user, events=(audit_event,))


def new_user(label: str, *, profile: Profile, env: Env) -> User:
    """A new user who is known elsewhere, there by the name `label`."""
    name = ids.user_id(env)
    user = User(
        id=name,
        username=generated_username(name, label),
        created=env.now,
        changed=env.now,
    )
    return with_profile(user, profile)


def known_as(user: User, source: str, subject: str) -> User:
    """The user, who is `subject` at `source`: the platform's APIs know them by that."""
    return msgspec.structs.replace(user, external=subject) if source == PLATFORM else user


def generated_username(user: str, label: str) -> str:
    """The username of a user who is known elsewhere by the name `label`."""
    # Nobody can type it at the sign-in form, or choose it at sign-up; the id makes it unique.
    return f"{GENERATED}{user[-8:]}:{label[:_NAME]}"


def new_identity(user: str, source: str, subject: str, *, env: Env) -> Identity:
    """Who the user is elsewhere."""
    return Identity(
        id=ids.owned_id(env, owner=user),
        user=user,
        source=source,
        subject=subject,
        created=env.now,
    )


def with_profile(user: User, profile: Profile) -> User:
    """The user with what a source says."""
    return msgspec.structs.replace(user, **msgspec.structs.asdict(profile))


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_CLAIM:
        raise InvalidRequest(f"{name} is no text of at most {MAX_CLAIM} characters")
    return value
