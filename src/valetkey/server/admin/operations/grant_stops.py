"""Support stops what an app may do: one permission, or all of its access to an account."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from valetkey.server.admin.operation import AnyOperation, Call, Nothing, Operation, Reason
from valetkey.server.admin.operations.grants import find_grant
from valetkey.server.admin.problems import Problem
from valetkey.server.model.grant import GrantStatus
from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants.changes import GrantChanged, change_status, narrow


class PermissionsOrder(Reason, frozen=True, kw_only=True):
    """The permissions that are taken away, with those that imply them."""

    permissions: Annotated[
        tuple[Annotated[str, Meta(max_length=200)], ...], Meta(min_length=1, max_length=100)
    ]


class GrantNow(msgspec.Struct, frozen=True, kw_only=True):
    """The grant as it is now."""

    id: str
    status: GrantStatus
    permissions: tuple[str, ...]


def _now(outcome: GrantChanged) -> GrantNow:
    grant = outcome.grant
    return GrantNow(id=grant.id, status=grant.status, permissions=grant.permissions)


async def narrow_grant(call: Call[Nothing, PermissionsOrder]) -> GrantNow:
    """Takes permissions away."""

    def rule(context: Context) -> Rule[GrantChanged]:
        grant = yield from find_grant(call)
        lost = frozenset(call.body.permissions)
        if not lost <= frozenset(grant.permissions):
            raise Problem("conflict", "the app does not have all of these permissions")
        outcome = yield from narrow(
            grant.id,
            frozenset(grant.permissions) - lost,
            user=grant.user,
            by="administrator",
            context=context,
            reason=call.body.reason,
        )
        return _changed(outcome)

    return await call.settle(rule, _now)


async def stop_grant(call: Call[Nothing, Reason]) -> GrantNow:
    """Ends the app's access to the account."""

    def rule(context: Context) -> Rule[GrantChanged]:
        grant = yield from find_grant(call)
        outcome = yield from change_status(
            grant.id,
            "stop",
            user=grant.user,
            by="administrator",
            context=context,
            reason=call.body.reason,
        )
        return _changed(outcome)

    return await call.settle(rule, _now)


def _changed(outcome: object) -> GrantChanged:
    if not isinstance(outcome, GrantChanged):
        raise Problem("conflict", "the access has ended already")
    return outcome


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="grants.narrow",
        method="POST",
        path="/grants/{grant}/narrow",
        permission="grants.stop",
        query=Nothing,
        body=PermissionsOrder,
        response=GrantNow,
        run=narrow_grant,
        summary="Take permissions from an app",
        description="The app loses them within a second, and keeps the others. The person reads "
        "the reason, and can allow them again.",
        narrows=True,
    ),
    Operation(
        name="grants.stop",
        method="POST",
        path="/grants/{grant}/stop",
        permission="grants.stop",
        query=Nothing,
        body=Reason,
        response=GrantNow,
        run=stop_grant,
        summary="End the access of an app to an account",
        description="All of its tokens for this account end within a second. The person reads the "
        "reason.",
        narrows=True,
    ),
)
