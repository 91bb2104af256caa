"""The two kinds of resources, and what each does for the endpoints."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from valetkey.server.endpoints.scim import groups, schemas, users
from valetkey.server.endpoints.scim.groups import WrittenGroup
from valetkey.server.endpoints.scim.lists import STEP, Kind, Listing, LookUp
from valetkey.server.endpoints.scim.schemas import Document, Model
from valetkey.server.endpoints.scim.users import WrittenUser
from valetkey.server.model.confusable import folded
from valetkey.server.model.directory import (
    GroupMember,
    ProvisionedGroup,
    ProvisionedUser,
    index_value,
    username_alias,
)
from valetkey.server.model.query import Many, One, OneByAlias, PageQuery, Rule
from valetkey.server.model.record import Record
from valetkey.server.store.port import Store
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 7644", "3.2")

MAX_WITH_MEMBERS: Final = 10
"""Groups on a page that lists their members."""


class Stored(Protocol):
    """A resource as stored: a `WrittenUser` or a `WrittenGroup`."""

    @property
    def record(self) -> Any: ...


class ResourceKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of resource: the rules that show, create, change and remove one. `large` are
    attributes that are costly in lists."""

    name: str
    path: str
    model: Model
    listed: Kind[Any]
    show: Callable[..., Rule[Any]]
    create: Callable[..., Rule[Any]]
    change: Callable[..., Rule[Any]]
    remove: Callable[..., Rule[Any]]
    document: Callable[[Any, str], Document]
    large: frozenset[str] = frozenset()

    def bounded(self, listing: Listing) -> Listing:
        """The listing with fewer resources on a page, since they have their large attributes."""
        return msgspec.structs.replace(listing, count=min(listing.count, MAX_WITH_MEMBERS))

    async def fill(
        self, store: Store, records: Sequence[Record], *, with_members: bool
    ) -> list[Stored]:
        """The resources of a list. Raises Unavailable."""
        resources: list[Stored] = []
        for record in records:
            if not isinstance(record, ProvisionedGroup):
                resources.append(_Listed(record))
                continue
            query = Many(GroupMember, "group", record.id)
            members = (await store.read(query)).many(query) if with_members else ()
            resources.append(
                WrittenGroup(record=record, members=tuple(one.user for one in members))
            )
        return resources


class _Listed(msgspec.Struct, frozen=True):
    record: Any


def _page(record: type[Record], index: str, value: str) -> PageQuery[Any]:
    """At most so many have the value of an index that is not unique."""
    return PageQuery(record=record, index=index, value=value, limit=STEP)


def _email(source: str, value: str) -> PageQuery[Any]:
    return _page(ProvisionedUser, "email", index_value(source, folded(value)))


def _member(source: str, value: str) -> PageQuery[Any]:
    return _page(GroupMember, "user", value)


_USER_LOOKUPS: Final[Mapping[str, LookUp]] = {
    "id": lambda source, value: One(ProvisionedUser, value),
    "username": lambda source, value: OneByAlias(ProvisionedUser, username_alias(source, value)),
    "externalid": lambda source, value: _page(
        ProvisionedUser, "external", index_value(source, value)
    ),
    "emails": _email,
    "emails.value": _email,
}

_GROUP_LOOKUPS: Final[Mapping[str, LookUp]] = {
    "id": lambda source, value: One(ProvisionedGroup, value),
    "externalid": lambda source, value: _page(
        ProvisionedGroup, "external", index_value(source, value)
    ),
    "members": _member,
    "members.value": _member,
    "displayname": lambda source, value: _page(
        ProvisionedGroup, "name", index_value(source, folded(value))
    ),
}


def _with_meta(document: Document, record: Any, kind: str) -> Document:
    """For filters by the time of a change."""
    meta = schemas.meta(
        kind, "", created=record.created, changed=record.changed, version=record.version
    )
    return document | {"meta": meta}


def _user(stored: WrittenUser, base: str) -> Document:
    return users.document_of(stored.record)


def _group(stored: WrittenGroup, base: str) -> Document:
    return groups.document_of(stored.record, stored.members, base=base)


KINDS: Final[Mapping[str, ResourceKind]] = {
    "Users": ResourceKind(
        name="User",
        path="Users",
        model=schemas.User,
        listed=Kind(
            record=ProvisionedUser,
            model=schemas.User,
            lookups=_USER_LOOKUPS,
            document=lambda record: _with_meta(users.document_of(record), record, "User"),
        ),
        show=users.show,
        create=users.create,
        change=users.change,
        remove=users.erase,
        document=_user,
    ),
    "Groups": ResourceKind(
        name="Group",
        path="Groups",
        model=schemas.Group,
        listed=Kind(
            record=ProvisionedGroup,
            model=schemas.Group,
            lookups=_GROUP_LOOKUPS,
            document=lambda record: _with_meta(
                groups.document_of(record, (), base=""), record, "Group"
            ),
        ),
        show=groups.show,
        create=groups.create,
        change=groups.change,
        remove=groups.remove,
        document=_group,
        large=frozenset({"members"}),
    ),
}
"""By the path of the endpoint."""
