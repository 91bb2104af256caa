"""Who calls: for anybody with a token of the API."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from valetkey.server.admin.operation import AnyOperation, Call, Nothing, Operation
from valetkey.server.model.query import One
from valetkey.server.model.role import Role, RoleBinding
from valetkey.server.model.user import User


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls. `username` and `roles` are those of a person. `app` is the app through which they
    call. `permissions` are what they may do now: what the token allows, the app is listed for, and
    the roles confer. `two_factors` says whether a person signed in with two factors."""

    kind: Literal["user", "app", "local"]
    id: str
    username: str
    app: str
    roles: tuple[Role, ...]
    permissions: Annotated[tuple[str, ...], Meta(description="Such as users.read.")]
    two_factors: bool


async def show_me(call: Call[Nothing, Nothing]) -> Me:
    """Who calls, and what they may do now."""
    actor = call.actor
    person, binding = One(User, actor.id), One(RoleBinding, actor.id)
    rows = await call.services.runner.store.read(person, binding)
    user = rows.one(person) if actor.kind == "user" else None
    roles = rows.one(binding) if actor.kind == "user" else None
    return Me(
        kind=actor.kind,
        id=actor.id,
        username="" if user is None else user.username,
        app=actor.client,
        roles=() if roles is None else roles.roles,
        permissions=tuple(sorted(actor.permissions)),
        two_factors=actor.two_factors,
    )


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="me.show",
        method="GET",
        path="/me",
        permission="",
        query=Nothing,
        body=Nothing,
        response=Me,
        run=show_me,
        summary="Show who calls",
        description="Any token of this API is enough.",
    ),
)
