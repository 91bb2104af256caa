"""The connected apps of a user: live grants, with their apps and devices."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from valetkey.server.model.change import Change, Update
from valetkey.server.model.client import Client
from valetkey.server.model.grant import DelegateTree, Grant, TokenFamily
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.model.resource import IDENTITY
from valetkey.server.oauth.clients.authentication import authenticate_resource_server
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issued, Refuse
from valetkey.server.oauth.core.feature import Call, Endpoint, Feature
from valetkey.server.oauth.grants import delegates
from valetkey.server.oauth.grants.changes import grant_of_user
from valetkey.spec.errors import InvalidClient, InvalidRequest
from valetkey.spec.names import Cite
from valetkey.wire import lease
from valetkey.wire.child_key import ALONE
from valetkey.wire.lease import DAY, PARAMETER, FamilyUsage

UNUSED: Final = 60 * 86400
"""Seconds without use after which the pages suggest to stop a grant."""

_SIGN_IN: Final = frozenset(permission.id for permission in IDENTITY)


class Connection(msgspec.Struct, frozen=True):
    """A grant with its app and devices. `client` is None if the app was removed; `devices` are the
    open families, last used first."""

    grant: Grant
    client: Client | None
    devices: tuple[TokenFamily, ...]

    @property
    def used(self) -> int:
        """When the app last got a token, in seconds since 1970; 0 for never."""
        return max((family.used for family in self.devices), default=0)

    @property
    def where(self) -> str:
        """The name of the device that was used last, "" if it has no name."""
        return max(self.devices, key=lambda family: family.used).device if self.devices else ""

    @property
    def alike_devices(self) -> tuple[tuple[TokenFamily, ...], ...]:
        """The families grouped by device name, as users see devices. Each family in shards is a
        group of its own."""
        groups: dict[str, list[TokenFamily]] = {}
        for one in self.devices:
            groups.setdefault(one.device if one.shards is None else one.id, []).append(one)
        return tuple(tuple(group) for group in groups.values())

    def alike(self, name: str) -> tuple[str, ...]:
        """The ids of the families that are the same device to the user as the one with this id."""
        for group in self.alike_devices:
            if any(one.id == name for one in group):
                return tuple(one.id for one in group)
        return (name,)

    @property
    def opened(self) -> dict[str, int]:
        """The day on which each permission was last used, in seconds since 1970, as far as APIs
        have reported it."""
        days: dict[str, int] = {}
        for family in self.devices:
            for one, day in family.opened.items():
                days[one] = max(day * DAY, days.get(one, 0))
        return days

    @property
    def signs_in_only(self) -> bool:
        """Whether the app can only sign the user in and read their profile."""
        return frozenset(self.grant.permissions) <= _SIGN_IN

    def is_unused(self, now: int) -> bool:
        """Whether the app has not used the grant for UNUSED seconds."""
        return now - max(self.used, self.grant.created) >= UNUSED


def connections(user: str, context: Context) -> Rule[tuple[Connection, ...]]:
    """The connected apps of a user, newest first."""
    query = Many(Grant, "user", user)
    grants = [one for one in (yield (query,)).many(query) if _stands(one, context)]
    return tuple(reversed((yield from _joined(grants, context))))


def still_connected(grants: Iterable[Grant], context: Context) -> Rule[tuple[Connection, ...]]:
    """Those of the grants that are live, with apps and devices, in the same order."""
    live = [one for one in grants if _stands(one, context)]
    return tuple((yield from _joined(live, context)))


def connection(name: str, user: str, context: Context) -> Rule[Connection | None]:
    """The connected app of this grant; None if it is stopped, or another user's (ATTACKS A77)."""
    grant = yield from grant_of_user(name, user)
    if grant is None or not _stands(grant, context):
        return None
    return (yield from _joined([grant], context))[0]


def stopped_connection(name: str, user: str) -> Rule[Connection | None]:
    """The stopped grant; None if it is not stopped, or another user's."""
    grant = yield from grant_of_user(name, user)
    if grant is None or grant.status != "stopped":
        return None
    client = One(Client, grant.client)
    return Connection(grant, (yield (client,)).one(client), ())


def _stands(grant: Grant, context: Context) -> bool:
    """Whether the grant is live: not stopped, and of the current epoch."""
    return grant.status != "stopped" and grant.epoch == context.installation.epoch


def _joined(grants: list[Grant], context: Context) -> Rule[list[Connection]]:
    clients = {grant.id: One(Client, grant.client) for grant in grants}
    families = {grant.id: Many(TokenFamily, "grant", grant.id) for grant in grants}
    results = yield (*clients.values(), *families.values())
    return [
        Connection(
            grant,
            results.one(clients[grant.id]),
            tuple(
                family
                for family in sorted(results.many(families[grant.id]), key=_last_used, reverse=True)
                if family.status != "closed" and context.env.now < family.expires
            ),
        )
        for grant in grants
    ]


def _last_used(family: TokenFamily) -> tuple[int, str]:
    return family.used, family.id


# Usage: resource servers report which permissions were used, and users can see it.
#
# The server stores only the day, in the family's row: there is no row for each use, and at most one
# write a day for each permission of a family. For delegates that the server doesn't know, the
# delegate tree of the grant stores the day.

CITE: Final = Cite("RFC 6749", "2.3")


def report(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """Records the day of use. It ignores permissions of other resource servers, and those that a
    family doesn't have, and the answer is the same."""
    server = yield from authenticate_resource_server(call, context)
    if server is None:
        raise InvalidClient(detail="usage is reported by resource servers")
    try:
        usages = lease.read(call.form.need(PARAMETER))
    except ValueError as error:
        raise InvalidRequest(f"{PARAMETER} cannot be read", detail=str(error)) from error
    own = frozenset(one.id for one in server.catalog.permissions)
    queries = {one.family: One(TokenFamily, one.family) for one in usages}
    results = yield tuple(queries.values())
    families = {name: results.one(each) for name, each in queries.items()}
    recorded = _family_changes(usages, families, own, today=context.env.now // DAY)
    delegated = yield from _delegate_changes(usages, families, own, context=context)
    return Answer(document=None, changes=(*recorded, *delegated))


def _family_changes(
    usages: tuple[FamilyUsage, ...],
    families: dict[str, TokenFamily | None],
    own: frozenset[str],
    *,
    today: int,
) -> Iterator[Update]:
    news: dict[str, dict[str, int]] = {}
    for one in usages:
        family = families[one.family]
        if family is not None:
            may = own & frozenset(family.permissions)
            new = {each: today for each in one.permissions if each in may}
            news.setdefault(family.id, {}).update(new)
    for name, new in news.items():
        family = families[name]
        if family is not None and not new.items() <= family.opened.items():
            yield Update(msgspec.structs.replace(family, opened={**family.opened, **new}))


def _delegate_changes(
    usages: tuple[FamilyUsage, ...],
    families: dict[str, TokenFamily | None],
    own: frozenset[str],
    *,
    context: Context,
) -> Rule[tuple[Change, ...]]:
    """The changes that add delegates below known ones, as reported by an API."""
    uses = [
        (family, one)
        for one in usages
        if one.delegates[-1:] == (ALONE,) and (family := families[one.family]) is not None
    ]
    rows = {family.grant: One(DelegateTree, family.grant) for family, _ in uses}
    if not rows:
        return ()
    results = yield tuple(rows.values())
    there = {name: results.one(want) for name, want in rows.items()}
    trees = dict(there)
    for family, one in uses:
        tree = trees[family.grant] or DelegateTree(id=family.grant, user=family.user)
        may = [each for each in one.permissions if each in own and each in family.permissions]
        if may and (len(one.delegates) == 1 or tree.find(one.delegates[:-1]) is not None):
            after = delegates.with_delegate(tree, one.delegates, may, context=context)
            trees[family.grant] = after or tree
    return tuple(
        change
        for name, tree in trees.items()
        if tree is not None
        for change in delegates.tree_changes(there[name], tree)
    )


USAGE: Final = Feature(
    name="usage",
    cites=(CITE,),
    endpoints=(
        Endpoint(path="/usage", metadata="permission_usage_endpoint", cite=CITE, rule=report),
    ),
)
