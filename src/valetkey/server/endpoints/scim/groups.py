"""Groups that a source provisions, and their members."""

from collections.abc import Callable
from typing import Final

import msgspec
from scim2_models.exceptions import InvalidValueException, NotFoundException

from valetkey.server.endpoints.scim import schemas
from valetkey.server.endpoints.scim.schemas import Document
from valetkey.server.endpoints.scim.users import check_version
from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.directory import GroupMember, ProvisionedGroup, ProvisionedUser
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.endpoints.scim import MAX_MEMBERS, Provisioner
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 7643", "4.2")

SCHEMAS: Final = [str(schemas.Group.__schema__)]

MAX_NAME: Final = 255
"""Characters of a name."""


class WrittenGroup(Outcome, frozen=True, kw_only=True, eq=False):
    """The group as now stored, with the ids of its members."""

    record: ProvisionedGroup
    members: tuple[str, ...]


def document_of(record: ProvisionedGroup, members: tuple[str, ...], *, base: str) -> Document:
    """The resource, without `meta`. `base` is the address of the SCIM endpoints."""
    document: Document = {"schemas": SCHEMAS, "id": record.id, "displayName": record.display}
    if record.external_id:
        document["externalId"] = record.external_id
    if members:
        document["members"] = [
            {"value": one, "$ref": f"{base}/Users/{one}", "type": "User"} for one in members
        ]
    return document


def find(name: str, by: Provisioner) -> Rule[ProvisionedGroup]:
    """The group with this id. Raises NotFoundException for one of another source too."""
    query = One(ProvisionedGroup, name)
    record = (yield (query,)).one(query)
    if record is None or record.source != by.source:
        raise NotFoundException(detail="no such group")
    return record


def show(name: str, by: Provisioner) -> Rule[WrittenGroup]:
    """The group with this id. Raises NotFoundException."""
    record = yield from find(name, by)
    query = Many(GroupMember, "group", name)
    members = tuple(one.user for one in (yield (query,)).many(query))
    return WrittenGroup(record=record, members=members)


def create(document: Document, by: Provisioner, context: Context) -> Rule[WrittenGroup]:
    """Creates the group. Raises InvalidValueException for a member that is no user of the
    source."""
    now = context.env.now
    nobody = ProvisionedGroup(
        id=ids.free_id(context.env), source=by.source, display="", created=now, changed=now
    )
    record = _filled(nobody, document)
    members = _members(document)
    joined = yield from _joined(record, members, by)
    return WrittenGroup(
        record=msgspec.structs.replace(record, version=1),
        members=members,
        changes=(Create(record), *joined),
    )


def change(
    name: str,
    after: Callable[[Document], Document],
    by: Provisioner,
    *,
    if_match: str = "",
    context: Context,
) -> Rule[WrittenGroup]:
    """Changes the group to what `after` makes of the resource. Raises SCIMException,
    ValidationError."""
    before = yield from find(name, by)
    check_version(before.version, if_match)
    query = Many(GroupMember, "group", name)
    there = {one.user: one for one in (yield (query,)).many(query)}
    document = after(document_of(before, tuple(there), base=""))
    members, record = _members(document), _filled(before, document)
    joined = yield from _joined(record, tuple(one for one in members if one not in there), by)
    removed = [Remove(one) for user, one in there.items() if user not in set(members)]
    if record == before and not joined and not removed:
        return WrittenGroup(record=before, members=members)
    record = msgspec.structs.replace(record, changed=context.env.now)
    return WrittenGroup(
        record=msgspec.structs.replace(record, version=before.version + 1),
        members=members,
        changes=(Update(record), *joined, *removed),
    )


def remove(
    name: str, by: Provisioner, *, if_match: str = "", context: Context
) -> Rule[WrittenGroup]:
    """Removes the group; its members stay users."""
    record = yield from find(name, by)
    check_version(record.version, if_match)
    query = Many(GroupMember, "group", name)
    members = (yield (query,)).many(query)
    changes = (Remove(record), *(Remove(one) for one in members))
    return WrittenGroup(record=record, members=(), changes=changes)


def _filled(record: ProvisionedGroup, document: Document) -> ProvisionedGroup:
    return msgspec.structs.replace(
        record,
        display=_name(document["displayName"], "displayName"),
        external_id=_name(document["externalId"], "externalId")
        if document.get("externalId")
        else "",
    )


def _name(value: str, attribute: str) -> str:
    if not value.strip() or not value.isprintable() or len(value) > MAX_NAME:
        detail = f"{attribute} is empty, not printable, or over {MAX_NAME} characters long"
        raise InvalidValueException(detail=detail)
    return value


def _members(document: Document) -> tuple[str, ...]:
    """The members in a resource, each once."""
    members = tuple(dict.fromkeys(one["value"] for one in document.get("members") or ()))
    if len(members) > MAX_MEMBERS:
        raise InvalidValueException(detail=f"a group has at most {MAX_MEMBERS} members")
    return members


def _joined(
    group: ProvisionedGroup, new: tuple[str, ...], by: Provisioner
) -> Rule[tuple[Change, ...]]:
    """The changes that add these users. Raises InvalidValueException."""
    if not new:
        return ()
    queries = {one: One(ProvisionedUser, one) for one in new}
    results = yield tuple(queries.values())
    for name, query in queries.items():
        user = results.one(query)
        if user is None or user.source != by.source:
            raise InvalidValueException(detail=f"member {name[:100]!r} is no user")
    return tuple(Create(GroupMember(group=group.id, user=one)) for one in new)
