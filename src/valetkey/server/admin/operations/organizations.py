"""Organizations: companies that decide which apps their members may connect."""

from functools import partial
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from valetkey.server.admin.lists import cursor_after, place_of, search_page
from valetkey.server.admin.operation import (
    AnyCall,
    AnyOperation,
    Call,
    ItemPage,
    ListQuery,
    Nothing,
    Operation,
    Parameters,
)
from valetkey.server.admin.operations.users import Time
from valetkey.server.admin.problems import Problem, find, not_found
from valetkey.server.http.organizations import apply_to_members
from valetkey.server.model import search
from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.organization import (
    EVERYTHING,
    AppRequest,
    GroupSource,
    Membership,
    Organization,
    OrganizationGroup,
    OrganizationId,
    OrganizationRule,
    member_key,
)
from valetkey.server.model.query import Many, One, PageQuery, Rule
from valetkey.server.model.search import beginning
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.endpoints.administration import OWN
from valetkey.server.oauth.grants.organizations import OrganizationChanged, leave, with_rule

MANAGE: Final = "organizations.manage"

Name = Annotated[
    str,
    Meta(min_length=1, max_length=200, pattern=r"^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e]*$"),
]
Groups = Annotated[tuple[GroupSource, ...], Meta(max_length=100)]


class OrganizationDetail(msgspec.Struct, frozen=True, kw_only=True):
    """An organization. The users in `groups` are members. `applied`: every member's access follows
    the rule."""

    id: str
    name: str
    rule: OrganizationRule
    groups: tuple[GroupSource, ...]
    applied: bool
    created: Time
    changed: Time
    version: int


class OrganizationQuery(ListQuery, frozen=True, kw_only=True):
    """Which page of which organizations."""

    id: Annotated[str, Meta(max_length=64, description="Those whose id begins so.")] = ""
    search: Annotated[
        str,
        Meta(max_length=200, description="Those whose id, or name, or a word of it, begins so."),
    ] = ""


class OrganizationPage(ItemPage, frozen=True, kw_only=True):
    """Organizations."""

    items: tuple[OrganizationDetail, ...]


class OrganizationOrder(Parameters, frozen=True, kw_only=True):
    """A new organization."""

    id: OrganizationId
    name: Name
    rule: OrganizationRule = EVERYTHING
    groups: Groups = ()


class OrganizationEdit(Parameters, frozen=True, kw_only=True):
    """The fields that change. Members whose group is no longer named stay until they sign in."""

    name: Name | UnsetType = UNSET
    groups: Groups | UnsetType = UNSET


class RuleOrder(Parameters, frozen=True, kw_only=True):
    """The whole rule."""

    rule: OrganizationRule


class OrganizationRemoved(msgspec.Struct, frozen=True, kw_only=True):
    """The organization that was there."""

    id: str


def show(one: Organization) -> OrganizationDetail:
    """The organization for the API."""
    return OrganizationDetail(
        id=one.id,
        name=one.name,
        rule=one.rule,
        groups=one.groups,
        applied=one.applied == one.revision,
        created=one.created,
        changed=one.changed,
        version=one.version,
    )


def reach(call: AnyCall) -> Rule[Organization]:
    """The organization in the path, if the caller manages all of them, or is an administrator of
    this one. Raises Problem, the same for another one's as for one that is not there."""
    name = call.path["organization"]
    if MANAGE not in call.actor.permissions:
        membership = One(Membership, member_key(name, call.actor.id))
        its = (yield (membership,)).one(membership)
        if call.actor.kind != "user" or its is None or not its.administrator:
            raise not_found("organization", name)
    return (yield from find(Organization, name, what="organization"))


async def list_organizations(call: Call[OrganizationQuery, Nothing]) -> OrganizationPage:
    """All of them, or those whose id begins so, the last id first; or those that a search finds, in
    the order of what it found."""
    text = call.query.search.strip()
    if text and call.query.id:
        raise Problem("invalid-request", "search by one of id and search at a time")
    if text:
        found = beginning(Organization, search.text(search.ORGANIZATION, text))
        items, following = await search_page(call, found, show)
        return OrganizationPage(items=items, next=following)
    begin = call.query.id.strip().lower()
    # The keys are ids, and lists go backwards: these begin below the first key after them.
    before = place_of(call) or (begin and f"{begin}\x7f")
    page = await call.services.page(
        PageQuery(record=Organization, before=before, limit=call.query.limit)
    )
    those = tuple(one for one in page.records if one.id.startswith(begin))
    after = page.next if len(those) == len(page.records) else ""
    return OrganizationPage(items=tuple(map(show, those)), next=cursor_after(call, after))


async def show_organization(call: Call[Nothing, Nothing]) -> OrganizationDetail:
    """One of them."""
    return show(await call.ask(lambda _: reach(call)))


async def create_organization(call: Call[Nothing, OrganizationOrder]) -> OrganizationDetail:
    """Adds one, without members."""

    def rule(context: Context) -> Rule[OrganizationChanged]:
        query = One(Organization, call.body.id)
        if (yield (query,)).one(query) is not None:
            raise Problem("conflict", "there is an organization with this id")
        now = context.env.now
        new = Organization(
            id=call.body.id,
            name=call.body.name,
            rule=call.body.rule,
            groups=call.body.groups,
            created=now,
            changed=now,
        )
        rows = yield from _group_rows(new)
        return OrganizationChanged(organization=new, changes=(Create(new), *rows))

    return await call.settle(rule, _stored)


async def edit_organization(call: Call[Nothing, OrganizationEdit]) -> OrganizationDetail:
    """Changes its name, or the groups whose users are members."""

    def rule(context: Context) -> Rule[OrganizationChanged]:
        there = yield from find(Organization, call.path["organization"], what="organization")
        call.check_match(there)
        values = {"name": call.body.name, "groups": call.body.groups}
        given = {name: value for name, value in values.items() if value is not UNSET}
        after = msgspec.structs.replace(there, **given)
        if after == there:
            return OrganizationChanged(organization=there)
        after = msgspec.structs.replace(after, changed=context.env.now)
        rows = yield from _group_rows(after)
        return OrganizationChanged(organization=after, changes=(Update(after), *rows))

    return await call.settle(rule, _stored)


def _group_rows(after: Organization) -> Rule[tuple[Change, ...]]:
    """The changes that make these its groups. Raises Problem for a group of another one."""
    mine = Many(OrganizationGroup, "organization", after.id)
    every = [
        OrganizationGroup(source=one.source, group=one.group, organization=after.id)
        for one in after.groups
    ]
    new = {one.key: one for one in every}
    queries = [One(OrganizationGroup, key) for key in new]
    results = yield mine, *queries
    there = {row.key: row for row in results.many(mine)}
    found = (results.one(one) for one in queries)
    if any(row is not None and row.organization != after.id for row in found):
        raise Problem("conflict", "one of the groups is another organization's")
    created = (Create(row) for key, row in new.items() if key not in there)
    removed = (Remove(row) for key, row in there.items() if key not in new)
    return (*created, *removed)


async def set_rule(call: Call[Nothing, RuleOrder]) -> OrganizationDetail:
    """Replaces the rule, and masks every member's access by it."""

    def rule(context: Context) -> Rule[OrganizationChanged]:
        there = yield from reach(call)
        call.check_match(there)
        return with_rule(there, call.body.rule, context)

    answer = await call.settle(rule, _stored)
    await apply_to_members(call.services.runner, call.path["organization"])
    return msgspec.structs.replace(answer, applied=True, version=answer.version + 1)


def _stored(outcome: OrganizationChanged) -> OrganizationDetail:
    one = outcome.organization
    return show(msgspec.structs.replace(one, version=one.version + bool(outcome.changes)))


def _leave(name: str, user: str, context: Context) -> Rule[Outcome]:
    return (yield from leave(name, user, context)) or Outcome()


async def remove_organization(call: Call[Nothing, Nothing]) -> OrganizationRemoved:
    """Ends all memberships, then removes it."""
    name = call.path["organization"]

    def check(context: Context) -> Rule[Organization]:
        there = yield from find(Organization, name, what="organization")
        call.check_match(there)
        return there

    def rule(context: Context) -> Rule[Outcome]:
        there = yield from find(Organization, name, what="organization")
        members, requests = (
            Many(Membership, "organization", name),
            Many(AppRequest, "organization", name),
        )
        results = yield members, requests
        if results.many(members):
            raise Problem("conflict", "somebody has become a member meanwhile")
        rest = results.many(requests)
        gone = yield from _group_rows(msgspec.structs.replace(there, groups=()))
        return Outcome(changes=(Remove(there), *map(Remove, rest), *gone))

    await call.ask(check)
    some = PageQuery(record=Membership, index="organization", value=name, limit=50)
    while members := (await call.services.page(some)).records:
        for one in members:
            await call.step(partial(_leave, name, one.user))
    return await call.settle(rule, lambda _: OrganizationRemoved(id=name))


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="organizations.list",
        method="GET",
        path="/organizations",
        permission=MANAGE,
        query=OrganizationQuery,
        body=Nothing,
        response=OrganizationPage,
        run=list_organizations,
        summary="List organizations",
    ),
    Operation(
        name="organizations.create",
        method="POST",
        path="/organizations",
        permission=MANAGE,
        query=Nothing,
        body=OrganizationOrder,
        response=OrganizationDetail,
        run=create_organization,
        summary="Add an organization",
        status=201,
        location="/organizations/{id}",
    ),
    Operation(
        name="organizations.show",
        method="GET",
        path="/organizations/{organization}",
        permission=OWN,
        reach=reach,
        query=Nothing,
        body=Nothing,
        response=OrganizationDetail,
        run=show_organization,
        summary="Show an organization",
    ),
    Operation(
        name="organizations.edit",
        method="PATCH",
        path="/organizations/{organization}",
        permission=MANAGE,
        query=Nothing,
        body=OrganizationEdit,
        response=OrganizationDetail,
        run=edit_organization,
        summary="Edit an organization",
    ),
    Operation(
        name="organizations.rule",
        method="PUT",
        path="/organizations/{organization}/rule",
        permission=OWN,
        reach=reach,
        query=Nothing,
        body=RuleOrder,
        response=OrganizationDetail,
        run=set_rule,
        summary="Set the rule of an organization",
        description="It counts for all of its members within a second. What it withholds from an "
        "app comes back when the rule allows it again; no app gets more than its user allowed.",
    ),
    Operation(
        name="organizations.remove",
        method="DELETE",
        path="/organizations/{organization}",
        permission=MANAGE,
        query=Nothing,
        body=Nothing,
        response=OrganizationRemoved,
        run=remove_organization,
        summary="Remove an organization",
        description="Its members leave it: access that they gave in it ends, for good.",
        sensitive=True,
    ),
)
