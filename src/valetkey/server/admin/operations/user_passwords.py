"""A password that an administrator chooses for a user."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from valetkey.server.accounts.password import MAX_BYTES
from valetkey.server.admin.operation import AnyOperation, Call, Nothing, Operation, Reason
from valetkey.server.admin.operations.users import UserId, find_reachable
from valetkey.server.admin.problems import not_found
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import Rule
from valetkey.server.model.user import User
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants.credentials import CredentialsChanged, change_password


class NewPassword(Reason, frozen=True, kw_only=True):
    """A new password, and whether the access of all apps ends with the old one."""

    password: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MAX_BYTES,
            description="The new password. The rules of the server for passwords apply.",
            extra_json_schema={"format": "password", "writeOnly": True},
        ),
    ]
    stop_apps: Annotated[bool, Meta(description="Also stop the access of every app.")] = False

    def __repr__(self) -> str:
        return "NewPassword(…)"


class PasswordSet(msgspec.Struct, frozen=True, kw_only=True):
    """How many sessions have ended, and how many apps have no access any more."""

    user: UserId
    sessions: int
    stopped: int


async def set_password(call: Call[Nothing, NewPassword]) -> PasswordSet:
    """Stores a new password, and ends what a change of the password ends."""
    user: User = await call.ask(lambda _: find_reachable(call))
    about = (user.username, user.email, *user.claims.values())
    secret = Secret(call.body.password)
    hashed = await call.services.passwords.accept(secret, about=about)

    def rule(context: Context) -> Rule[CredentialsChanged]:
        yield from find_reachable(call)
        changed = yield from change_password(
            user.id,
            hashed,
            by="administrator",
            reason=call.body.reason,
            stop_apps=call.body.stop_apps,
            context=context,
        )
        if changed.user is None:
            raise not_found("user", user.id)
        return changed

    return await call.settle(
        rule,
        lambda outcome: PasswordSet(
            user=user.id, sessions=outcome.sessions, stopped=outcome.stopped
        ),
    )


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="users.set-password",
        method="POST",
        path="/users/{user}/password",
        permission="users.manage",
        query=Nothing,
        body=NewPassword,
        response=PasswordSet,
        run=set_password,
        summary="Give a user a new password",
        description="Sessions end, and the user gets a notice. Second factors stay. A link "
        "(`users.password-link`) is better: then nobody but the user knows the password.",
        sensitive=True,
        hidden=("password",),
    ),
)
