"""Roles: who may do what as an administrator."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from valetkey.server.admin.lists import page_of
from valetkey.server.admin.operation import (
    AnyOperation,
    Call,
    ItemPage,
    ListQuery,
    Nothing,
    Operation,
    Parameters,
)
from valetkey.server.admin.operations.users import Time, UserId, find_user
from valetkey.server.admin.problems import Problem
from valetkey.server.model.query import One, Rule
from valetkey.server.model.role import ROLES, Role, RoleBinding
from valetkey.server.oauth.admin.roles import RolesOutcome, RolesRefused, set_roles
from valetkey.server.oauth.core.context import Context


class UserRoles(msgspec.Struct, frozen=True, kw_only=True):
    """The roles of a user. `by` is who gave them, empty if the user has none; `permissions` are
    what they confer together."""

    user: UserId
    roles: tuple[Role, ...]
    permissions: tuple[str, ...]
    changed: Time
    by: str
    version: int


class UserRolesPage(ItemPage, frozen=True, kw_only=True):
    """Users who have roles."""

    items: tuple[UserRoles, ...]


class RolesOrder(Parameters, frozen=True, kw_only=True):
    """All roles that the user is to have."""

    roles: Annotated[tuple[Role, ...], Meta(max_length=20)]


def _show(one: RoleBinding) -> UserRoles:
    confers = sorted(frozenset().union(*(ROLES[role] for role in one.roles)))
    return UserRoles(
        user=one.user,
        roles=one.roles,
        permissions=tuple(confers),
        changed=one.changed,
        by=one.by,
        version=one.version,
    )


async def list_roles(call: Call[ListQuery, Nothing]) -> UserRolesPage:
    """Everybody who has a role."""
    items, following = await page_of(call, RoleBinding, _show)
    return UserRolesPage(items=items, next=following)


async def show_roles(call: Call[Nothing, Nothing]) -> UserRoles:
    """The roles of one user, who may have none."""

    def rule(context: Context) -> Rule[RoleBinding]:
        user = yield from find_user(call.path["user"])
        query = One(RoleBinding, user.id)
        binding = (yield (query,)).one(query)
        return binding or RoleBinding(user=user.id, roles=(), changed=0)

    return _show(await call.ask(rule))


async def change_roles(call: Call[Nothing, RolesOrder]) -> UserRoles:
    """Gives a user exactly these roles."""
    actor, now = call.actor, 0

    def rule(context: Context) -> Rule[RolesOutcome]:
        nonlocal now
        now = context.env.now
        user = yield from find_user(call.path["user"])
        query = One(RoleBinding, user.id)
        binding = (yield (query,)).one(query)
        call.check_match(binding or RoleBinding(user=user.id, roles=(), changed=0))
        return (
            yield from set_roles(
                user.id,
                call.body.roles,
                by=actor.id,
                permissions=actor.permissions,
                context=context,
            )
        )

    def answer(outcome: RolesOutcome) -> UserRoles:
        if isinstance(outcome, RolesRefused):
            if outcome.role:
                raise Problem("not-allowed", outcome.why, role=outcome.role)
            raise Problem("conflict", outcome.why)
        return _show(
            RoleBinding(
                user=outcome.user,
                roles=outcome.roles,
                changed=now,
                by=actor.id,
                version=outcome.version,
            )
        )

    return await call.settle(rule, answer)


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="roles.list",
        method="GET",
        path="/roles",
        permission="roles.read",
        query=ListQuery,
        body=Nothing,
        response=UserRolesPage,
        run=list_roles,
        summary="List the users who have roles",
    ),
    Operation(
        name="roles.show",
        method="GET",
        path="/roles/{user}",
        permission="roles.read",
        query=Nothing,
        body=Nothing,
        response=UserRoles,
        run=show_roles,
        summary="Show the roles of a user",
    ),
    Operation(
        name="roles.set",
        method="PUT",
        path="/roles/{user}",
        permission="roles.manage",
        query=Nothing,
        body=RolesOrder,
        response=UserRoles,
        run=change_roles,
        summary="Set the roles of a user",
        description="You have to hold all that a role confers, to give it and to take it. The last "
        "owner stays one.",
        sensitive=True,
    ),
)
