"""Members of an organization, their access, and the apps that they ask for."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from valetkey.server.admin.lists import page_of
from valetkey.server.admin.operation import (
    AnyCall,
    AnyOperation,
    Call,
    ItemPage,
    ListQuery,
    Nothing,
    Operation,
    Parameters,
    Reason,
    ReasonText,
)
from valetkey.server.admin.operations.grant_stops import GrantNow
from valetkey.server.admin.operations.organizations import MANAGE, reach
from valetkey.server.admin.operations.users import Time, UserId, find_user
from valetkey.server.admin.problems import Problem, find, not_found
from valetkey.server.http.organizations import apply_to_members
from valetkey.server.model.grant import Grant, GrantStatus
from valetkey.server.model.organization import AppId, AppRequest, Membership, member_key
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.endpoints.administration import OWN
from valetkey.server.oauth.grants.changes import GrantChanged, change_status
from valetkey.server.oauth.grants.organizations import (
    MembershipChanged,
    apply_rule,
    decide_request,
    join,
    leave,
)


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A member. `origin` is `administration`, or the source whose group made them one."""

    user: UserId
    administrator: bool
    origin: str
    created: Time


class MemberPage(ItemPage, frozen=True, kw_only=True):
    """Members."""

    items: tuple[Member, ...]


class MemberOrder(Parameters, frozen=True, kw_only=True):
    """Who becomes a member; `administrator`: they decide for the organization."""

    user: Annotated[str, Meta(max_length=100)]
    administrator: bool = False


class MemberGrant(msgspec.Struct, frozen=True, kw_only=True):
    """What a member allows an app. `withheld` is what the member allowed too, and a rule does not.
    `organization`: it was given in this one; otherwise it follows the rules of all of the
    member's organizations."""

    id: str
    app: str
    status: GrantStatus
    permissions: tuple[str, ...]
    withheld: tuple[str, ...]
    organization: bool
    created: Time


class MemberGrantList(msgspec.Struct, frozen=True, kw_only=True):
    """A member's grants."""

    items: tuple[MemberGrant, ...]


class RequestedApp(msgspec.Struct, frozen=True, kw_only=True):
    """A member asks for an app."""

    user: UserId
    app: str
    permissions: tuple[str, ...]
    created: Time


class RequestedAppPage(ItemPage, frozen=True, kw_only=True):
    """Apps that members ask for."""

    items: tuple[RequestedApp, ...]


class RequestAnswer(Parameters, frozen=True, kw_only=True):
    """The answer: with `allow`, the app joins the list of the rule. The member reads the
    reason."""

    user: Annotated[str, Meta(max_length=100)]
    app: AppId
    allow: bool
    reason: ReasonText = ""


class RequestAnswered(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered."""

    user: UserId
    app: str
    allowed: bool


def _member(one: Membership) -> Member:
    return Member(
        user=one.user, administrator=one.administrator, origin=one.origin, created=one.created
    )


async def list_members(call: Call[ListQuery, Nothing]) -> MemberPage:
    """All of them."""
    its = await call.ask(lambda _: reach(call))
    items, following = await page_of(call, Membership, _member, index="organization", value=its.id)
    return MemberPage(items=items, next=following)


async def add_member(call: Call[Nothing, MemberOrder]) -> Member:
    """Makes a user a member, or changes whether they are an administrator."""
    name, user = call.path["organization"], call.body.user

    def rule(context: Context) -> Rule[MembershipChanged]:
        its = yield from reach(call)
        yield from find_user(user)
        return (yield from join(its, user, context, administrator=call.body.administrator))

    answered = await call.settle(rule, lambda outcome: _member(outcome.membership))
    # A consent that was under way had not seen the membership.
    await call.step(lambda context: apply_rule(name, user, context, again=True))
    return answered


async def remove_member(call: Call[Nothing, Nothing]) -> Member:
    """Ends a membership."""
    name, user = call.path["organization"], call.path["user"]

    def rule(context: Context) -> Rule[MembershipChanged]:
        yield from reach(call)
        outcome = yield from leave(name, user, context)
        if outcome is None:
            raise not_found("member", user)
        return outcome

    return await call.settle(rule, lambda outcome: _member(outcome.membership))


def check_member(call: AnyCall, user: str) -> Rule[None]:
    """Raises Problem unless the caller may look after this member."""
    its = yield from reach(call)
    query = One(Membership, member_key(its.id, user))
    if (yield (query,)).one(query) is None:
        raise not_found("member", user)


def _governs(name: str, grant: Grant) -> bool:
    return grant.organization in ("", name)


async def list_grants(call: Call[Nothing, Nothing]) -> MemberGrantList:
    """What a member allows apps, but for what they gave in another organization."""
    name, user = call.path["organization"], call.path["user"]

    def rule(context: Context) -> Rule[tuple[Grant, ...]]:
        yield from check_member(call, user)
        query = Many(Grant, "user", user)
        return (yield (query,)).many(query)

    grants = await call.ask(rule)
    return MemberGrantList(
        items=tuple(
            MemberGrant(
                id=one.id,
                app=one.client,
                status=one.status,
                permissions=one.permissions,
                withheld=one.withheld,
                organization=one.organization == name,
                created=one.created,
            )
            for one in grants
            if one.status != "stopped" and _governs(name, one)
        )
    )


async def stop_grant(call: Call[Nothing, Reason]) -> GrantNow:
    """Ends a member's access."""

    def rule(context: Context) -> Rule[GrantChanged]:
        name = call.path["organization"]
        yield from reach(call)
        grant = yield from find(Grant, call.path["grant"], what="grant")
        query = One(Membership, member_key(name, grant.user))
        if (yield (query,)).one(query) is None or not _governs(name, grant):
            raise not_found("grant", grant.id)
        outcome = yield from change_status(
            grant.id,
            "stop",
            user=grant.user,
            by="administrator",
            context=context,
            reason=call.body.reason,
        )
        if not isinstance(outcome, GrantChanged):
            raise Problem("conflict", "the access has ended already")
        return outcome

    def answer(outcome: GrantChanged) -> GrantNow:
        grant = outcome.grant
        return GrantNow(id=grant.id, status=grant.status, permissions=grant.permissions)

    return await call.settle(rule, answer)


async def list_requests(call: Call[ListQuery, Nothing]) -> RequestedAppPage:
    """Apps that members ask for."""
    its = await call.ask(lambda _: reach(call))
    items, following = await page_of(
        call,
        AppRequest,
        lambda one: RequestedApp(
            user=one.user, app=one.client, permissions=one.permissions, created=one.created
        ),
        index="organization",
        value=its.id,
    )
    return RequestedAppPage(items=items, next=following)


async def answer_request(call: Call[Nothing, RequestAnswer]) -> RequestAnswered:
    """Allows the app for all members, or not; the request is over."""
    body, name = call.body, call.path["organization"]

    def rule(context: Context) -> Rule[Outcome]:
        its = yield from reach(call)
        key = AppRequest(organization=name, user=body.user, client=body.app, created=0).key
        request = yield from find(AppRequest, key, what="request", name=body.app)
        return decide_request(request, its, allow=body.allow, reason=body.reason, context=context)

    answered = await call.settle(
        rule, lambda _: RequestAnswered(user=body.user, app=body.app, allowed=body.allow)
    )
    await apply_to_members(call.services.runner, name)
    return answered


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="organizations.members",
        method="GET",
        path="/organizations/{organization}/members",
        permission=OWN,
        reach=reach,
        query=ListQuery,
        body=Nothing,
        response=MemberPage,
        run=list_members,
        summary="List the members of an organization",
    ),
    Operation(
        name="organizations.add-member",
        method="POST",
        path="/organizations/{organization}/members",
        permission=MANAGE,
        query=Nothing,
        body=MemberOrder,
        response=Member,
        run=add_member,
        summary="Add a member, or change what they are",
        description="The rule of the organization masks what they allow apps from now on.",
    ),
    Operation(
        name="organizations.remove-member",
        method="DELETE",
        path="/organizations/{organization}/members/{user}",
        permission=OWN,
        reach=reach,
        query=Nothing,
        body=Nothing,
        response=Member,
        run=remove_member,
        summary="Remove a member",
        description="Access that they gave in the organization ends. A member by a group comes "
        "back with the next sign-in, unless the source has removed them from the group.",
        narrows=True,
    ),
    Operation(
        name="organizations.grants",
        method="GET",
        path="/organizations/{organization}/members/{user}/grants",
        permission=OWN,
        reach=reach,
        query=Nothing,
        body=Nothing,
        response=MemberGrantList,
        run=list_grants,
        summary="List what a member allows apps",
        recorded=True,
    ),
    Operation(
        name="organizations.stop-grant",
        method="POST",
        path="/organizations/{organization}/grants/{grant}/stop",
        permission=OWN,
        reach=reach,
        query=Nothing,
        body=Reason,
        response=GrantNow,
        run=stop_grant,
        summary="End the access of an app to a member's account",
        description="The member reads the reason.",
        narrows=True,
    ),
    Operation(
        name="organizations.requests",
        method="GET",
        path="/organizations/{organization}/requests",
        permission=OWN,
        reach=reach,
        query=ListQuery,
        body=Nothing,
        response=RequestedAppPage,
        run=list_requests,
        summary="List the apps that members ask for",
    ),
    Operation(
        name="organizations.answer-request",
        method="POST",
        path="/organizations/{organization}/requests/answer",
        permission=OWN,
        reach=reach,
        query=Nothing,
        body=RequestAnswer,
        response=RequestAnswered,
        run=answer_request,
        summary="Answer a member who asks for an app",
    ),
)
