"""What becomes of an app: suspended, restored, verified, handed to another owner, and listed as a
tool of administrators."""

from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from valetkey.server.admin.operation import (
    AnyOperation,
    Call,
    Nothing,
    Operation,
    Parameters,
    Reason,
)
from valetkey.server.admin.operations.app_fields import AppDetail
from valetkey.server.admin.operations.apps import (
    AppChanged,
    find_reachable,
    stored,
)
from valetkey.server.admin.operations.users import find_user
from valetkey.server.admin.problems import Problem
from valetkey.server.model.change import Update
from valetkey.server.model.client import Client, Status
from valetkey.server.model.query import Rule
from valetkey.server.model.role import PERMISSIONS, PREFIX
from valetkey.server.oauth.admin.client_status import change_client_status
from valetkey.server.oauth.admin.roles import list_app
from valetkey.server.oauth.core.context import Context


class Verification(Parameters, frozen=True, kw_only=True):
    """Whether the publisher of the app is verified."""

    verified: bool


class Transfer(Parameters, frozen=True, kw_only=True):
    """Who answers for the app from now on: the id of a user, empty for the operator."""

    owner: Annotated[str, Meta(max_length=64)]


class AdministrationOrder(Parameters, frozen=True, kw_only=True):
    """All permissions of this API that the app may request, such as `users.read`; () for none."""

    permissions: Annotated[tuple[str, ...], Meta(max_length=100)]


async def suspend_app(call: Call[Nothing, Reason]) -> Any:
    """Refuses the app everywhere."""
    return await _change_status(call, "suspended")


async def restore_app(call: Call[Nothing, Reason]) -> Any:
    """Lets it in again."""
    return await _change_status(call, "active")


async def _change_status(call: Call[Nothing, Reason], status: Status) -> Any:
    def rule(context: Context) -> Rule[AppChanged]:
        client = yield from find_reachable(call)
        outcome = yield from change_client_status(
            client.id, status, reason=call.body.reason, context=context
        )
        return AppChanged(
            client=outcome.client or client, changes=outcome.changes, events=outcome.events
        )

    return await call.settle(rule, stored)


async def _replace(call: Any, fields: Callable[[Client], Rule[dict[str, Any]]]) -> Any:
    def rule(context: Context) -> Rule[AppChanged]:
        client = yield from find_reachable(call)
        after = msgspec.structs.replace(client, **(yield from fields(client)))
        changes = () if after == client else (Update(after),)
        return AppChanged(client=after, changes=changes)

    return await call.settle(rule, stored)


async def verify_app(call: Call[Nothing, Verification]) -> Any:
    """Says whether the publisher is verified."""

    def fields(client: Client) -> Rule[dict[str, Any]]:
        yield from ()
        return {"verified": call.body.verified}

    return await _replace(call, fields)


async def transfer_app(call: Call[Nothing, Transfer]) -> Any:
    """Gives the app another owner."""

    def fields(client: Client) -> Rule[dict[str, Any]]:
        name = call.body.owner
        if name:
            user = yield from find_user(name)
            if user.status != "active":
                raise Problem("conflict", "the new owner is disabled")
        return {"owner": name}

    return await _replace(call, fields)


async def list_for_administration(call: Call[Nothing, AdministrationOrder]) -> Any:
    """Says which permissions of this API the app may request."""
    permissions = call.body.permissions
    unknown = sorted(set(permissions) - set(PERMISSIONS))
    if unknown:
        raise Problem(
            "not-valid", mistakes=[f"permissions: {one[:60]!r} is none" for one in unknown]
        )
    missing = sorted(set(permissions) - call.actor.permissions)
    if missing:
        raise Problem("not-allowed", "you do not hold all of these", permission=missing[0])

    def rule(context: Context) -> Rule[AppChanged]:
        client = yield from find_reachable(call)
        if client.origin != "declared":
            raise Problem("conflict", "only apps that an administrator registered can be listed")
        scopes = [PREFIX + one for one in permissions]
        outcome = yield from list_app(client.id, scopes, context)
        return AppChanged(client=outcome.client or client, changes=outcome.changes)

    return await call.settle(rule, stored)


def _operation(name: str, body: Any, run: Any, *, summary: str, **more: Any) -> AnyOperation:
    facts: dict[str, Any] = {"permission": "apps.manage", "method": "POST", **more}
    return Operation(
        name=f"apps.{name}",
        path=f"/apps/{{app}}/{name}",
        query=Nothing,
        body=body,
        response=AppDetail,
        run=run,
        summary=summary,
        **facts,
    )


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    _operation(
        "suspend",
        Reason,
        suspend_app,
        summary="Suspend an app",
        description="It is refused everywhere within a second, and its users read the reason. "
        "Grants and tokens stay, and open nothing until it is restored.",
        narrows=True,
        sensitive=True,
    ),
    _operation(
        "restore",
        Reason,
        restore_app,
        summary="Restore a suspended app",
        description="With all its grants.",
    ),
    _operation(
        "verify",
        Verification,
        verify_app,
        summary="Verify the publisher of an app",
        permission="apps.review",
    ),
    _operation(
        "transfer", Transfer, transfer_app, summary="Give an app another owner", sensitive=True
    ),
    _operation(
        "administration",
        AdministrationOrder,
        list_for_administration,
        summary="Let an app request permissions of this API",
        description="Exactly these; its scope changes with them. You have to hold all of them.",
        method="PUT",
        permission="roles.manage",
        sensitive=True,
    ),
)
