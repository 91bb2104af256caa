"""Users and groups as a source provisions them (SCIM, RFC 7643).

Each source sees only its own. The names that a source gives are unique within the source; ids are
this server's.
"""

from typing import Any, ClassVar

from valetkey.server.model.confusable import folded
from valetkey.server.model.record import Record


class ProvisionedUser(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A user of a source. The `id` is the user's. `attributes` is the resource as the source wrote
    it, without what the other fields hold. `active` is what the source says, None for nothing; an
    administrator's word is not in it. `subject` is the user's subject at the source (see
    `Identity`), "" for none. `created` and `changed` are in seconds since 1970."""

    table: ClassVar[str] = "provisioned_users"
    indexes: ClassVar[tuple[str, ...]] = ("source", "external", "email")

    id: str
    source: str
    username: str
    external_id: str = ""
    subject: str = ""
    active: bool | None = None
    attributes: dict[str, Any] = {}
    created: int
    changed: int

    @property
    def key(self) -> str:
        return self.id

    @property
    def is_active(self) -> bool:
        """Whether the source lets the user in."""
        return self.active is not False

    @property
    def alias(self) -> str:
        return username_alias(self.source, self.username)

    @property
    def external(self) -> str:
        """For the index of `externalId`."""
        return index_value(self.source, self.external_id)

    @property
    def email(self) -> str:
        """For the index of e-mail addresses: the first one."""
        first: dict[str, Any] = next(iter(self.attributes.get("emails", ())), {})
        return index_value(self.source, folded(str(first.get("value", ""))))


class ProvisionedGroup(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A group of a source. Its members are `GroupMember`s."""

    table: ClassVar[str] = "provisioned_groups"
    indexes: ClassVar[tuple[str, ...]] = ("source", "external", "name")

    id: str
    source: str
    display: str
    external_id: str = ""
    created: int
    changed: int

    @property
    def key(self) -> str:
        return self.id

    @property
    def external(self) -> str:
        """For the index of `externalId`."""
        return index_value(self.source, self.external_id)

    @property
    def name(self) -> str:
        """For the index of `displayName`."""
        return index_value(self.source, folded(self.display))


class GroupMember(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A user in a group, both of one source."""

    table: ClassVar[str] = "group_members"
    indexes: ClassVar[tuple[str, ...]] = ("group", "user")

    group: str
    user: str

    @property
    def key(self) -> str:
        return member_key(self.group, self.user)


def username_alias(source: str, username: str) -> str:
    """The alias of a provisioned user: user names differ by more than case (RFC 7643 4.1.1)."""
    return f"{source}\n{folded(username)}"


def index_value(source: str, value: str) -> str:
    """What an index of a provisioned record has for a value of the source, "" for none."""
    return f"{source}\n{value}" if value else ""


def member_key(group: str, user: str) -> str:
    """The key of a `GroupMember`."""
    return f"{group} {user}"
