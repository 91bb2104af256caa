"""Users that a source provisions: created, changed and erased."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from scim2_models.exceptions import (
    InvalidValueException,
    NotFoundException,
    PreconditionFailedException,
    UniquenessException,
)

from valetkey.server.accounts.provisioning import (
    MAX_SUBJECT,
    Profile,
    generated_username,
    known_as,
    lenient_profile,
    new_identity,
    new_user,
    with_profile,
)
from valetkey.server.endpoints.scim import schemas
from valetkey.server.endpoints.scim.schemas import Document
from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.directory import ProvisionedUser, index_value, username_alias
from valetkey.server.model.event import event
from valetkey.server.model.query import Many, One, OneByAlias, Rule
from valetkey.server.model.user import Identity, User, identity_alias
from valetkey.server.oauth.admin import removal
from valetkey.server.oauth.admin.user_status import with_status
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.endpoints.scim import Provisioner
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 7644", "3.3")

SCHEMAS: Final = [str(schemas.User.__schema__)]

_FIELDS: Final = frozenset({"schemas", "userName", "externalId", "active"})
"""Attributes that are fields of the record, or the same for everybody."""


class WrittenUser(Outcome, frozen=True, kw_only=True, eq=False):
    """The user as now stored."""

    record: ProvisionedUser


def document_of(record: ProvisionedUser) -> Document:
    """The resource, without `meta`."""
    document: Document = {
        "schemas": SCHEMAS,
        "id": record.id,
        "externalId": record.external_id or None,
        "userName": record.username,
        "active": record.active,
        **record.attributes,
    }
    return {name: value for name, value in document.items() if value is not None}


def find(name: str, by: Provisioner) -> Rule[ProvisionedUser]:
    """The user with this id. Raises NotFoundException for one of another source too (ATTACKS
    A110)."""
    query = One(ProvisionedUser, name)
    record = (yield (query,)).one(query)
    if record is None or record.source != by.source:
        raise NotFoundException(detail="no such user")
    return record


def show(name: str, by: Provisioner) -> Rule[WrittenUser]:
    """The user with this id. Raises NotFoundException."""
    return WrittenUser(record=(yield from find(name, by)))


def create(document: Document, by: Provisioner, context: Context) -> Rule[WrittenUser]:
    """Creates the user. If someone has signed in with the same subject before, it is their
    account. Raises UniquenessException, InvalidValueException."""
    env = context.env
    draft = ProvisionedUser(id="", source=by.source, username="", created=env.now, changed=env.now)
    draft = _filled(draft, document)
    yield from _check_free(draft)
    owner = yield from _owner(by.source, _subject(draft, by))
    user = owner or new_user(draft.username, profile=Profile(), env=env)
    record = msgspec.structs.replace(draft, id=user.id)
    record = msgspec.structs.replace(record, subject=_subject(record, by))
    stored = msgspec.structs.replace(record, version=1)
    if owner is not None:
        there = One(ProvisionedUser, owner.id)
        if (yield (there,)).one(there) is not None:
            raise UniquenessException(detail="the subject is another user's")
        changed = yield from _user_changes(user, record, by, context=context)
        return msgspec.structs.replace(
            changed, record=stored, changes=(Create(record), *changed.changes)
        )
    user = known_as(with_profile(user, _profile(record, user, by)), by.source, record.subject)
    if not record.is_active:
        user = msgspec.structs.replace(user, status="disabled", disabled_by=(by.source,))
    identity = _identity(record, context)
    return WrittenUser(
        record=stored,
        changes=(Create(user), Create(record), *(Create(one) for one in identity)),
        events=(event(env, "signed-up", by="app", user=user.id, client=by.client, note=by.source),),
    )


def change(
    name: str,
    after: Callable[[Document], Document],
    by: Provisioner,
    *,
    if_match: str = "",
    context: Context,
) -> Rule[WrittenUser]:
    """Changes the user to what `after` makes of the resource. `if_match` is the entity tag that the
    client knows, "" for any. Raises SCIMException, ValidationError."""
    before = yield from find(name, by)
    check_version(before.version, if_match)
    record = _filled(before, after(document_of(before)))
    record = msgspec.structs.replace(record, subject=_subject(record, by))
    if record == before:
        return WrittenUser(record=before)
    yield from _check_free(record)
    query = One(User, name)
    user = (yield (query,)).one(query)
    if user is None:
        raise NotFoundException(detail="no such user")
    identity = yield from _moved_identity(before, record, context)
    changed = yield from _user_changes(user, record, by, context=context)
    record = msgspec.structs.replace(record, changed=context.env.now)
    return msgspec.structs.replace(
        changed,
        record=msgspec.structs.replace(record, version=before.version + 1),
        changes=(Update(record), *identity, *changed.changes),
    )


def erase(
    name: str, by: Provisioner, *, if_match: str = "", context: Context
) -> Rule[removal.Removed]:
    """Erases the user (see `removal.erase`). Raises NotFoundException,
    PreconditionFailedException."""
    record = yield from find(name, by)
    check_version(record.version, if_match)
    query = One(User, name)
    user = (yield (query,)).one(query)
    if user is None:
        raise NotFoundException(detail="no such user")
    return (yield from removal.erase(user, by="app", context=context))


def check_version(version: int, if_match: str) -> None:
    """Raises PreconditionFailedException if the client knows another version (RFC 7644 3.14)."""
    tags = [one.strip().removeprefix("W/") for one in if_match.split(",")]
    if if_match and "*" not in tags and schemas.etag(version).removeprefix("W/") not in tags:
        raise PreconditionFailedException(detail="the resource has changed")


def _filled(record: ProvisionedUser, document: Document) -> ProvisionedUser:
    """The record with what a resource says."""
    return msgspec.structs.replace(
        record,
        username=_name(document, "userName"),
        external_id=_name(document, "externalId") if document.get("externalId") else "",
        active=document.get("active"),
        attributes={name: value for name, value in document.items() if name not in _FIELDS},
    )


def _name(document: Document, attribute: str) -> str:
    value = document[attribute]
    if not value.strip() or not value.isprintable() or len(value) > MAX_SUBJECT:
        detail = f"{attribute} is empty, not printable, or over {MAX_SUBJECT} characters long"
        raise InvalidValueException(detail=detail)
    return str(value)


def _check_free(record: ProvisionedUser) -> Rule[None]:
    """Raises UniquenessException if the source has another user of these names."""
    same_name = OneByAlias(ProvisionedUser, username_alias(record.source, record.username))
    same_id = Many(ProvisionedUser, "external", index_value(record.source, record.external_id))
    results = yield (same_name, same_id) if record.external_id else (same_name,)
    named = results.one(same_name)
    if named is not None and named.id != record.id:
        raise UniquenessException(attribute="userName", detail="userName is another user's")
    if any(one.key != record.id for one in results.records(same_id)):
        raise UniquenessException(attribute="externalId", detail="externalId is another user's")


def _subject(record: ProvisionedUser, by: Provisioner) -> str:
    """The user's subject at the source, "" for none."""
    subjects = {"externalId": record.external_id, "userName": record.username, "id": record.id}
    return subjects[by.terms.subject]


def _owner(source: str, subject: str) -> Rule[User | None]:
    """The user who has signed in with this subject before."""
    if not subject:
        return None
    query = OneByAlias(Identity, identity_alias(source, subject))
    identity = (yield (query,)).one(query)
    if identity is None:
        return None
    owner = One(User, identity.user)
    return (yield (owner,)).one(owner)


def _identity(record: ProvisionedUser, context: Context) -> tuple[Identity, ...]:
    """Who the user is at the source, where they have a subject."""
    if not record.subject:
        return ()
    return (new_identity(record.id, record.source, record.subject, env=context.env),)


def _moved_identity(
    before: ProvisionedUser, after: ProvisionedUser, context: Context
) -> Rule[tuple[Change, ...]]:
    """The changes that give the user another subject. Raises UniquenessException."""
    if before.subject == after.subject:
        return ()
    old, new = (
        OneByAlias(Identity, identity_alias(one.source, one.subject)) for one in (before, after)
    )
    results = yield (old, new)
    theirs, taken = results.one(old), results.one(new)
    if taken is not None:
        raise UniquenessException(detail="the subject is another user's")
    removed = () if theirs is None or theirs.user != after.id else (Remove(theirs),)
    return (*removed, *(Create(one) for one in _identity(after, context)))


def _user_changes(
    user: User, record: ProvisionedUser, by: Provisioner, *, context: Context
) -> Rule[WrittenUser]:
    """The changes of the account: its profile, and whether it is active."""
    after = known_as(with_profile(user, _profile(record, user, by)), by.source, record.subject)
    if user.has_generated_name:
        name = generated_username(user.id, record.username)
        after = msgspec.structs.replace(after, username=name)
    status = yield from with_status(
        after, "active" if record.is_active else "disabled", by=by.source, context=context
    )
    changes = status.changes
    if not changes and after != user:
        changes = (Update(msgspec.structs.replace(after, changed=context.env.now)),)
    return WrittenUser(record=record, changes=changes, events=status.events)


_CLAIMS: Final = {
    "displayName": "name",
    "nickName": "nickname",
    "profileUrl": "profile",
    "locale": "locale",
    "timezone": "zoneinfo",
}
_NAMES: Final = {
    "formatted": "name",
    "familyName": "family_name",
    "givenName": "given_name",
    "middleName": "middle_name",
}
_ADDRESS: Final = {
    "formatted": "formatted",
    "streetAddress": "street_address",
    "locality": "locality",
    "region": "region",
    "postalCode": "postal_code",
    "country": "country",
}


def _profile(record: ProvisionedUser, user: User, by: Provisioner) -> Profile:
    """The profile in the attributes, as far as this server can use them."""
    attributes = record.attributes
    email = _primary(attributes, "emails").get("value", "")
    was_verified = user.email_verified and user.email == email
    claims = _renamed(attributes.get("name", {}), _NAMES) | _renamed(attributes, _CLAIMS)
    return lenient_profile(
        {
            **claims,
            "email": email,
            # An address that nobody verified gets no reset of a password (ATTACKS A110).
            "email_verified": by.terms.email_verified or was_verified,
            "phone_number": _primary(attributes, "phoneNumbers").get("value", ""),
            "address": _renamed(_primary(attributes, "addresses"), _ADDRESS),
        }
    )


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {ours: values[theirs] for theirs, ours in names.items() if theirs in values}


def _primary(attributes: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The primary one of several values, or the first."""
    values: list[Mapping[str, Any]] = attributes.get(name) or [{}]
    return next((one for one in values if one.get("primary")), values[0])
