"""Bulk stops of grants: a preview with a token that binds its number, then the stop itself."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from valetkey.jose import base64url, seal
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
)
from valetkey.server.admin.operations.grants import GrantSummary, show_all
from valetkey.server.admin.operations.users import Time
from valetkey.server.admin.problems import Problem, find
from valetkey.server.http.bulk_stops import WrongFilter, find_grants
from valetkey.server.model import ids
from valetkey.server.model.bulk_stop import BulkStatus, BulkStop, GrantFilter
from valetkey.server.model.change import Create, Update
from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome

PURPOSE: Final = b"bulk stop preview"
TOKEN_SECONDS: Final = 600
PREVIEWED: Final = 20
"""Grants of a preview."""

_MORE: Final = "; 10001 stands for more than 10,000"


class BulkFilter(Parameters, frozen=True, kw_only=True):
    """Which live grants. Say `all` for all of them: nothing is stopped by leaving something out."""

    app: Annotated[str, Meta(max_length=500, description="Of this app.")] = ""
    permission: Annotated[str, Meta(max_length=200, description="With this permission.")] = ""
    unused_since: Annotated[
        int, Meta(ge=0, lt=10**10, description="That no app used since; in seconds.")
    ] = 0
    all: bool = False


class BulkPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a bulk stop would stop. `token` orders it, within ten minutes, and only while the number
    is still the same."""

    number: Annotated[int, Meta(description=f"Grants{_MORE}.")]
    grants: tuple[GrantSummary, ...]
    token: str
    expires: Time


class BulkOrder(Parameters, frozen=True, kw_only=True):
    """The order, by the token of a preview. Users read the reason."""

    token: Annotated[str, Meta(max_length=4000)]
    reason: Annotated[str, Meta(max_length=200)] = ""


class BulkStopState(msgspec.Struct, frozen=True, kw_only=True):
    """A bulk stop. `stopped` are stopped so far, of about `number`."""

    id: str
    status: BulkStatus
    number: Annotated[int, Meta(description=f"At the preview{_MORE}.")]
    stopped: int
    app: str
    permission: str
    unused_since: Time
    reason: str
    by: str
    created: Time
    changed: Time
    version: int


class BulkStopPage(ItemPage, frozen=True, kw_only=True):
    """Bulk stops, newest first."""

    items: tuple[BulkStopState, ...]


class _Promise(msgspec.Struct, frozen=True, array_like=True):
    """What a token binds."""

    filter: GrantFilter
    number: int
    actor: str
    expires: int


class Ordered(Outcome, frozen=True, kw_only=True, eq=False):
    """The bulk stop."""

    row: BulkStop


def _show(row: BulkStop) -> BulkStopState:
    return BulkStopState(
        id=row.id,
        status=row.status,
        number=row.number,
        stopped=row.stopped,
        app=row.filter.app,
        permission=row.filter.permission,
        unused_since=row.filter.unused_since,
        reason=row.reason,
        by=row.by,
        created=row.created,
        changed=row.changed,
        version=row.version,
    )


def _context(context: Context) -> Rule[Context]:
    yield from ()
    return context


async def preview(call: Call[Nothing, BulkFilter]) -> BulkPreview:
    """Counts, and shows the first ones."""
    body = call.body
    what = GrantFilter(**msgspec.structs.asdict(body))
    conditions = bool(body.app or body.permission or body.unused_since)
    if conditions == body.all:
        raise Problem("invalid-request", "name a condition, or say `all`, and not both")
    context = await call.ask(_context)
    if body.unused_since > context.env.now:
        raise Problem("invalid-request", "unused_since is in the future", pointer="unused_since")
    number = await _number(call, what)
    matches = await find_grants(call.services.runner.store, what, limit=PREVIEWED)
    expires = context.env.now + TOKEN_SECONDS
    promise = _Promise(what, number, call.actor.id, expires)
    return BulkPreview(
        number=number,
        grants=await call.ask(lambda _: show_all(matches.grants)),
        token=_seal(promise, context),
        expires=expires,
    )


async def _number(call: AnyCall, what: GrantFilter) -> int:
    try:
        matches = await find_grants(call.services.runner.store, what, limit=1, count=True)
    except WrongFilter as error:
        raise Problem("invalid-request", str(error)) from error
    return matches.total or 0


def _seal(promise: _Promise, context: Context) -> str:
    key, body = context.installation.keyring.macs[0], msgspec.msgpack.encode(promise)
    return base64url.encode(seal.mac(key.raw, PURPOSE, body) + body)


def _open(token: str, call: Call[Nothing, BulkOrder], context: Context) -> _Promise:
    """What the token binds. Raises Problem."""
    not_ours = Problem("invalid-request", "not the token of a preview", pointer="token")
    try:
        raw = base64url.decode(token)
    except ValueError as error:
        raise not_ours from error
    proof, body = raw[: seal.MAC], raw[seal.MAC :]
    keys = context.installation.keyring.macs
    if not any(seal.same(proof, seal.mac(one.raw, PURPOSE, body)) for one in keys):
        raise not_ours
    promise = msgspec.msgpack.decode(body, type=_Promise)
    if promise.actor != call.actor.id:
        raise Problem("not-allowed", "the preview was made by somebody else")
    if context.env.now >= promise.expires:
        raise Problem("conflict", "the preview is too old: make another one")
    return promise


async def start(call: Call[Nothing, BulkOrder]) -> BulkStopState:
    """Orders the stop of what the preview counted."""
    context = await call.ask(_context)
    promise = _open(call.body.token, call, context)
    number = await _number(call, promise.filter)
    if number != promise.number:
        raise Problem("conflict", f"there are {number} now: look at another preview", number=number)

    def rule(context: Context) -> Rule[Ordered]:
        yield from ()
        row = BulkStop(
            id=ids.free_id(context.env),
            filter=promise.filter,
            number=promise.number,
            reason=call.body.reason,
            by=call.actor.id,
            created=context.env.now,
            changed=context.env.now,
        )
        return Ordered(row=msgspec.structs.replace(row, version=1), changes=(Create(row),))

    return await call.settle(rule, lambda outcome: _show(outcome.row))


def _find(name: str) -> Rule[BulkStop]:
    return find(BulkStop, name, what="bulk stop")


async def list_bulk_stops(call: Call[ListQuery, Nothing]) -> BulkStopPage:
    """All of them."""
    items, following = await page_of(call, BulkStop, _show)
    return BulkStopPage(items=items, next=following)


async def show_bulk_stop(call: Call[Nothing, Nothing]) -> BulkStopState:
    """One of them."""
    return _show(await call.ask(lambda _: _find(call.path["bulk_stop"])))


async def cancel(call: Call[Nothing, Nothing]) -> BulkStopState:
    """Stops no further grant."""

    def rule(context: Context) -> Rule[Ordered]:
        row = yield from _find(call.path["bulk_stop"])
        if row.status != "running":
            return Ordered(row=row)
        after = msgspec.structs.replace(row, status="cancelled", changed=context.env.now)
        return Ordered(
            row=msgspec.structs.replace(after, version=row.version + 1), changes=(Update(after),)
        )

    return await call.settle(rule, lambda outcome: _show(outcome.row))


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="bulk_stops.preview",
        method="POST",
        path="/bulk-stops/preview",
        permission="grants.stop",
        query=Nothing,
        body=BulkFilter,
        response=BulkPreview,
        run=preview,
        summary="Preview a bulk stop",
        description="Counts the grants, and shows the first ones. Nothing is stopped.",
        narrows=True,
        secret=("token",),
    ),
    Operation(
        name="bulk_stops.start",
        method="POST",
        path="/bulk-stops",
        permission="grants.stop",
        query=Nothing,
        body=BulkOrder,
        response=BulkStopState,
        run=start,
        summary="Stop many grants",
        description="Stops what the preview counted, one grant after the other, in the "
        "background. Grants that are made later are left alone.",
        status=202,
        location="/bulk-stops/{id}",
        sensitive=True,
        narrows=True,
    ),
    Operation(
        name="bulk_stops.list",
        method="GET",
        path="/bulk-stops",
        permission="grants.read",
        query=ListQuery,
        body=Nothing,
        response=BulkStopPage,
        run=list_bulk_stops,
        summary="List bulk stops",
    ),
    Operation(
        name="bulk_stops.show",
        method="GET",
        path="/bulk-stops/{bulk_stop}",
        permission="grants.read",
        query=Nothing,
        body=Nothing,
        response=BulkStopState,
        run=show_bulk_stop,
        summary="Show a bulk stop and how far it is",
    ),
    Operation(
        name="bulk_stops.cancel",
        method="POST",
        path="/bulk-stops/{bulk_stop}/cancel",
        permission="grants.stop",
        query=Nothing,
        body=Nothing,
        response=BulkStopState,
        run=cancel,
        summary="Cancel a bulk stop",
        description="No further grant is stopped. Those that were stopped stay stopped.",
        narrows=True,
    ),
)
