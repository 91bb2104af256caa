"""What happened in a user's account: sign-ins by day, and what happened with apps."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar, Final

from msgspec import Struct

from valetkey.server.http.reply import Reply
from valetkey.server.http.request import Request
from valetkey.server.model.client import Client
from valetkey.server.model.event import Event, Kind
from valetkey.server.model.query import One, PageQuery
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.pages import presenters
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.components import Account, HistoryEntry, Section, View
from valetkey.server.pages.frame import Frame
from valetkey.spec.errors import InvalidRequest

ACTIVITY: Final = "/activity"

PAGE: Final = 50
"""Events on a page."""

STEPS: Final = 4
"""Reads for one page: where little fits, the page ends early, and there is a way on."""

SIGN_INS: Final[frozenset[Kind]] = frozenset(
    {"signed-in", "sign-in-refused", "code-refused", "signed-out", "password-closed"}
)

_CURSOR: Final = re.compile(r"[0-9a-v]{26}", re.ASCII)
_NAME: Final = 60
_REASON: Final = 200


class ActivityFilter(StrEnum):
    """What the page shows."""

    ALL = "all"
    SIGN_INS = "sign-ins"
    APPS = "apps"


class ActivityEntry(Struct, frozen=True, kw_only=True):
    """An event. ``app`` is the name of the app that it is about, "" for none; ``device`` that of
    the browser, and ``unknown`` marks one that the account did not know. ``country`` is a code of
    ISO 3166-1, and ``new_country`` marks one that was new to the account."""

    event: HistoryEntry
    app: str = ""
    device: str = ""
    unknown: bool = False
    country: str = ""
    new_country: bool = False


class ActivityView(View, frozen=True, kw_only=True):
    """A page of events, newest first. ``next`` is the address of the next page. ``here`` is the
    path of the first one."""

    template: ClassVar = "activity.html"
    section: ClassVar = Section.ACTIVITY
    enums: ClassVar = (ActivityFilter,)

    account: Account
    entries: tuple[ActivityEntry, ...]
    here: str
    show: ActivityFilter = ActivityFilter.ALL
    next: str | None = None


def fits(event: Event, show: ActivityFilter) -> bool:
    """Whether the page shows the event."""
    match show:
        case ActivityFilter.SIGN_INS:
            return event.kind in SIGN_INS
        case ActivityFilter.APPS:
            return bool(event.client)
        case ActivityFilter.ALL:
            return True


def entry(event: Event, client: Client | None, offer: Offer, *, language: str) -> ActivityEntry:
    """A line of the page."""
    titles = presenters.titles(offer.ordered(event.permissions), offer, language)
    app = presenters.app(client, event.client).name if event.client else ""
    # For an app, the note names its device.
    note = plain(event.note, _NAME) if event.client and not titles else ""
    return ActivityEntry(
        event=HistoryEntry(
            when=event.at,
            kind=event.kind,
            by=event.by,
            subjects=titles or ((note,) if note else ()),
            reason=plain(event.reason, _REASON),
            count=event.count,
        ),
        app=app,
        device=plain(event.device, _NAME),
        unknown=event.unknown,
        country=event.country,
        new_country=event.new_country,
    )


class ActivityPage:
    """`/activity`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def show(self, request: Request) -> Reply:
        """Show a page of events."""
        person = await self._frame.require_person(request)
        context = await self._frame.shell.context()
        query = request.parameters()
        known = {one.value for one in ActivityFilter}
        said = query.get("show", "")
        show = ActivityFilter(said) if said in known else ActivityFilter.ALL
        before = query.get("from", "")
        if before and not _CURSOR.fullmatch(before):
            raise InvalidRequest("from is no place in the list")
        events, more = await self._events(person.user.id, before, show)
        queries = {one.client: One(Client, one.client) for one in events if one.client}
        clients = await self._frame.shell.store.read(*queries.values()) if queries else None
        language, offer = self._frame.language(request), context.installation.offer
        view = ActivityView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            entries=tuple(
                entry(
                    one,
                    clients.one(queries[one.client]) if clients and one.client else None,
                    offer,
                    language=language,
                )
                for one in events
            ),
            here=ACTIVITY,
            show=show,
            next=f"{ACTIVITY}?show={show}&from={more}" if more else None,
        )
        return self._frame.page(request, view)

    async def _events(
        self, user: str, before: str, show: ActivityFilter
    ) -> tuple[Sequence[Event], str]:
        """The events of a page, newest first, and where the next begins, "" at the end."""
        page_events: list[Event] = []
        for _ in range(STEPS):
            page = await self._frame.shell.store.page(
                PageQuery(record=Event, index="user", value=user, before=before, limit=PAGE)
            )
            page_events += [one for one in page.records if fits(one, show)]
            before = page.next
            if not before or len(page_events) >= PAGE:
                break
        # What is counted by the day has a name of the end of that day.
        return sorted(page_events, key=lambda one: one.at, reverse=True), before
