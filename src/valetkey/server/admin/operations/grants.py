"""Grants: find them, look at them, pause and resume them."""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from valetkey.server.admin.lists import cursor_after, place_of
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
from valetkey.server.admin.operations.users import Time
from valetkey.server.admin.problems import Problem, find
from valetkey.server.http.bulk_stops import GrantMatches, WrongFilter, find_grants
from valetkey.server.model import search
from valetkey.server.model.bulk_stop import GrantFilter
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant, GrantStatus, TokenFamily
from valetkey.server.model.last_use import DAY, LastUse, grant_use_id
from valetkey.server.model.query import Many, One, PageQuery, Rule
from valetkey.server.model.search import WrongCursor
from valetkey.server.model.user import User
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants.changes import GrantChanged, StatusChange, change_status

Counted = Annotated[
    int | UnsetType,
    Meta(description="How many there are; 10001 stands for more than 10,000. With `count` only."),
]


class GrantSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a user lets an app do. `username` is empty for an erased account. `last_used` is the day
    of the last token, 0 if no app used it since this was recorded."""

    id: str
    user: str
    username: str
    app: str
    status: GrantStatus
    permissions: tuple[str, ...]
    refused: tuple[str, ...]
    limited: tuple[str, ...]
    until: Time
    last_used: Time
    created: Time
    changed: Time
    version: int


class GrantDevice(msgspec.Struct, frozen=True, kw_only=True):
    """The app on one device. `used` is when it last got a token."""

    id: str
    device: str
    status: str
    permissions: tuple[str, ...]
    created: Time
    used: Time
    expires: Time


class GrantDetail(GrantSummary, frozen=True, kw_only=True):
    """A grant, and the devices on which the app uses it."""

    devices: tuple[GrantDevice, ...]


class GrantPage(ItemPage, frozen=True, kw_only=True):
    """Grants."""

    items: tuple[GrantSummary, ...]
    total: Counted = UNSET


class GrantList(ListQuery, frozen=True, kw_only=True):
    """Which grants. Those of a user come whatever their status; of others, live ones come unless
    `status` says which. The newest come first, with `unused_since` those that were used longest
    ago."""

    user: Annotated[str, Meta(max_length=64, description="Only of this user, by id.")] = ""
    app: Annotated[str, Meta(max_length=500, description="Only of this app.")] = ""
    permission: Annotated[str, Meta(max_length=200, description="Only with this one.")] = ""
    status: Annotated[
        GrantStatus | UnsetType, Meta(description="Only with this status; wants `app`.")
    ] = UNSET
    unused_since: Annotated[
        int, Meta(ge=0, lt=10**10, description="Only those that no app used since; in seconds.")
    ] = 0
    count: Annotated[bool, Meta(description="Count them too.")] = False


def find_grant(call: AnyCall) -> Rule[Grant]:
    """The grant in the path. Raises Problem."""
    return find(Grant, call.path["grant"], what="grant")


def _show(grant: Grant, user: User | None, use: LastUse | None) -> GrantSummary:
    return GrantSummary(
        id=grant.id,
        user=grant.user,
        username="" if user is None else user.label,
        app=grant.client,
        status=grant.status,
        permissions=grant.permissions,
        refused=grant.refused,
        limited=tuple(sorted(grant.limits.limited_permissions)),
        until=grant.limits.until,
        last_used=0 if use is None else use.day * DAY,
        created=grant.created,
        changed=grant.changed,
        version=grant.version,
    )


def show_all(grants: Sequence[Grant]) -> Rule[tuple[GrantSummary, ...]]:
    """Grants with their users and last uses, all in one read."""
    users = {one.user: One(User, one.user) for one in grants}
    uses = {one.id: One(LastUse, grant_use_id(one.id)) for one in grants}
    if not grants:
        return ()
    results = yield (*users.values(), *uses.values())
    return tuple(
        _show(one, results.one(users[one.user]), results.one(uses[one.id])) for one in grants
    )


async def list_grants(call: Call[GrantList, Nothing]) -> GrantPage:
    """A page of a search."""
    try:
        matches = await _find(call)
    except WrongFilter as error:
        raise Problem("invalid-request", str(error), pointer="permission") from error
    except WrongCursor as error:
        raise Problem("invalid-request", str(error), pointer="cursor") from error
    items = await call.ask(lambda _: show_all(matches.grants))
    total = UNSET if matches.total is None else matches.total
    return GrantPage(items=items, next=cursor_after(call, matches.next), total=total)


async def _find(call: Call[GrantList, Nothing]) -> GrantMatches:
    query, before = call.query, place_of(call)
    if query.user:
        if query.unused_since or query.permission:
            raise WrongFilter("user goes together with app and status only")
        page = await call.services.page(
            PageQuery(
                record=Grant, index="user", value=query.user, before=before, limit=query.limit
            )
        )
        # A user has so few that what is left out costs nothing.
        return GrantMatches(
            grants=tuple(one for one in page.records if _fits(one, query)), next=page.next
        )
    if query.status is UNSET:
        what = GrantFilter(
            app=query.app, permission=query.permission, unused_since=query.unused_since
        )
        return await find_grants(
            call.services.runner.store, what, before=before, limit=query.limit, count=query.count
        )
    if not query.app or query.permission or query.unused_since:
        raise WrongFilter("status goes together with app or user only")
    facet = {"active": search.LIVE, "paused": search.PAUSED, "stopped": search.STOPPED}
    term = search.of_app(facet[query.status], query.app)
    matching = search.exactly(
        Grant, term, newest=True, before=before, limit=query.limit, count=query.count
    )
    matches = await call.services.page(matching)
    records = tuple(one for one in matches.records if _fits(one, query))
    return GrantMatches(grants=records, next=matches.next, total=matches.total)


def _fits(grant: Grant, query: GrantList) -> bool:
    return (not query.app or grant.client == query.app) and (
        query.status is UNSET or grant.status == query.status
    )


async def show_grant(call: Call[Nothing, Nothing]) -> GrantDetail:
    """One grant."""

    def rule(_: Context) -> Rule[GrantDetail]:
        grant = yield from find_grant(call)
        families = Many(TokenFamily, "grant", grant.id)
        summaries = yield from show_all([grant])
        devices = (yield (families,)).many(families)
        return GrantDetail(
            **msgspec.structs.asdict(summaries[0]),
            devices=tuple(
                GrantDevice(
                    id=one.id,
                    device=one.device,
                    status=one.status,
                    permissions=one.permissions,
                    created=one.created,
                    used=one.used,
                    expires=one.expires,
                )
                for one in devices
            ),
        )

    return await call.ask(rule)


async def pause_grant(call: Call[Nothing, Reason]) -> GrantSummary:
    """Nothing is open until it is resumed."""
    return await _change(call, "pause")


async def resume_grant(call: Call[Nothing, Reason]) -> GrantSummary:
    """Takes back a pause of administrators."""
    return await _change(call, "resume")


async def _change(call: Call[Nothing, Reason], how: StatusChange) -> GrantSummary:
    answers: list[GrantSummary] = []

    def rule(context: Context) -> Rule[GrantChanged]:
        grant = yield from find_grant(call)
        call.check_match(grant)
        if how == "resume" and grant.status == "paused":
            yield from _check_paused_by_administrator(grant)
        outcome = yield from change_status(
            grant.id,
            how,
            user=grant.user,
            by="administrator",
            context=context,
            reason=call.body.reason,
        )
        if not isinstance(outcome, GrantChanged):
            raise Problem("conflict", f"a grant that is {grant.status} cannot be {how}d")
        stored = msgspec.structs.replace(
            outcome.grant, version=outcome.grant.version + bool(outcome.changes)
        )
        answers[:] = yield from show_all([stored])
        return outcome

    return await call.settle(rule, lambda _: answers[0])


def _check_paused_by_administrator(grant: Grant) -> Rule[None]:
    """Raises Problem for a pause that the user wanted: nobody else may take it back."""
    query = Many(Event, "grant", grant.id)
    pauses = [one for one in (yield (query,)).many(query) if one.kind == "paused"]
    last = max(pauses, key=lambda one: (one.at, one.id), default=None)
    if last is None or last.by != "administrator":
        raise Problem("conflict", "the user has paused it, so only the user can resume it")


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="grants.list",
        method="GET",
        path="/grants",
        permission="grants.read",
        query=GrantList,
        body=Nothing,
        response=GrantPage,
        run=list_grants,
        summary="Search grants",
        description="By user, app, permission, or last use. Each search is a short range of an "
        "index, whatever the number of grants.",
    ),
    Operation(
        name="grants.show",
        method="GET",
        path="/grants/{grant}",
        permission="grants.read",
        query=Nothing,
        body=Nothing,
        response=GrantDetail,
        run=show_grant,
        summary="Show a grant",
    ),
    Operation(
        name="grants.pause",
        method="POST",
        path="/grants/{grant}/pause",
        permission="grants.stop",
        query=Nothing,
        body=Reason,
        response=GrantSummary,
        run=pause_grant,
        summary="Pause a grant",
        description="Its tokens open nothing within a second, until it is resumed. The user reads "
        "the reason.",
        narrows=True,
    ),
    Operation(
        name="grants.resume",
        method="POST",
        path="/grants/{grant}/resume",
        permission="grants.stop",
        query=Nothing,
        body=Reason,
        response=GrantSummary,
        run=resume_grant,
        summary="Resume a grant that administrators paused",
        description="A pause of the user's own stays: only the user can take it back.",
    ),
)
