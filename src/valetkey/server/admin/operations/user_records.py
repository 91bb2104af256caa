"""What is known about one user: what they allow, what they answered, what happened, everything."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from valetkey.server.accounts.personal_data import DATA, DataKind
from valetkey.server.admin.lists import cursor_after, page_of, place_of
from valetkey.server.admin.operation import (
    AnyOperation,
    Call,
    ItemPage,
    ListQuery,
    Nothing,
    Operation,
)
from valetkey.server.admin.operations.users import Time, find_user
from valetkey.server.http.personal_export import SINGLE, plain
from valetkey.server.model.audit import AuditRecord
from valetkey.server.model.event import By, Event, Kind
from valetkey.server.model.grant import Grant, GrantStatus
from valetkey.server.model.leasing import Allowance
from valetkey.server.model.query import Many, One, PageQuery
from valetkey.server.model.receipt import Line, Receipt
from valetkey.server.model.record import Record


class UserGrant(msgspec.Struct, frozen=True, kw_only=True):
    """What the user lets one app do. `until` is when it ends, `limited` are the permissions that
    have a limit, `refused` those that the user left out."""

    id: str
    client: str
    status: GrantStatus
    permissions: tuple[str, ...]
    refused: tuple[str, ...]
    limited: tuple[str, ...]
    until: Time
    created: Time
    changed: Time


class UserGrantPage(ItemPage, frozen=True, kw_only=True):
    """Grants, newest first."""

    items: tuple[UserGrant, ...]


class ReceiptLine(msgspec.Struct, frozen=True, kw_only=True):
    """A permission on the consent page: its text there, and whether the app has it afterwards."""

    permission: str
    text: str
    place: str
    risk: str
    ticked: bool
    granted: bool
    reason: str


class UserReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a consent page displayed, and the answer."""

    id: str
    at: Time
    client: str
    grant: str
    app: str
    destination: str
    language: str
    lines: tuple[ReceiptLine, ...]


class UserReceiptPage(ItemPage, frozen=True, kw_only=True):
    """Receipts, newest first."""

    items: tuple[UserReceipt, ...]


class UserActivity(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened. `unknown`: the account did not know the `device`; `new_country`: nor
    the `country`, a code of ISO 3166-1. `count` is how often it happened on that day."""

    id: str
    at: Time
    kind: Kind
    by: By
    client: str
    grant: str
    permissions: tuple[str, ...]
    note: str
    reason: str
    device: str
    unknown: bool
    country: str
    new_country: bool
    count: int


class UserActivityPage(ItemPage, frozen=True, kw_only=True):
    """Events, newest first."""

    items: tuple[UserActivity, ...]


class PersonalRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One stored record about the user. `section` is what the download calls its kind."""

    section: str
    data: dict[str, Any]


class PersonalRecordPage(ItemPage, frozen=True, kw_only=True):
    """Records about one user."""

    items: tuple[PersonalRecord, ...]


async def list_grants(call: Call[ListQuery, Nothing]) -> UserGrantPage:
    """What the user allows."""
    items, following = await page_of(call, Grant, _grant, index="user", value=call.path["user"])
    return UserGrantPage(items=items, next=following)


def _grant(one: Grant) -> UserGrant:
    return UserGrant(
        id=one.id,
        client=one.client,
        status=one.status,
        permissions=one.permissions,
        refused=one.refused,
        limited=tuple(one.limits.limited_permissions),
        until=one.limits.until,
        created=one.created,
        changed=one.changed,
    )


async def list_receipts(call: Call[ListQuery, Nothing]) -> UserReceiptPage:
    """What the user was asked, and answered."""
    items, following = await page_of(call, Receipt, _receipt, index="user", value=call.path["user"])
    return UserReceiptPage(items=items, next=following)


def _receipt(one: Receipt) -> UserReceipt:
    return UserReceipt(
        id=one.id,
        at=one.at,
        client=one.client,
        grant=one.grant,
        app=one.app,
        destination=one.destination,
        language=one.language,
        lines=tuple(map(_line, one.lines)),
    )


def _line(one: Line) -> ReceiptLine:
    return ReceiptLine(
        permission=one.id,
        text=one.words,
        place=one.place,
        risk=one.risk,
        ticked=one.ticked,
        granted=one.granted,
        reason=one.reason,
    )


async def list_activity(call: Call[ListQuery, Nothing]) -> UserActivityPage:
    """What happened."""
    items, following = await page_of(call, Event, _activity, index="user", value=call.path["user"])
    return UserActivityPage(items=items, next=following)


def _activity(one: Event) -> UserActivity:
    return UserActivity(
        id=one.id,
        at=one.at,
        kind=one.kind,
        by=one.by,
        client=one.client,
        grant=one.grant,
        permissions=one.permissions,
        note=one.note,
        reason=one.reason,
        device=one.device,
        unknown=one.unknown,
        country=one.country,
        new_country=one.new_country,
        count=one.count,
    )


SECTIONS: Final[tuple[DataKind, ...]] = tuple(
    one for one in DATA if one.section and one.record is not AuditRecord
)


async def export_user(call: Call[ListQuery, Nothing]) -> PersonalRecordPage:
    """Everything that is stored about the user, a page at a time."""
    user = await call.ask(lambda context: find_user(call.path["user"]))
    at, _, before = (place_of(call) or "0 ").partition(" ")
    section, items = int(at), list[PersonalRecord]()
    while section < len(SECTIONS) and len(items) < call.query.limit:
        kind = SECTIONS[section]
        room = call.query.limit - len(items)
        records, before = await _read(call, kind, user.id, before=before, room=room)
        items += (PersonalRecord(section=kind.section, data=plain(one, kind)) for one in records)
        section += not before
    more = f"{section} {before}" if section < len(SECTIONS) else ""
    return PersonalRecordPage(items=tuple(items), next=cursor_after(call, more))


async def _read(
    call: Call[ListQuery, Nothing], kind: DataKind, user: str, *, before: str, room: int
) -> tuple[Iterable[Record], str]:
    """Some records of a kind, and the key to go on after, "" if there are no more."""
    store = call.services.runner.store
    if kind.record in SINGLE:
        query = One(kind.record, user)
        return (await store.read(query)).records(query), ""
    if kind.record is Allowance:
        # Of one grant at a time: an allowance belongs to a grant, not to a user.
        grants = await store.page(
            PageQuery(record=Grant, index="user", value=user, before=before, limit=1)
        )
        counts = [Many(Allowance, "grant", one.id) for one in grants.records]
        results = await store.read(*counts) if counts else None
        return [one for want in counts if results for one in results.many(want)], grants.next
    page = await store.page(
        PageQuery(record=kind.record, index="user", value=user, before=before, limit=room)
    )
    return page.records, page.next


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="users.grants",
        method="GET",
        path="/users/{user}/grants",
        permission="grants.read",
        query=ListQuery,
        body=Nothing,
        response=UserGrantPage,
        run=list_grants,
        summary="List what a user allows apps",
    ),
    Operation(
        name="users.receipts",
        method="GET",
        path="/users/{user}/receipts",
        permission="grants.read",
        query=ListQuery,
        body=Nothing,
        response=UserReceiptPage,
        run=list_receipts,
        summary="List the consent receipts of a user",
    ),
    Operation(
        name="users.activity",
        method="GET",
        path="/users/{user}/activity",
        permission="users.read",
        query=ListQuery,
        body=Nothing,
        response=UserActivityPage,
        run=list_activity,
        summary="List what happened to a user",
    ),
    Operation(
        name="users.export",
        method="GET",
        path="/users/{user}/export",
        permission="users.manage",
        query=ListQuery,
        body=Nothing,
        response=PersonalRecordPage,
        run=export_user,
        summary="Export everything that is stored about a user",
        description="A page at a time, without secrets. Each page leaves an audit record.",
        sensitive=True,
        recorded=True,
    ),
)
