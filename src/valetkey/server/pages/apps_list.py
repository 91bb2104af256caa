"""The list of connected apps, the page for unused apps, and the export."""

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar, Final, TypeVar
from urllib.parse import urlencode

import msgspec

from valetkey.server.http.reply import NO_STORE, SAFE, Reply, see_other
from valetkey.server.http.request import Request, member_of
from valetkey.server.model.event import Event
from valetkey.server.model.grant import DelegateTree, Grant, TokenFamily
from valetkey.server.model.query import Many, One, PageQuery
from valetkey.server.model.receipt import Receipt
from valetkey.server.model.record import Record, stored_fields
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants.approvals import questions
from valetkey.server.oauth.grants.changes import change_status
from valetkey.server.oauth.grants.connections import Connection, still_connected, stopped_connection
from valetkey.server.pages import components, presenters
from valetkey.server.pages.components import (
    Account,
    ConnectionItem,
    PageForm,
    Section,
    Shelf,
    Success,
    View,
)
from valetkey.server.pages.frame import APPROVALS, APPS, Frame
from valetkey.spec.errors import InvalidRequest

UNUSED: Final = "/unused"
EXPORT: Final = "/export"

PAGE: Final = 20
"""Apps on a page."""

SCAN: Final = 50
"""Grants that are read in one step; what is stopped or does not fit is among them."""

STEPS: Final = 4
"""Steps for one page: where little fits, the page ends early, and there is a way on."""

MOST: Final = 2000
"""Records of a kind in an export, the newest."""

LONGEST: Final = 100
"""Characters of a search."""

_NAME: Final = re.compile(r"[0-9a-v]{26}", re.ASCII)

R = TypeVar("R", bound=Record)


class AppsView(View, frozen=True, kw_only=True):
    """Apps that have access: one page of the list, filtered by ``search`` and ``shelf``. ``next``
    is the address of the next page, ``unused`` the path of the page for unused apps, if there are
    any. ``here`` is the path of the list, ``export`` that of the user's data. ``stopped`` is the
    name that goes with ``Success.STOPPED``. ``waiting`` is the number of requests at
    ``approvals``."""

    template: ClassVar = "connected_apps.html"
    section: ClassVar = Section.APPS

    account: Account
    apps: tuple[ConnectionItem, ...]
    now: int
    here: str
    export: str
    search: str = ""
    shelf: Shelf = Shelf.ALL
    next: str | None = None
    unused: str | None = None
    success: Success = Success.NOTHING
    stopped: str = ""
    waiting: int = 0
    approvals: str = ""


class StopUnusedView(View, frozen=True, kw_only=True):
    """Confirm that unused apps lose access: boxes ``app`` with grant ids, button ``#stop``.
    ``back`` is the path of the list."""

    template: ClassVar = "stop_unused.html"
    section: ClassVar = Section.APPS

    account: Account
    apps: tuple[ConnectionItem, ...]
    form: PageForm
    back: str
    now: int


class AppsListPage:
    """`/apps`, `/unused` and `/export`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def list(self, request: Request) -> Reply:
        """Show a page of the list."""
        person, context = (
            await self._frame.require_person(request),
            await self._frame.shell.context(),
        )
        query, language = request.parameters(), self._frame.language(request)
        search, shelf = query.get("search", "")[:LONGEST].strip(), _shelf(query.get("show", ""))
        start = _start(query.get("from", ""))
        rows, rest = await self._rows(
            person, start, (search, shelf), language=language, context=context
        )
        waiting = await self._frame.shell.ask(lambda context: questions(person.user.id, context))
        last_stopped = await self._frame.shell.ask(
            lambda context: stopped_connection(query.get("stopped", ""), person.user.id)
        )
        view = AppsView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            apps=tuple(rows),
            now=context.env.now,
            here=APPS,
            export=EXPORT,
            search=search,
            shelf=shelf,
            next=_address(search, shelf, rest) if rest else None,
            unused=UNUSED if any(row.unused for row in rows) else None,
            success=_success(query.get("done", "")) if last_stopped is None else Success.STOPPED,
            stopped=""
            if last_stopped is None
            else presenters.app(last_stopped.client, last_stopped.grant.client).name,
            waiting=len(waiting),
            approvals=APPROVALS,
        )
        return self._frame.page(request, view)

    async def ask_unused(self, request: Request) -> Reply:
        """Ask the user to confirm that unused apps lose access."""
        person, context = (
            await self._frame.require_person(request),
            await self._frame.shell.context(),
        )
        language = self._frame.language(request)
        rows, _ = await self._rows(
            person, "", ("", Shelf.UNUSED), language=language, context=context
        )
        view = StopUnusedView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            apps=tuple(rows),
            form=self._frame.form(
                request, context, action=UNUSED, purpose=UNUSED, session=person.session.id
            ),
            back=APPS,
            now=context.env.now,
        )
        return self._frame.page(request, view)

    async def stop_unused(self, request: Request) -> Reply:
        """Stop the ticked apps that are still unused."""
        person, context = (
            await self._frame.require_person(request),
            await self._frame.shell.context(),
        )
        form = self._frame.posted(request, context, purpose=UNUSED, session=person.session.id)
        selected = set(form.all("app"))
        async for one in self._connections(person, "", context):
            if one.grant.id in selected and one.is_unused(context.env.now):
                await self._stop(one)
        return see_other(f"{APPS}?done={Success.UNUSED_STOPPED.value}")

    async def export(self, request: Request) -> Reply:
        """All that is stored about the user's apps: grants, devices, receipts and history."""
        person, context = (
            await self._frame.require_person(request),
            await self._frame.shell.context(),
        )
        user = person.user.id
        grants, older_grants = await self._newest(Grant, user)
        receipts, older_receipts = await self._newest(Receipt, user)
        history, older_history = await self._newest(Event, user)
        more = {"grants": older_grants, "receipts": older_receipts, "history": older_history}
        document = {
            "exported": context.env.now,
            "user": {"sub": user, "username": person.user.username},
            "grants": [await self._exported(one) for one in grants],
            "receipts": [*map(_plain, receipts)],
            "history": [
                _plain(one) | ({"count": one.count} if one.count > 1 else {}) for one in history
            ],
            "cut_short": [kind for kind, older in more.items() if older],
        }
        body = msgspec.json.format(msgspec.json.encode(document), indent=1)
        return Reply(
            200,
            (
                (b"content-type", b"application/json"),
                (b"content-disposition", b'attachment; filename="connected-apps.json"'),
                *SAFE,
                *NO_STORE,
            ),
            body,
        )

    async def _rows(
        self,
        person: Person,
        start: str,
        narrowed: tuple[str, Shelf],
        *,
        language: str,
        context: Context,
    ) -> tuple[Sequence[components.ConnectionItem], str]:
        """A page of the list, and where the next begins: "" at the end."""
        search, shelf = narrowed
        rows: list[components.ConnectionItem] = []
        for _ in range(STEPS):
            page = await self._frame.shell.store.page(
                PageQuery(
                    record=Grant, index="user", value=person.user.id, before=start, limit=SCAN
                )
            )
            for one in await self._standing(page.records):
                href = f"{APPS}/{one.grant.id}"
                row = presenters.row(
                    one,
                    context.installation.offer,
                    language=language,
                    now=context.env.now,
                    href=href,
                )
                if _fits(row, search, shelf):
                    rows.append(row)
                    if len(rows) == PAGE:
                        more = page.next or one.grant.id != page.records[-1].id
                        return rows, one.grant.id if more else ""
            start = page.next
            if not start:
                break
        return rows, start

    async def _connections(
        self, person: Person, start: str, context: Context
    ) -> AsyncIterator[Connection]:
        for _ in range(STEPS):
            page = await self._frame.shell.store.page(
                PageQuery(
                    record=Grant, index="user", value=person.user.id, before=start, limit=SCAN
                )
            )
            for one in await self._standing(page.records):
                yield one
            start = page.next
            if not start:
                return

    async def _standing(self, grants: Sequence[Grant]) -> Sequence[Connection]:
        return await self._frame.shell.ask(lambda context: still_connected(grants, context))

    async def _stop(self, one: Connection) -> None:
        await self._frame.shell.settle(
            lambda context: change_status(
                one.grant.id, "stop", user=one.grant.user, by="user", context=context
            )
        )

    async def _newest(self, kind: type[R], user: str) -> tuple[Sequence[R], bool]:
        """The newest of a kind, and whether there are older ones."""
        records: list[R] = []
        before = ""
        while len(records) < MOST:
            most = min(SCAN, MOST - len(records))
            page = await self._frame.shell.store.page(
                PageQuery(record=kind, index="user", value=user, before=before, limit=most)
            )
            records += page.records
            before = page.next
            if not before:
                return records, False
        return records, True

    async def _exported(self, grant: Grant) -> dict[str, Any]:
        selected, tree = Many(TokenFamily, "grant", grant.id), One(DelegateTree, grant.id)
        records = await self._frame.shell.store.read(selected, tree)
        handed_on = records.one(tree)
        return _plain(grant) | {
            "devices": [_plain(one) for one in records.many(selected)],
            "handed_on": [
                msgspec.structs.asdict(one) for one in (handed_on.delegates if handed_on else ())
            ],
        }


def _plain(record: Record) -> dict[str, Any]:
    """A record as its user may read it. It contains no secrets."""
    return {name: value for name, value in stored_fields(record).items() if name != "version"}


def _fits(row: components.ConnectionItem, search: str, shelf: Shelf) -> bool:
    fits = {
        Shelf.ALL: True,
        Shelf.ACTIVE: not row.unused and row.status is components.AccessStatus.ACTIVE,
        Shelf.UNUSED: row.unused,
        Shelf.SENSITIVE: any(one.risk == "high" for one in row.permissions),
    }[shelf]
    said = " ".join((row.app.name, row.app.host, *(one.title for one in row.permissions)))
    return fits and search.casefold() in said.casefold()


def _start(place: str) -> str:
    """The grant id at which the page begins, "" for the first page. Raises InvalidRequest."""
    if place and not _NAME.fullmatch(place):
        raise InvalidRequest("from is no place in the list")
    return place


def _shelf(name: str) -> Shelf:
    return member_of(Shelf, name, Shelf.ALL)


def _success(name: str) -> Success:
    return Success.UNUSED_STOPPED if name == Success.UNUSED_STOPPED.value else Success.NOTHING


def _address(search: str, shelf: Shelf, start: str) -> str:
    query = {"search": search, "show": shelf.value if shelf is not Shelf.ALL else "", "from": start}
    return f"{APPS}?{urlencode({name: value for name, value in query.items() if value})}"
