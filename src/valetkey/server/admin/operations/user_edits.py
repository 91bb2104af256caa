"""Changes of an account: its data, its end, and its return."""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from valetkey.server.accounts.notices import tell
from valetkey.server.accounts.profile import profile_owner, wrong_fields
from valetkey.server.accounts.sign_up import mistakes
from valetkey.server.admin.operation import (
    AnyOperation,
    Call,
    Nothing,
    Operation,
    Parameters,
    Reason,
)
from valetkey.server.admin.operations.users import (
    Time,
    UserDetail,
    UserId,
    changed,
    find_reachable,
)
from valetkey.server.admin.problems import Problem
from valetkey.server.model.change import Change, Update
from valetkey.server.model.event import Event, event
from valetkey.server.model.query import OneByAlias, Rule
from valetkey.server.model.user import User, sign_in_name
from valetkey.server.oauth.admin.erasure import Deletion, cancel_deletion, request_deletion
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome


class UserEdit(Parameters, frozen=True, kw_only=True, omit_defaults=True):
    """What to change; fields that are missing stay. `claims` and `address` replace all that was
    there. A new e-mail address is not verified, unless `email_verified` says so."""

    username: Annotated[str, Meta(max_length=128)] | UnsetType = UNSET
    email: Annotated[str, Meta(max_length=254)] | UnsetType = UNSET
    email_verified: bool | UnsetType = UNSET
    phone_number: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    phone_number_verified: bool | UnsetType = UNSET
    address: dict[str, str] | UnsetType = UNSET
    claims: dict[str, str] | UnsetType = UNSET
    language: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    zone: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET


class UserChanged(Outcome, frozen=True, kw_only=True, eq=False):
    """The user as now stored."""

    user: User


class ErasureOrder(Reason, frozen=True, kw_only=True):
    """How to erase. `at_once`: now, instead of after the grace; this cannot be undone."""

    at_once: bool = False


class UserDeletion(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: `requested`, to be erased at `due`; or `erased`."""

    user: UserId
    result: Literal["requested", "erased", "waiting"]
    due: Time


OWN: Final = frozenset({"language", "zone"})
"""What a user chose here, even if a source owns the profile."""


async def edit_user(call: Call[Nothing, UserEdit]) -> UserDetail:
    """Changes the fields that are named."""
    values: dict[str, Any] = {
        name: value
        for name, value in msgspec.structs.asdict(call.body).items()
        if value is not UNSET
    }

    def rule(context: Context) -> Rule[UserChanged]:
        user = yield from find_reachable(call)
        call.check_match(user)
        after = _with(user, values)
        if after == user:
            return UserChanged(user=user)
        yield from _check(user, after)
        after = msgspec.structs.replace(after, changed=context.env.now)
        return UserChanged(
            user=after,
            changes=(Update(after), *_notices(user, after, context)),
            events=_events(user, after, context),
        )

    return await call.settle(rule, lambda outcome: changed(outcome.user, outcome.changes))


def _with(user: User, values: dict[str, Any]) -> User:
    if "email" in values and values["email"] != user.email:
        values = {"email_verified": False, **values}
    if "phone_number" in values and values["phone_number"] != user.phone_number:
        values = {"phone_number_verified": False, **values}
    return msgspec.structs.replace(user, **values)


def _check(user: User, after: User) -> Rule[None]:
    """Raises Problem for what cannot be stored."""
    wrong = (
        mistakes(after)
        if after.username != user.username
        else mistakes(_with_valid_username(after))
    )
    fields = wrong_fields({"language": after.language, "zone": after.zone})
    wrong += [f"{name}: is not one" for name in fields]
    if wrong:
        raise Problem("not-valid", mistakes=wrong)
    if after.alias != user.alias:
        query = OneByAlias(User, sign_in_name(after.username))
        if (yield (query,)).one(query) is not None:
            raise Problem("conflict", "another user has this username")
    names = set(msgspec.structs.asdict(user)) - OWN - {"changed"}
    if any(getattr(user, name) != getattr(after, name) for name in names):
        source = yield from profile_owner(user.id)
        if source:
            raise Problem("declared", f"{source} owns this profile: change it there")


def _with_valid_username(user: User) -> User:
    """The user with a username that people may choose: the server's own ones stay."""
    return msgspec.structs.replace(user, username="somebody")


def _notices(before: User, after: User, context: Context) -> tuple[Change, ...]:
    """The notice to the address before: the caller may have been deceived."""
    if not before.email or before.email == after.email:
        return ()
    return tell(
        "email_changed",
        user=before.id,
        env=context.env,
        to=context.installation.notices,
        email=before.email,
        facts={"new_email": after.email},
    )


def _events(before: User, after: User, context: Context) -> tuple[Event, ...]:
    kind: Literal["email-changed", "profile-changed"] = (
        "profile-changed" if before.email == after.email else "email-changed"
    )
    return (event(context.env, kind, by="administrator", user=before.id),)


async def erase_user(call: Call[Nothing, ErasureOrder]) -> UserDeletion:
    """Disables the account, and erases it after the grace."""

    def rule(context: Context) -> Rule[Deletion]:
        user = yield from find_reachable(call)
        call.check_match(user)
        return (
            yield from request_deletion(
                user.id, by="administrator", at_once=call.body.at_once, context=context
            )
        )

    return await call.settle(rule, _deletion)


def _deletion(outcome: Deletion) -> UserDeletion:
    match outcome.result:
        case "requested" | "erased" | "waiting" as result:
            return UserDeletion(user=outcome.user, result=result, due=outcome.due)
        case _:
            raise Problem("not-found")


async def restore_user(call: Call[Nothing, Reason]) -> UserDetail:
    """Cancels a deletion that waits."""

    def rule(context: Context) -> Rule[UserChanged]:
        user = yield from find_reachable(call)
        outcome = yield from cancel_deletion(user=user.id, by="administrator", context=context)
        if outcome.result != "restored":
            raise Problem("conflict", "no deletion of this account waits")
        after = next((one.record for one in outcome.changes if isinstance(one.record, User)), user)
        return UserChanged(user=after, changes=outcome.changes, events=outcome.events)

    return await call.settle(rule, lambda outcome: changed(outcome.user, outcome.changes))


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="users.edit",
        method="PATCH",
        path="/users/{user}",
        permission="users.manage",
        query=Nothing,
        body=UserEdit,
        response=UserDetail,
        run=edit_user,
        summary="Edit a user",
        description="Fields that are missing stay. The e-mail address before gets a notice of a "
        "new one. A profile that a source owns (a directory, the platform) is changed there.",
    ),
    Operation(
        name="users.erase",
        method="POST",
        path="/users/{user}/erase",
        permission="users.manage",
        query=Nothing,
        body=ErasureOrder,
        response=UserDeletion,
        run=erase_user,
        summary="Erase a user",
        description="The account is disabled at once, and erased after the grace "
        "(`lifetimes.erasure_grace`). Receipts and events stay under an id that names nobody.",
        sensitive=True,
        narrows=True,
    ),
    Operation(
        name="users.restore",
        method="POST",
        path="/users/{user}/restore",
        permission="users.manage",
        query=Nothing,
        body=Reason,
        response=UserDetail,
        run=restore_user,
        summary="Cancel the erasure of a user",
        description="During the grace. Others who disabled the user still have their word.",
    ),
)
