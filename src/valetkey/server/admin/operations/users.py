"""Users: find them, look at them, disable and enable them."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from valetkey.server.admin.lists import search_page
from valetkey.server.admin.operation import (
    AnyCall,
    AnyOperation,
    Call,
    ItemPage,
    ListQuery,
    Nothing,
    Operation,
    Reason,
)
from valetkey.server.admin.problems import Problem, find
from valetkey.server.model import search
from valetkey.server.model.query import OneByAlias, Rule
from valetkey.server.model.search import SearchQuery, beginning, exactly
from valetkey.server.model.user import ADMINISTRATOR, Status, User, sign_in_name
from valetkey.server.oauth.admin.user_status import (
    UserStatus,
    disablers,
    why_disabled,
    with_status,
)
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.endpoints.administration import permissions_of

UserId = Annotated[str, Meta(description="The id of a user: the `sub` that most apps see.")]
Time = Annotated[int, Meta(description="Seconds since 1970; 0 for never.")]


class UserSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A user in a list. `name` is what pages display."""

    id: UserId
    username: str
    name: str
    email: str
    email_verified: bool
    status: Status
    created: Time


class UserDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A user. `claims` are those of the scope `profile`. `external` is the platform's own id of the
    user, empty if they do not come from it. `disabled_by` are those who disabled the user:
    `administrator`, `~deletion`, `~unused` (nobody used the account), or the sources of users.
    `disabled_because` says the same in words, empty for an active user."""

    id: UserId
    username: str
    name: str
    email: str
    email_verified: bool
    phone_number: str
    phone_number_verified: bool
    address: dict[str, str]
    claims: dict[str, str]
    status: Status
    disabled_by: tuple[str, ...]
    disabled_because: str
    external: str
    language: str
    zone: str
    has_password: bool
    created: Time
    changed: Time
    version: int


class UserPage(ItemPage, frozen=True, kw_only=True):
    """Users."""

    items: tuple[UserSummary, ...]


class UserList(ListQuery, frozen=True, kw_only=True):
    """Which users."""

    username: Annotated[
        str, Meta(max_length=256, description="Only the one with this username.")
    ] = ""
    email: Annotated[
        str, Meta(max_length=200, description="Only those whose address begins so.")
    ] = ""
    name: Annotated[
        str, Meta(max_length=200, description="Only those of whose name a word begins so.")
    ] = ""
    external: Annotated[
        str, Meta(max_length=200, description="Only the one with this id of the platform.")
    ] = ""


def summary(user: User) -> UserSummary:
    """The user, as in a list."""
    return UserSummary(
        id=user.id,
        username=user.username,
        name=user.display_name,
        email=user.email,
        email_verified=user.email_verified,
        status=user.status,
        created=user.created,
    )


def detail(user: User) -> UserDetail:
    """The user, without secrets."""
    return UserDetail(
        id=user.id,
        username=user.username,
        name=user.display_name,
        email=user.email,
        email_verified=user.email_verified,
        phone_number=user.phone_number,
        phone_number_verified=user.phone_number_verified,
        address=user.address,
        claims=user.claims,
        status=user.status,
        disabled_by=tuple(sorted(disablers(user))),
        disabled_because=why_disabled(user),
        external=user.external,
        language=user.language,
        zone=user.zone,
        has_password=bool(user.password),
        created=user.created,
        changed=user.changed,
        version=user.version,
    )


def find_user(name: str) -> Rule[User]:
    """The user with this id. Raises Problem."""
    return find(User, name, what="user")


def find_reachable(call: AnyCall) -> Rule[User]:
    """The user in the path, for a change. Raises Problem for an administrator who may do more than
    the caller: who resets the factors of an owner could become one (ATTACKS A161)."""
    user = yield from find_user(call.path["user"])
    theirs = yield from permissions_of(user.id)
    if not theirs <= call.actor.permissions:
        raise Problem("not-allowed", "this user is an administrator who may do more than you")
    return user


async def list_users(call: Call[UserList, Nothing]) -> UserPage:
    """The newest first, or those that are looked for, in the order of what they are found by."""
    if call.query.username:
        query = OneByAlias(User, sign_in_name(call.query.username))
        found = (await call.services.runner.store.read(query)).one(query)
        return UserPage(items=() if found is None else (summary(found),))
    items, following = await search_page(call, _search(call.query), summary)
    return UserPage(items=items, next=following)


def _search(query: UserList) -> SearchQuery[User] | None:
    """The search, None for all users. Raises Problem."""
    searches = [
        make(User, term)
        for value, make, term in (
            (query.email, beginning, search.text(search.EMAIL, query.email)),
            (query.name, beginning, search.text(search.NAME, query.name)),
            (query.external, exactly, search.EXTERNAL_ID + query.external.encode()),
        )
        if value
    ]
    if len(searches) > 1:
        raise Problem("invalid-request", "search by one of email, name and external at a time")
    return searches[0] if searches else None


async def show_user(call: Call[Nothing, Nothing]) -> UserDetail:
    """One user."""
    return detail(await call.ask(lambda context: find_user(call.path["user"])))


async def disable_user(call: Call[Nothing, Reason]) -> UserDetail:
    """Ends everything that the user has, at once, and keeps it for later."""
    return await _change_status(call, "disabled")


async def enable_user(call: Call[Nothing, Reason]) -> UserDetail:
    """Takes back what administrators said, and that nobody used the account."""
    return await _change_status(call, "active")


async def _change_status(call: Call[Nothing, Reason], status: Status) -> UserDetail:
    def rule(context: Context) -> Rule[UserStatus]:
        user = yield from find_reachable(call)
        call.check_match(user)
        return (
            yield from with_status(
                user, status, by=ADMINISTRATOR, reason=call.body.reason, context=context
            )
        )

    return await call.settle(rule, lambda outcome: changed(outcome.user, outcome.changes))


def changed(user: User | None, changes: tuple[Any, ...]) -> UserDetail:
    """The user as stored after these changes."""
    if user is None:
        raise Problem("not-found")
    written = any(one.record == user for one in changes)
    return detail(msgspec.structs.replace(user, version=user.version + written))


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="users.list",
        method="GET",
        path="/users",
        permission="users.read",
        query=UserList,
        body=Nothing,
        response=UserPage,
        run=list_users,
        summary="List users",
    ),
    Operation(
        name="users.show",
        method="GET",
        path="/users/{user}",
        permission="users.read",
        query=Nothing,
        body=Nothing,
        response=UserDetail,
        run=show_user,
        summary="Show a user",
    ),
    Operation(
        name="users.disable",
        method="POST",
        path="/users/{user}/disable",
        permission="users.manage",
        query=Nothing,
        body=Reason,
        response=UserDetail,
        run=disable_user,
        summary="Disable a user",
        description="The user is refused everywhere within a second, and sessions end. Grants "
        "stay, and open nothing until the user is enabled.",
        narrows=True,
    ),
    Operation(
        name="users.enable",
        method="POST",
        path="/users/{user}/enable",
        permission="users.manage",
        query=Nothing,
        body=Reason,
        response=UserDetail,
        run=enable_user,
        summary="Enable a user",
        description="Takes back what administrators said, and what the server did because nobody "
        "used the account. A user whom a source or a deletion has disabled stays disabled: see "
        "`disabled_by`.",
    ),
)
