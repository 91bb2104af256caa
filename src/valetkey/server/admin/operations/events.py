"""The audit log: find records, look at one, and take many away."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from valetkey.server.admin.lists import cursor_after, place_of
from valetkey.server.admin.operation import (
    AnyOperation,
    Call,
    ItemPage,
    ListQuery,
    Nothing,
    Operation,
    Parameters,
)
from valetkey.server.admin.problems import Problem, not_found
from valetkey.server.audit.bundle_writer import write_bundle
from valetkey.server.audit.ocsf import event_of
from valetkey.server.audit.reading import OpenRecord, opened_records, search
from valetkey.server.model.audit import AuditActor, AuditRecord, AuditTarget, Category
from valetkey.server.model.audit import Result as AuditResult
from valetkey.server.model.query import One

_Value = Annotated[str, Meta(max_length=255)]
_Seconds = Annotated[int, Meta(ge=0, le=1 << 40, description="Seconds since 1970; 0 for no limit.")]


class EventQuery(ListQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which records. Of several fields, a record has to have all."""

    user: Annotated[_Value, Meta(description="The id of a user that it is about.")] = ""
    app: Annotated[_Value, Meta(description="The id of an app that it is about.")] = ""
    operation: Annotated[_Value, Meta(description="What was done, such as granted.")] = ""
    actor: Annotated[_Value, Meta(description="The id of who acted.")] = ""
    request: Annotated[_Value, Meta(description="The id of a request.")] = ""
    since: _Seconds = 0
    before: _Seconds = 0
    personal: Annotated[bool, Meta(description="False leaves out what is personal.")] = True


class BundleQuery(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which time the bundle is."""

    since: _Seconds = 0
    before: _Seconds = 0
    personal: Annotated[bool, Meta(description="False leaves out what is personal.")] = True


class EventItem(msgspec.Struct, frozen=True, kw_only=True):
    """A record. `at` is in milliseconds since 1970. What is personal is empty once the account that
    it is about was erased. `changes` has values before and after."""

    id: str
    at: int
    category: Category
    operation: str
    outcome: AuditResult
    actor: AuditActor
    target: AuditTarget
    permissions: tuple[str, ...]
    request: str
    count: int
    address: str
    agent: str
    device: str
    reason: str
    changes: dict[str, tuple[Any, Any]]


class EventPage(ItemPage, frozen=True, kw_only=True):
    """Some records, newest first. A page may have fewer than `limit`, and a `next`."""

    items: tuple[EventItem, ...]


class ExportPage(ItemPage, frozen=True, kw_only=True):
    """Some records as OCSF events, newest first."""

    items: tuple[dict[str, Any], ...]


class EventBundle(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle: each of `lines` is a line of the file that `valetkey events verify` reads."""

    lines: tuple[dict[str, Any], ...]


MAX_LINES: Final = 10_000
"""Lines of a bundle that one call answers."""


def _bounds(query: EventQuery | BundleQuery) -> dict[str, int | None]:
    """The time, in milliseconds since 1970."""
    return {
        "since": query.since * 1000 if query.since else None,
        "until": query.before * 1000 if query.before else None,
    }


async def bundle_events(call: Call[BundleQuery, Nothing]) -> EventBundle:
    """Writes a bundle. Raises Problem if it would have more than MAX_LINES."""
    query, context = call.query, await call.ask(_context)
    lines: list[dict[str, Any]] = []
    async for line in write_bundle(
        call.services.runner.store,
        context.installation.issuer,
        **_bounds(query),
        personal=query.personal,
    ):
        if len(lines) == MAX_LINES:
            detail = f"the bundle would have more than {MAX_LINES:,} lines: choose a shorter time"
            raise Problem("invalid-request", detail, pointer="since")
        lines.append(msgspec.json.decode(line))
    return EventBundle(lines=tuple(lines))


async def list_events(call: Call[EventQuery, Nothing]) -> EventPage:
    """Finds records."""
    records, following = await _find(call)
    return EventPage(items=tuple(map(_item, records)), next=cursor_after(call, following))


async def export_events(call: Call[EventQuery, Nothing]) -> ExportPage:
    """Finds records, as OCSF events."""
    records, following = await _find(call)
    context = await call.ask(_context)
    issuer = context.installation.issuer
    items = tuple(event_of(one, issuer=issuer) for one in records)
    return ExportPage(items=items, next=cursor_after(call, following))


async def show_event(call: Call[Nothing, Nothing]) -> EventItem:
    """Shows one record. Raises Problem if there is none."""
    query = One(AuditRecord, call.path["event"])
    store = call.services.runner.store
    row = (await store.read(query)).one(query)
    if row is None:
        raise not_found("record", call.path["event"])
    (record,) = await opened_records(store, (row,))
    return _item(record)


async def _find(call: Call[EventQuery, Nothing]) -> tuple[Sequence[OpenRecord], str]:
    query, store = call.query, call.services.runner.store
    criteria = {
        "person": query.user,
        "client": query.app,
        "operation": query.operation,
        "actor": query.actor,
        "request": query.request,
    }
    rows, following = await search(
        store,
        {name: value for name, value in criteria.items() if value},
        **_bounds(query),
        before=place_of(call),
        limit=query.limit,
    )
    records = await opened_records(store, rows)
    if not query.personal:
        records = [msgspec.structs.replace(one, parts=()) for one in records]
    return records, following


def _item(one: OpenRecord) -> EventItem:
    facts = one.facts
    return EventItem(
        id=one.record.id,
        at=facts.at,
        category=facts.category,
        operation=facts.operation,
        outcome=facts.outcome,
        actor=facts.actor,
        target=facts.target,
        permissions=facts.permissions,
        request=facts.request,
        count=facts.count,
        address=one.personal("address"),
        agent=one.personal("agent"),
        device=one.personal("device"),
        reason=one.personal("reason") or one.personal("note"),
        changes={**facts.changes, **one.personal("changes", {})},
    )


def _context(context: Any) -> Any:
    yield from ()
    return context


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="events.list",
        method="GET",
        path="/events",
        permission="audit.read",
        query=EventQuery,
        body=Nothing,
        response=EventPage,
        run=list_events,
        summary="Search the audit log",
        description="Newest first. A search by several fields looks at 4,000 records at a time.",
    ),
    Operation(
        name="events.export",
        method="GET",
        path="/events/export",
        permission="audit.read",
        query=EventQuery,
        body=Nothing,
        response=ExportPage,
        run=export_events,
        summary="Export the audit log as OCSF 1.3.0",
        description="A page at a time. Each page leaves an audit record.",
        recorded=True,
    ),
    Operation(
        name="events.bundle",
        method="GET",
        path="/events/bundle",
        permission="audit.read",
        query=BundleQuery,
        body=Nothing,
        response=EventBundle,
        run=bundle_events,
        summary="Take away a part of the audit log that can be checked offline",
        description="With its segments, signatures, and what opens personal parts. At most 10,000 "
        "lines: choose a shorter time for more. Each call leaves an audit record.",
        recorded=True,
    ),
    Operation(
        name="events.show",
        method="GET",
        path="/events/{event}",
        permission="audit.read",
        query=Nothing,
        body=Nothing,
        response=EventItem,
        run=show_event,
        summary="Show one record of the audit log",
    ),
)
