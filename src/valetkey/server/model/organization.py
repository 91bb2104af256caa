"""Organizations: companies whose people have accounts here, and what they decide for them."""

from typing import Annotated, ClassVar, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from valetkey.server.model.record import Record

AppId = Annotated[str, Meta(min_length=1, max_length=1000)]
PermissionId = Annotated[str, Meta(min_length=1, max_length=200)]
OrganizationId = Annotated[
    str, Meta(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$", max_length=64)
]

AppsRule: TypeAlias = Literal["all", "verified", "listed"]


class OrganizationRule(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What members may allow.

    `apps` says which apps: all, those that the platform has verified, or only those in `listed`,
    which are allowed in any case. Apps in `blocked` never are. `permissions` are the most that any
    app may have, None for all; `forbidden` are those that none may have. `ask`: members may ask for
    an app that is not allowed.
    """

    apps: AppsRule = "all"
    listed: Annotated[tuple[AppId, ...], Meta(max_length=1000)] = ()
    blocked: Annotated[tuple[AppId, ...], Meta(max_length=1000)] = ()
    permissions: Annotated[tuple[PermissionId, ...], Meta(max_length=1000)] | None = None
    forbidden: Annotated[tuple[PermissionId, ...], Meta(max_length=1000)] = ()
    ask: bool = True

    def with_app(self, app: str) -> "OrganizationRule":
        """The rule that allows this app too."""
        if app in self.listed and app not in self.blocked:
            return self
        return msgspec.structs.replace(
            self,
            listed=self.listed if app in self.listed else (*self.listed, app),
            blocked=tuple(one for one in self.blocked if one != app),
        )


EVERYTHING: Final = OrganizationRule()
"""The rule of an organization that decides nothing."""


_LINE: Final = r"^[^\u0000-\u001f\u007f]*$"


class GroupSource(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """A group whose users are members. `source` is where they sign in (see `model.user.Identity`):
    `platform`, or an issuer; or `scim:` and the source of a directory that provisions groups."""

    source: Annotated[str, Meta(min_length=1, max_length=1000, pattern=_LINE)]
    group: Annotated[str, Meta(min_length=1, max_length=255, pattern=_LINE)]


class Organization(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An organization. `groups` are those whose users become members by themselves. `revision`
    counts the rules; `applied` is the last one that every member's grants are masked by. `created`
    and `changed` are in seconds since 1970."""

    table: ClassVar[str] = "organizations"

    id: str
    name: str
    rule: OrganizationRule = EVERYTHING
    groups: tuple[GroupSource, ...] = ()
    revision: int = 1
    applied: int = 1
    created: int
    changed: int

    @property
    def key(self) -> str:
        return self.id


class OrganizationGroup(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The organization whose members are the users in a group; a group has one at most."""

    table: ClassVar[str] = "organization_groups"
    indexes: ClassVar[tuple[str, ...]] = ("organization",)

    source: str
    group: str
    organization: str

    @property
    def key(self) -> str:
        return group_key(self.source, self.group)

    @classmethod
    def place_of_index(cls, index: str, value: str) -> int | None:
        return 0


def group_key(source: str, group: str) -> str:
    """The key of an `OrganizationGroup`."""
    return f"{source}\n{group}"


PROVISIONED: Final = "scim:"
"""Begins the source of groups that another system provisions (SCIM): those of a user's sign-in say
nothing about them."""

ADMINISTRATION: Final = "administration"
"""The origin of members whom an administrator added."""


class Membership(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A user in an organization. `administrator`: they decide for it. `origin` is ADMINISTRATION,
    or the source whose group made them a member. `revision` is the rule that their grants are
    masked by: a consent writes this row too, so no grant is ever made by an older rule."""

    table: ClassVar[str] = "memberships"
    indexes: ClassVar[tuple[str, ...]] = ("organization", "user")

    organization: str
    user: str
    administrator: bool = False
    origin: str = ADMINISTRATION
    revision: int = 0
    created: int

    @property
    def key(self) -> str:
        return member_key(self.organization, self.user)

    @classmethod
    def place_of_index(cls, index: str, value: str) -> int | None:
        return 0


def member_key(organization: str, user: str) -> str:
    """The key of a `Membership`."""
    return f"{organization} {user}"


class AppRequest(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A member asks for an app that their organization does not allow. `permissions` are those that
    the app requested. The organization's administrators see it until they answer."""

    table: ClassVar[str] = "app_requests"
    indexes: ClassVar[tuple[str, ...]] = ("organization", "user")

    organization: str
    user: str
    client: str
    permissions: tuple[str, ...] = ()
    created: int

    @property
    def key(self) -> str:
        return f"{self.organization} {self.user} {self.client}"

    @classmethod
    def place_of_index(cls, index: str, value: str) -> int | None:
        return 0

    @property
    def forget_at(self) -> int:
        return self.created + 90 * 86400
