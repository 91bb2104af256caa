"""What a change of an organization would do to its members' access, without doing it."""

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import msgspec

from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant
from valetkey.server.model.organization import Membership, Organization, OrganizationRule
from valetkey.server.model.query import Many, One, Rule, existing
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.core.organizations import Ceiling, masked, memberships_of

Change: TypeAlias = Literal["rule", "join", "leave"]


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """How many people and grants a change reaches. `members` are those that it is about, and
    `affected` those of them whose access changes. `narrowed` grants lose permissions, `widened`
    ones get some back, `stopped` ones end for good."""

    members: int = 0
    affected: int = 0
    narrowed: int = 0
    widened: int = 0
    stopped: int = 0

    def plus(self, other: "Effect") -> "Effect":
        """Both together."""
        mine, theirs = msgspec.structs.asdict(self), msgspec.structs.asdict(other)
        return Effect(**{name: value + theirs[name] for name, value in mine.items()})


def effect_of(
    change: Change,
    organization: Organization,
    users: Sequence[str],
    *,
    rule: OrganizationRule | None = None,
    context: Context,
) -> Rule[Effect]:
    """What it would do to these users if the organization had this `rule`, or if they joined or
    left. It takes four reads, however many users there are."""
    memberships = {user: memberships_of(user) for user in users}
    grants = {user: Many(Grant, "user", user) for user in users}
    if not users:
        return Effect()
    results = yield (*memberships.values(), *grants.values())
    names = {one.organization for query in memberships.values() for one in results.many(query)}
    there = yield from existing({name: One(Organization, name) for name in sorted(names)})
    live = {
        user: [one for one in results.many(query) if one.status != "stopped"]
        for user, query in grants.items()
    }
    apps = {one.client for every in live.values() for one in every}
    clients = yield from existing({name: One(Client, name) for name in sorted(apps)})
    total = Effect()
    for user in users:
        before = _ceiling(results.many(memberships[user]), there)
        after = _after(before, change, organization, user=user, rule=rule)
        leaving = organization.id if change == "leave" else ""
        counted = _count(
            live[user], clients, after, leaving=leaving, offer=context.installation.offer
        )
        total = total.plus(counted)
    return total


def _ceiling(memberships: Iterable[Membership], there: dict[str, Organization]) -> Ceiling:
    rows = [one for one in memberships if one.organization in there]
    return Ceiling(tuple(rows), tuple(there[one.organization] for one in rows))


def _after(
    before: Ceiling,
    change: Change,
    organization: Organization,
    *,
    user: str,
    rule: OrganizationRule | None,
) -> Ceiling:
    rest = before.without(organization.id)
    if change == "leave" or (change == "rule" and rest == before):
        return rest
    its = organization if rule is None else msgspec.structs.replace(organization, rule=rule)
    row = Membership(organization=organization.id, user=user, created=0)
    return Ceiling((*rest.memberships, row), (*rest.organizations, its))


def _count(
    grants: Iterable[Grant],
    clients: dict[str, Client],
    after: Ceiling,
    *,
    leaving: str,
    offer: Offer,
) -> Effect:
    narrowed = widened = stopped = 0
    for grant in grants:
        client = clients.get(grant.client)
        if client is None:
            continue
        if leaving and grant.organization == leaving:
            stopped += 1
            continue
        then = set(masked(grant, client, after, offer=offer).permissions)
        narrowed += not then >= set(grant.permissions)
        widened += not then <= set(grant.permissions)
    affected = bool(narrowed or widened or stopped)
    return Effect(members=1, affected=affected, narrowed=narrowed, widened=widened, stopped=stopped)
