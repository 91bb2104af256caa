"""All that can be opened here: the catalogs of every resource server, and the scopes over them."""

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
"""Scopes whose permissions are remembered, the last used ones."""


class Locked(msgspec.Struct, frozen=True):
    """What stays locked of one API, which calls itself `name`; riskiest first. `whole`: nothing of
    it is open."""

    resource: str
    name: str
    permissions: tuple[Permission, ...]
    whole: bool


class Offer:
    """The closed set of permissions, in the order in which the catalogs list them."""

    def __init__(self, issuer: str, resource_servers: Sequence[ResourceServer] = ()) -> None:
        self.issuer = issuer
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
        """The resource servers that look into status lists."""
        self.split_token_resources = frozenset(
            one.catalog.resource for one in resource_servers if one.split
        )
        """Those whose tokens come in halves."""
        self._sets: dict[str, tuple[str, ...]] = {}
        self._names: dict[str, frozenset[str]] = {}
        self._spelled = {canonical(one.resource): one.resource for one in self.catalogs}
        for catalog in self.catalogs:
            for permission in catalog.permissions:
                self.permissions[permission.id] = permission
                self.resource_of[permission.id] = catalog.resource
            self._sets.update(catalog.scopes)
            ids = (permission.id for permission in catalog.permissions)
            self._names[catalog.resource] = frozenset((*ids, *catalog.scopes))
        # Clients request the same scopes again and again, and an offer never changes.
        self.memo = Memo()
        self._expanded = self.memo.of(self._expand, size=EXPANDED)
        self._registered = self.memo.of(self._known, size=EXPANDED)
        self._named = self.memo.of(self._names_for, size=EXPANDED)
        self._sorted = self.memo.of(self._in_order, size=EXPANDED)
        self._spoken = self.memo.of(self._audience, size=EXPANDED)
        self._locked = self.memo.of(self._all_but, size=EXPANDED)

    @property
    def resources(self) -> tuple[str, ...]:
        """The identifiers of the resource servers, the authorization server itself first."""
        return tuple(catalog.resource for catalog in self.catalogs)

    @property
    def scopes(self) -> tuple[str, ...]:
        """Every name that a `scope` parameter may hold."""
        return (*self.permissions, *self._sets)

    def find_resource(self, spelling: str) -> str:
        """The identifier of the resource server that is meant (RFC 3986 6.2.3), "" for none.
        Tokens say it as their app spelled it."""
        if spelling in self._names:
            return spelling
        return self._spelled.get(canonical(spelling), "")

    def is_for(self, audience: Iterable[str], resource: str) -> bool:
        """Whether this audience has the resource server in it, in any spelling."""
        return resource in audience or any(self.find_resource(one) == resource for one in audience)

    def find_resources(self, audience: Iterable[str]) -> frozenset[str]:
        """The identifiers of the resource servers in an audience."""
        return frozenset(map(self.find_resource, audience))

    def concerns(self, names: Iterable[str], resource: str) -> bool:
        """Whether any of these permissions, sets of them, or resources is of this resource server;
        so it is of each, where one is not known here any more."""
        for name in names:
            if name in self.resources:
                if name == resource:
                    return True
                continue
            if name not in self.permissions and name not in self._sets:
                return True
            if any(self.resource_of[one] == resource for one in self.expand((name,))):
                return True
        return False

    def names_of(self, resource: str) -> frozenset[str]:
        """The permissions of one resource server, and its names for sets of them."""
        return self._names.get(resource, frozenset())

    def expand(self, scope: Iterable[str]) -> tuple[str, ...]:
        """The permissions that the names stand for, implied ones included, in catalog order.

        Raises InvalidScope for a name that nobody declared.
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
        """As `expand`, for names that were right once: what a catalog has dropped since is passed
        over."""
        return self._registered(tuple(scope))

    def _known(self, scope: tuple[str, ...]) -> tuple[str, ...]:
        return self.expand(name for name in scope if name in self.permissions or name in self._sets)

    def with_implied(self, permissions: Iterable[str]) -> set[str]:
        """The permissions, and all that they imply."""
        todo, reached = list(permissions), set[str]()
        while todo:
            one = todo.pop()
            if one not in reached and one in self.permissions:
                reached.add(one)
                todo.extend(self.permissions[one].implies)
        return reached

    def with_all_implied(self, permissions: Iterable[str]) -> set[str]:
        """Those of the permissions of which all that they imply is among them as well."""
        remaining = set(permissions)
        while incomplete := {
            one for one in remaining if not self.with_implied((one,)) <= remaining
        }:
            remaining -= incomplete
        return remaining

    def ordered(self, permissions: Iterable[str]) -> tuple[str, ...]:
        """The known ones among the permissions, in catalog order."""
        return self._sorted(tuple(permissions))

    def _in_order(self, permissions: tuple[str, ...]) -> tuple[str, ...]:
        members = frozenset(permissions)
        return tuple(one for one in self.permissions if one in members)

    def names(self, permissions: Iterable[str], *, requested: Iterable[str] = ()) -> str:
        """The `scope` that says what the permissions are: each of them by its own name, and after
        them those asked names for sets of which every member is there."""
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
        """Those of the permissions that these resource servers, or the server itself, honour."""
        members = self.find_resources(resources) | {self.issuer}
        return tuple(one for one in self.ordered(permissions) if self.resource_of[one] in members)

    def audience(self, permissions: Iterable[str], resources: Sequence[str]) -> tuple[str, ...]:
        """Who a token with these permissions is for, narrowed to `resources` where there are any.

        RFC 9068 3: with no resource asked, those that the scope speaks of.
        """
        return tuple(resources) if resources else self._spoken(tuple(permissions))

    def _audience(self, permissions: tuple[str, ...]) -> tuple[str, ...]:
        # Here, a token opens UserInfo, and that is for `openid` alone.
        named_resources = {self.resource_of[one] for one in permissions} - {self.issuer}
        if names.OPENID in permissions:
            named_resources.add(self.issuer)
        return tuple(one for one in self.resources if one in named_resources) or (self.issuer,)

    def check_resources(self, resources: Iterable[str]) -> None:
        """Raises InvalidTarget for a resource server that is not registered (RFC 8707 2)."""
        for resource in resources:
            if not self.find_resource(resource):
                raise InvalidTarget("the resource is unknown", detail=f"{resource[:200]!r}")

    def cannot(self, permissions: Iterable[str]) -> tuple[Locked, ...]:
        """All the rest of the platform, by API: those that these permissions open in part, then the
        user's account, then those of which nothing is open."""
        return self._locked(tuple(permissions))

    def _all_but(self, permissions: tuple[str, ...]) -> tuple[Locked, ...]:
        # To be recognised opens nothing, so it is not among what an app cannot do.
        can = frozenset((*permissions, "openid"))
        account, *groups = (self._rest(catalog, can) for catalog in self.catalogs)
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
            # The user's own account is always among what could have been opened.
            whole=len(rest) == len(catalog.permissions) and catalog.resource != self.issuer,
        )
