"""The audit: its search, one record, and the export of what a search finds."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec

from valetkey.server.http.reply import NO_STORE, SAFE, Reply
from valetkey.server.http.request import Request
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.console.listings import (
    AUDIT_FIELDS,
    AuditRecordView,
    AuditRow,
    AuditView,
)
from valetkey.server.pages.console.names import segment
from valetkey.server.pages.console.parts import REASON, Area
from valetkey.server.pages.console.settings import text_of
from valetkey.server.pages.console.staff import Console, Staff, address
from valetkey.wire.form import Form

AUDIT: Final = Area.AUDIT.path
EXPORT: Final = f"{AUDIT}/export"
RECORD: Final = f"{AUDIT}/{{record}}"

PAGE: Final = 50
"""Records on a page."""

EXPORTED: Final = 10_000
"""Records in a file. More come with `valetkey events export`."""

_VALUE: Final = re.compile(r"[^\x00-\x1f\x7f]{1,255}")
_DAYS: Final = ("since", "before")


class Search(msgspec.Struct, frozen=True):
    """What somebody searches for: `fields` as they typed them, `query` as the operation takes it,
    and `wrong`, the fields that cannot be searched for."""

    fields: Mapping[str, str]
    query: Mapping[str, Any]
    wrong: tuple[str, ...] = ()


def read_search(parameters: Form) -> Search:
    """The search in the parameters of a page."""
    fields = {name: parameters.get(name, "").strip()[:255] for name in (*AUDIT_FIELDS, *_DAYS)}
    query: dict[str, Any] = {}
    wrong = []
    for name, value in fields.items():
        if not value:
            continue
        if name in _DAYS:
            moment = _moment(value, after=name == "before")
            if moment is None:
                wrong.append(name)
            else:
                query[name] = moment
        elif _VALUE.fullmatch(value):
            query[name] = value
        else:
            wrong.append(name)
    return Search(fields, query, tuple(wrong))


def _moment(text: str, *, after: bool) -> int | None:
    """The beginning of the day, or its end, in seconds since 1970."""
    try:
        day = date.fromisoformat(text) + timedelta(days=after)
    except (ValueError, OverflowError):
        return None
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


class AuditPage:
    """`/console/audit`, and the pages of records below it."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def list(self, request: Request) -> Reply:
        """Search, newest first."""
        staff = await self._console.enter(request, Area.AUDIT)
        parameters = request.parameters()
        search = read_search(parameters)
        rows: tuple[AuditRow, ...] = ()
        following = ""
        if not search.wrong:
            page = await self._page(staff, search, parameters.get("cursor", ""), limit=PAGE)
            rows = tuple(map(_row, page.items))
            following = page.next or ""
        view = AuditView(
            **self._console.around(staff, Area.AUDIT),
            rows=rows,
            here=AUDIT,
            search=dict(search.fields),
            wrong=search.wrong,
            next=address(AUDIT, **search.fields, cursor=following) if following else None,
            export=address(EXPORT, **search.fields) if rows else None,
        )
        return self._console.page(request, view, status=400 if search.wrong else 200)

    async def _page(self, staff: Staff, search: Search, cursor: str, *, limit: int) -> Any:
        query = {**search.query, "cursor": cursor, "limit": limit}
        return await self._console.read(staff, "events.list", query=query)

    async def show(self, request: Request) -> Reply:
        """Show one record."""
        staff = await self._console.enter(request, Area.AUDIT)
        name = request.path_parameters["record"]
        record = await self._console.read(staff, "events.show", event=name)
        view = AuditRecordView(
            **self._console.around(staff, Area.AUDIT),
            id=record.id,
            when=record.at // 1000,
            operation=record.operation,
            outcome=record.outcome,
            reason=plain(record.reason, REASON),
            facts=_facts(record),
            changes=tuple(
                (plain(name, REASON), _value(before), _value(after))
                for name, (before, after) in record.changes.items()
            ),
        )
        return self._console.page(request, view)

    async def export(self, request: Request) -> Reply:
        """What the search finds, as a file of OCSF events, a line each, the newest first."""
        staff = await self._console.enter(request, Area.AUDIT)
        search = read_search(request.parameters())
        lines, cursor = list[bytes](), ""
        while not search.wrong and len(lines) < EXPORTED:
            query = {**search.query, "cursor": cursor, "limit": 200}
            page = await self._console.read(staff, "events.export", query=query)
            lines += [msgspec.json.encode(one) for one in page.items]
            cursor = page.next or ""
            if not cursor:
                break
        headers = (
            (b"content-type", b"application/jsonl"),
            (b"content-disposition", b'attachment; filename="audit.jsonl"'),
        )
        body = b"".join(line + b"\n" for line in lines)
        return Reply(200, (*headers, *SAFE, *NO_STORE), body)


def _row(record: Any) -> AuditRow:
    return AuditRow(
        id=record.id,
        when=record.at // 1000,
        operation=plain(record.operation, REASON),
        actor=_actor(record.actor),
        target=_target(record.target),
        outcome=record.outcome,
        request=plain(record.request, REASON),
        href=f"{AUDIT}/{segment(record.id)}",
    )


def _actor(actor: Any) -> str:
    return plain(f"{actor.kind} {actor.id}".strip(), REASON)


def _target(target: Any) -> str:
    names = ("user", "client", "grant", "kind", "id")
    return plain(" ".join(one for name in names if (one := getattr(target, name))), REASON)


def _facts(record: Any) -> tuple[tuple[str, str, str | None], ...]:
    """The facts of a record as names and values, with the pages of what they name."""
    actor, target = record.actor, record.target
    user, app = Area.USERS.path, Area.APPS.path
    acted = actor.id if actor.kind in ("user", "administrator") else ""
    rows: tuple[tuple[str, str, str | None], ...] = (
        ("actor", _actor(actor), f"{user}/{segment(acted)}" if acted else None),
        ("actor.client", actor.client, _page_of(app, actor.client)),
        ("user", target.user, _page_of(user, target.user)),
        ("client", target.client, _page_of(app, target.client)),
        ("grant", target.grant, None),
        (target.kind or "target", target.id, None),
        ("permissions", " ".join(record.permissions), None),
        ("request", record.request, address(AUDIT, request=record.request)),
        ("id", record.id, None),
    )
    return tuple((name, plain(value, REASON), href) for name, value, href in rows if value)


def _page_of(area: str, name: str) -> str | None:
    return f"{area}/{segment(name)}" if name else None


def _value(value: object) -> str:
    return plain(text_of(value), REASON)
