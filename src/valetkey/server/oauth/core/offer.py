"""Everything that can be granted here: the catalogs of all resource servers, and the scopes over
them."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from valetkey.server.model.resource import ResourceServer, identity
from valetkey.server.oauth.core.memo import Memo
from valetkey.spec import names
from valetkey.spec.errors import InvalidScope, InvalidTarget
from valetkey.wire.address import canonical
from valetkey.wire.catalog import Catalog, Permission

EXPANDED: Final = 512
"""How many results for scopes are remembered."""


class Locked(msgspec.Struct, frozen=True):
    """The permissions of one API that stay locked, riskiest first, and the API's `name`. `whole`:
    all of its permissions are locked."""

    resource: str
    name: str
    permissions: tuple[Permission, ...]
    whole: bool


class Offer:
    """The closed set of permissions, in the order of the catalogs."""

    def __init__(
        self,
        issuer: str,
        resource_servers: Sequence[ResourceServer] = (),
        *,
        reserved: Catalog | None = None,
    ) -> None:
        """`reserved` is the catalog of the administration API: its permissions can be granted, but
        only to apps that an owner listed, so nothing lists them (`Client.admin`)."""
        self.issuer = issuer
        self.reserved = reserved
        self.catalogs: tuple[Catalog, ...] = (
            identity(issuer),
            *(server.catalog for server in resource_servers),
        )
        self.permissions: dict[str, Permission] = {}
        self.resource_of: dict[str, str] = {}
        self.revisions = {server.catalog.resource: server.revision for server in resource_servers}
        self.status_list_resources = frozenset(
            one.catalog.resource for one in resource_servers if one.status_list
        )
        """The resource servers that look up tokens in status lists."""
        self.split_token_resources = frozenset(
            one.catalog.resource for one in resource_servers if one.split
        )
        """The resource servers that get API halves of split tokens."""
        self._sets: dict[str, tuple[str, ...]] = {}
        self._names: dict[str, frozenset[str]] = {}
        self._spelled = {canonical(one.resource): one.resource for one in self.catalogs}
        # The reserved one first: where an API has declared such a name, the name is the API's.
        first, *others = self.catalogs
        for catalog in (first, *(() if reserved is None else (reserved,)), *others):
            for permission in catalog.permissions:
                self.permissions[permission.id] = permission
                self.resource_of[permission.id] = catalog.resource
            self._sets.update(catalog.scopes)
            ids = (permission.id for permission in catalog.permissions)
            self._names[catalog.resource] = frozenset((*ids, *catalog.scopes))
        self.reserved_names = frozenset() if reserved is None else self._reserve(reserved)
        """The permissions of the administration API."""
        # Clients request the same scopes again and again, and an offer never changes.
        self.memo = Memo()
        self._expanded = self.memo.of(self._expand, size=EXPANDED)
        self._registered = self.memo.of(self._expand_known, size=EXPANDED)
        self._named = self.memo.of(self._names_for, size=EXPANDED)
        self._sorted = self.memo.of(self._in_order, size=EXPANDED)
        self._spoken = self.memo.of(self._audience, size=EXPANDED)
        self._locked = self.memo.of(self._all_but, size=EXPANDED)

    def _reserve(self, catalog: Catalog) -> frozenset[str]:
        self._spelled.setdefault(canonical(catalog.resource), catalog.resource)
        own = (one.id for one in catalog.permissions)
        return frozenset(one for one in own if self.resource_of[one] == catalog.resource)

    @property
    def resources(self) -> tuple[str, ...]:
        """The identifiers of the resource servers, the authorization server itself first. The
        administration API is not among them."""
        return tuple(catalog.resource for catalog in self.catalogs)

    @property
    def scopes(self) -> tuple[str, ...]:
        """All names that the `scope` of any app may have."""
        return (*self.open_permissions, *self._sets)

    @property
    def open_permissions(self) -> tuple[str, ...]:
        """The permissions that any app may request: all but the reserved ones."""
        return tuple(one for one in self.permissions if one not in self.reserved_names)

    def find_resource(self, spelling: str) -> str:
        """The identifier of a resource server in any spelling (RFC 3986 6.2.3), "" for none. A
        token has the spelling that its app used."""
        if spelling in self._names:
            return spelling
        return self._spelled.get(canonical(spelling), "")

    def is_for(self, audience: Iterable[str], resource: str) -> bool:
        """Whether this audience includes the resource server, in any spelling."""
        return resource in audience or any(self.find_resource(one) == resource for one in audience)

    def find_resources(self, audience: Iterable[str]) -> frozenset[str]:
        """The identifiers of the resource servers in an audience."""
        return frozenset(map(self.find_resource, audience))

    def concerns(self, names: Iterable[str], resource: str) -> bool:
        """Whether any of these permissions, permission sets, or resources belongs to this resource
        server. True for a name that is no longer known."""
        for name in names:
            if name in self._names:
                if name == resource:
                    return True
                continue
            if name not in self.permissions and name not in self._sets:
                return True
            if any(self.resource_of[one] == resource for one in self.expand((name,))):
                return True
        return False

    def names_of(self, resource: str) -> frozenset[str]:
        """The permissions of one resource server, and its names for permission sets."""
        return self._names.get(resource, frozenset())

    def expand(self, scope: Iterable[str]) -> tuple[str, ...]:
        """The permissions that the names stand for, with implied ones, in catalog order.

        Raises InvalidScope for an undeclared name.
        """
        return self._expanded(tuple(scope))

    def _expand(self, scope: tuple[str, ...]) -> tuple[str, ...]:
        members: set[str] = set()
        for name in scope:
            if name not in self.permissions and name not in self._sets:
                raise InvalidScope("the scope names something unknown", detail=f"{name[:80]!r}")
            members.update(self._sets.get(name, (name,)))
        return self.ordered(self.with_implied(members))

    def expand_known(self, scope: Iterable[str]) -> tuple[str, ...]:
        """As `expand`, for names that were declared once: names that a catalog has dropped are
        skipped."""
        return self._registered(tuple(scope))

    def _expand_known(self, scope: tuple[str, ...]) -> tuple[str, ...]:
        return self.expand(name for name in scope if name in self.permissions or name in self._sets)

    def with_implied(self, permissions: Iterable[str]) -> set[str]:
        """The permissions, and all permissions that they imply."""
        todo, reached = list(permissions), set[str]()
        while todo:
            one = todo.pop()
            if one not in reached and one in self.permissions:
                reached.add(one)
                todo.extend(self.permissions[one].implies)
        return reached

    def with_all_implied(self, permissions: Iterable[str]) -> set[str]:
        """The permissions whose implied permissions are all included too."""
        remaining = set(permissions)
        while incomplete := {
            one for one in remaining if not self.with_implied((one,)) <= remaining
        }:
            remaining -= incomplete
        return remaining

    def ordered(self, permissions: Iterable[str]) -> tuple[str, ...]:
        """The known ones of the permissions, in catalog order."""
        return self._sorted(tuple(permissions))

    def _in_order(self, permissions: tuple[str, ...]) -> tuple[str, ...]:
        members = frozenset(permissions)
        return tuple(one for one in self.permissions if one in members)

    def names(self, permissions: Iterable[str], *, requested: Iterable[str] = ()) -> str:
        """The `scope` for the permissions: each by its own name, followed by the requested names of
        sets that are complete."""
        return self._named(tuple(permissions), tuple(requested))

    def _names_for(self, permissions: tuple[str, ...], requested: tuple[str, ...]) -> str:
        members = self.ordered(permissions)
        whole = [
            name
            for name in requested
            if name in self._sets and frozenset(self._sets[name]) <= frozenset(members)
        ]
        return " ".join((*members, *whole))

    def within(self, permissions: Iterable[str], resources: Iterable[str]) -> tuple[str, ...]:
        """The permissions of these resource servers and of the authorization server."""
        members = self.find_resources(resources) | {self.issuer}
        return tuple(one for one in self.ordered(permissions) if self.resource_of[one] in members)

    def audience(self, permissions: Iterable[str], resources: Sequence[str]) -> tuple[str, ...]:
        """The audience of a token with these permissions: `resources` if there are any.

        RFC 9068 3: without a requested resource, the resource servers of the scope.
        """
        return tuple(resources) if resources else self._spoken(tuple(permissions))

    def _audience(self, permissions: tuple[str, ...]) -> tuple[str, ...]:
        # A token for this server opens UserInfo, which needs `openid`.
        named_resources = {self.resource_of[one] for one in permissions} - {self.issuer}
        if names.OPENID in permissions:
            named_resources.add(self.issuer)
        return tuple(one for one in self._names if one in named_resources) or (self.issuer,)

    def check_resources(self, resources: Iterable[str]) -> None:
        """Raise InvalidTarget for a resource server that is not registered (RFC 8707 2)."""
        for resource in resources:
            if not self.find_resource(resource):
                raise InvalidTarget("the resource is unknown", detail=f"{resource[:200]!r}")

    def check_listed(self, permissions: Iterable[str], listed: Iterable[str]) -> None:
        """Raise InvalidScope for a permission of the administration API that is not among those
        which an owner listed for the app."""
        refused = self.reserved_names.intersection(permissions).difference(listed)
        if refused:
            raise InvalidScope("this app is no tool of administrators", detail=f"{min(refused)!r}")

    def cannot(self, permissions: Iterable[str]) -> tuple[Locked, ...]:
        """All permissions that are not among these, by API: first APIs of which some are included,
        then the user's account, then APIs of which none is."""
        return self._locked(tuple(permissions))

    def _all_but(self, permissions: tuple[str, ...]) -> tuple[Locked, ...]:
        # Recognizing a user opens nothing, so it is not among what an app cannot do.
        can = frozenset((*permissions, "openid"))
        catalogs = self.catalogs
        if self.reserved is not None and not can.isdisjoint(self.reserved_names):
            catalogs = (*catalogs, self.reserved)
        account, *groups = (self._rest(catalog, can) for catalog in catalogs)
        touched = [one for one in groups if not one.whole]
        untouched = [one for one in groups if one.whole]
        return tuple(one for one in (*touched, account, *untouched) if one.permissions)

    def _rest(self, catalog: Catalog, can: frozenset[str]) -> Locked:
        rest = [one for one in catalog.permissions if one.id not in can]
        rank = {"high": 0, "medium": 1, "low": 2}
        return Locked(
            resource=catalog.resource,
            name=catalog.name,
            permissions=tuple(sorted(rest, key=lambda one: rank[one.risk])),
            # The user's own account is never listed as a whole.
            whole=len(rest) == len(catalog.permissions) and catalog.resource != self.issuer,
        )
