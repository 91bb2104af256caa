"""Support cases: who looks at one person's account, and why."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from valetkey.server.admin.operation import AnyOperation, Call, Nothing, Operation, Parameters
from valetkey.server.admin.operations.users import Time, UserId
from valetkey.server.admin.problems import not_found
from valetkey.server.model.query import Rule
from valetkey.server.oauth.admin.support_case import CaseOpened, open_case
from valetkey.server.oauth.core.context import Context


class CaseOrder(Parameters, frozen=True, kw_only=True):
    """Why the case is opened."""

    reason: Annotated[
        str, Meta(min_length=1, max_length=200, description="Why. The person reads it.")
    ]


class SupportCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case, which is open until then for the session or the access token that opened it."""

    user: UserId
    until: Time


async def open_support_case(call: Call[Nothing, CaseOrder]) -> SupportCase:
    """Opens a case."""

    def rule(context: Context) -> Rule[CaseOpened]:
        opened = yield from open_case(
            call.path["user"],
            session=call.actor.session,
            reason=call.body.reason,
            context=context,
        )
        if opened.user is None:
            raise not_found("user", call.path["user"])
        return opened

    name = call.path["user"]
    return await call.settle(rule, lambda opened: SupportCase(user=name, until=opened.until))


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="users.open-case",
        method="POST",
        path="/users/{user}/case",
        permission="users.read",
        query=Nothing,
        body=CaseOrder,
        response=SupportCase,
        run=open_support_case,
        summary="Open a support case",
        description="The console shows what a person allowed and what happened in their account "
        "for half an hour after this. The person reads the reason in their activity.",
        narrows=True,
    ),
)
