"""Members of organizations join and leave, and their grants follow."""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.client import Client
from valetkey.server.model.directory import GroupMember, ProvisionedGroup
from valetkey.server.model.event import Event, event
from valetkey.server.model.grant import Grant
from valetkey.server.model.organization import (
    ADMINISTRATION,
    PROVISIONED,
    AppRequest,
    Membership,
    Organization,
    OrganizationGroup,
    OrganizationRule,
    group_key,
    member_key,
)
from valetkey.server.model.query import Many, One, Rule, existing
from valetkey.server.model.user import User
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.organizations import (
    Ceiling,
    ceiling_by,
    ceiling_of,
    masked,
    memberships_of,
)
from valetkey.server.oauth.grants.changes import change_status, grant_event

RULE: Final = "a rule of your organization"
MEMBERSHIP_ENDED: Final = "you are no longer a member of the organization"


class MembershipChanged(Outcome, frozen=True, kw_only=True, eq=False):
    """The membership as now stored, or as it was."""

    membership: Membership


class OrganizationChanged(Outcome, frozen=True, kw_only=True, eq=False):
    """The organization as in the changes."""

    organization: Organization


def with_rule(there: Organization, rule: OrganizationRule, context: Context) -> OrganizationChanged:
    """The organization with another rule, which is not applied yet."""
    after = msgspec.structs.replace(
        there, rule=rule, revision=there.revision + 1, changed=context.env.now
    )
    return OrganizationChanged(organization=after, changes=(Update(after),))


def decide_request(
    request: AppRequest, its: Organization, *, allow: bool, reason: str, context: Context
) -> Outcome:
    """Allows the app for all members, or not. The request is over, and the member reads the
    reason."""
    after = its.rule.with_app(request.client) if allow else its.rule
    changed = () if after == its.rule else with_rule(its, after, context).changes
    answer = event(
        context.env,
        "app-allowed" if allow else "app-not-allowed",
        by="administrator",
        user=request.user,
        client=request.client,
        reason=reason,
    )
    return Outcome(changes=(Remove(request), *changed), events=(answer,))


def join(
    organization: Organization,
    user: str,
    context: Context,
    *,
    administrator: bool = False,
    origin: str = ADMINISTRATION,
) -> Rule[MembershipChanged]:
    """Makes the user a member, or changes whether they are an administrator. All their grants that
    name no organization are masked in the same commit."""
    query, of_user = memberships_of(user), One(User, user)
    results = yield query, of_user
    memberships, owner = results.many(query), results.one(of_user)
    there = next((one for one in memberships if one.organization == organization.id), None)
    if there is not None:
        return _changed(there, administrator=administrator, origin=origin)
    new = Membership(
        organization=organization.id,
        user=user,
        administrator=administrator,
        origin=origin,
        revision=organization.revision,
        created=context.env.now,
    )
    before = yield from ceiling_by(memberships)
    ceiling = Ceiling((*before.memberships, new), (*before.organizations, organization))
    changes, events = yield from _mask(user, ceiling, context)
    # The organization is written too: no rule may change between this read and this commit. So is
    # the user, as with each consent: one that has not seen the other fails.
    written = (
        Update(organization),
        Create(new),
        *(() if owner is None else (Update(owner, as_it_is=True),)),
    )
    return MembershipChanged(membership=new, changes=(*written, *changes), events=events)


def _changed(there: Membership, *, administrator: bool, origin: str) -> MembershipChanged:
    if origin != ADMINISTRATION:
        # A group makes nobody an administrator, and takes that from nobody.
        return MembershipChanged(membership=there)
    after = msgspec.structs.replace(there, administrator=administrator, origin=origin)
    changes = () if after == there else (Update(after),)
    return MembershipChanged(membership=after, changes=changes)


def leave(organization: str, user: str, context: Context) -> Rule[MembershipChanged | None]:
    """Ends the membership; None if there is none. Grants that were given in this organization stop;
    the others follow the rules of the organizations that are left."""
    query, grants = One(Membership, member_key(organization, user)), Many(Grant, "user", user)
    requests = Many(AppRequest, "user", user)
    results = yield query, grants, requests
    there = results.one(query)
    if there is None:
        return None
    changes: list[Change] = [Remove(there)]
    changes += [Remove(one) for one in results.many(requests) if one.organization == organization]
    events: list[Event] = []
    for grant in results.many(grants):
        if grant.organization == organization and grant.status != "stopped":
            outcome = yield from change_status(
                grant.id,
                "stop",
                user=user,
                by="administrator",
                context=context,
                reason=MEMBERSHIP_ENDED,
            )
            changes += outcome.changes
            events += outcome.events
    ceiling = (yield from ceiling_of(user)).without(organization)
    more, others = yield from _mask(user, ceiling, context, aside=organization)
    return MembershipChanged(membership=there, changes=(*changes, *more), events=(*events, *others))


def apply_rule(
    organization: str, user: str, context: Context, *, again: bool = False
) -> Rule[Outcome]:
    """Masks the grants of a member by the rule as it is now, if that has not been done; with
    `again` in any case. The membership is written too, so a consent that read an older rule fails,
    and is decided again."""
    query = One(Membership, member_key(organization, user))
    there = (yield (query,)).one(query)
    if there is None:
        return Outcome()
    ceiling = yield from ceiling_of(user)
    mine = ceiling.within(organization)
    if not mine.organizations or (there.revision == mine.organizations[0].revision and not again):
        return Outcome()
    changes, events = yield from _mask(user, ceiling, context)
    applied = msgspec.structs.replace(there, revision=mine.organizations[0].revision)
    return Outcome(changes=(Update(applied), *changes), events=events)


def follow_groups(
    user: str, source: str, groups: Iterable[str], *, context: Context
) -> Rule[Outcome]:
    """Makes the user a member of the organizations of these groups at the source, and ends
    memberships by other groups of it: one at a time, and without a change when all is done. Those
    that an administrator or another source gave stay."""
    memberships = memberships_of(user)
    rows = [One(OrganizationGroup, group_key(source, one)) for one in dict.fromkeys(groups)]
    results = yield memberships, *rows
    there = results.many(memberships)
    found = [row for one in rows if (row := results.one(one)) is not None]
    names = dict.fromkeys(row.organization for row in found)
    for one in there:
        if one.origin == source and one.organization not in names:
            return (yield from leave(one.organization, user, context)) or Outcome()
    for name in names:
        query = One(Organization, name)
        its = (yield (query,)).one(query)
        if its is not None and all(one.organization != name for one in there):
            return (yield from join(its, user, context, origin=source))
    return Outcome()


def follow_provisioned_groups(user: str, source: str, context: Context) -> Rule[Outcome]:
    """The same for the groups that a directory has put the user in (SCIM)."""
    query = Many(GroupMember, "user", user)
    queries = [One(ProvisionedGroup, one.group) for one in (yield (query,)).many(query)]
    names: list[str] = []
    if queries:
        results = yield tuple(queries)
        groups = (results.one(one) for one in queries)
        names = [one.display for one in groups if one is not None and one.source == source]
    return (yield from follow_groups(user, PROVISIONED + source, names, context=context))


def _mask(
    user: str, ceiling: Ceiling, context: Context, *, aside: str = ""
) -> Rule[tuple[tuple[Change, ...], tuple[Event, ...]]]:
    """The changes that bring all live grants of the user under these rules, but those that were
    given in the organization `aside`."""
    query = Many(Grant, "user", user)
    grants = [
        one
        for one in (yield (query,)).many(query)
        if one.status != "stopped" and not (aside and one.organization == aside)
    ]
    clients = yield from existing({one.client: One(Client, one.client) for one in grants})
    changes: list[Change] = []
    events: list[Event] = []
    for grant in grants:
        client = clients.get(grant.client)
        if client is None:
            continue
        after = masked(grant, client, ceiling, offer=context.installation.offer)
        if after is grant:
            continue
        after = msgspec.structs.replace(after, changed=context.env.now)
        changes.append(Update(after))
        events += _events(grant, after, context)
    return tuple(changes), tuple(events)


def _events(before: Grant, after: Grant, context: Context) -> list[Event]:
    lost = tuple(one for one in before.permissions if one not in after.permissions)
    back = tuple(one for one in after.permissions if one not in before.permissions)
    kinds: tuple[tuple[Literal["downgraded", "upgraded"], tuple[str, ...]], ...] = (
        ("downgraded", lost),
        ("upgraded", back),
    )
    return [
        grant_event(
            after, kind, by="administrator", context=context, permissions=names, reason=RULE
        )
        for kind, names in kinds
        if names
    ]
