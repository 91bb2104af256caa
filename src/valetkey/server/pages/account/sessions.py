"""The browsers in which a user is signed in, and how they sign out of them from here."""

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar, Final

from msgspec import Struct

from valetkey.server.http.countries import Countries
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.query import Many
from valetkey.server.model.user import Session
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.logout.sessions import end_elsewhere
from valetkey.server.pages.account.security import SecuritySection
from valetkey.server.pages.components import Account, PageForm, Section, View
from valetkey.server.pages.frame import SECURITY, Frame

SESSIONS: Final = f"{SECURITY}/sessions"

MOST: Final = 100
"""Sessions on the page, the last used ones."""


class SessionsNotice(StrEnum):
    """What was done."""

    NONE = "none"
    ENDED = "ended"
    ALL_ENDED = "all_ended"


class SessionItem(Struct, frozen=True, kw_only=True):
    """A session. ``device`` is the name of its browser, ``network`` a coarse address, and
    ``country`` where it is (ISO 3166-1), "" if unknown. ``current`` is the one of this browser."""

    id: str
    device: str
    network: str
    country: str
    began: int
    last_seen: int
    current: bool


class SessionsView(View, frozen=True, kw_only=True):
    """The sessions of the user: a button ``.end`` each, ``#end-others`` for all others. ``now`` is
    the current time; ``idle`` and ``longest`` are the seconds after which sessions end."""

    template: ClassVar = "sessions.html"
    section: ClassVar = Section.SECURITY
    enums: ClassVar = (SessionsNotice,)

    account: Account
    form: PageForm
    items: tuple[SessionItem, ...]
    now: int
    idle: int
    longest: int
    notice: SessionsNotice = SessionsNotice.NONE


def live_sessions(sessions: Sequence[Session], *, current: str, context: Context) -> list[Session]:
    """The live sessions of a user, this browser's first, then the last used ones."""
    installation = context.installation
    live = [
        one
        for one in sessions
        if one.epoch == installation.epoch
        and not one.is_over(context.env.now, idle=installation.lifetimes.session_idle)
    ]
    live.sort(key=lambda one: (one.id != current, -one.last_seen))
    return live[:MOST]


def _item(one: Session, *, current: str, countries: Countries) -> SessionItem:
    return SessionItem(
        id=one.id,
        device=one.device,
        network=one.network,
        country=countries.of(one.network),
        began=one.began,
        last_seen=one.last_seen,
        current=one.id == current,
    )


class SessionsSection(SecuritySection, frozen=True, kw_only=True):
    """The way to the sessions, of which there are `count`."""

    template: ClassVar = "security/sessions.html"

    href: str
    count: int


class SessionsPresenter:
    """Makes the section of the sessions."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def section(
        self, request: Request, person: Person, context: Context
    ) -> SecuritySection | None:
        """The section."""
        query = Many(Session, "user", person.user.id)
        sessions = (await self._frame.shell.store.read(query)).many(query)
        live = live_sessions(sessions, current=person.session.id, context=context)
        return SessionsSection(href=SESSIONS, count=len(live))


class SessionsPage:
    """`/security/sessions`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def show(self, request: Request) -> Reply:
        """Show the sessions."""
        person = await self._frame.require_person(request)
        context = await self._frame.shell.context()
        query = Many(Session, "user", person.user.id)
        sessions = (await self._frame.shell.store.read(query)).many(query)
        notice = request.parameters().get("notice", "")
        values = {one.value for one in SessionsNotice}
        lifetimes, current = context.installation.lifetimes, person.session.id
        view = SessionsView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            form=self._form(request, person, context),
            items=tuple(
                _item(one, current=current, countries=self._frame.callers.countries)
                for one in live_sessions(sessions, current=current, context=context)
            ),
            now=context.env.now,
            idle=lifetimes.session_idle,
            longest=lifetimes.session,
            notice=SessionsNotice(notice) if notice in values else SessionsNotice.NONE,
        )
        return self._frame.page(request, view)

    async def end(self, request: Request) -> Reply:
        """End another session, or all others. Those of other users are not found."""
        person = await self._frame.require_person(request)
        context = await self._frame.shell.context()
        form = self._frame.posted(request, context, purpose=SESSIONS, session=person.session.id)
        name = form.get("session", "")
        await self._frame.shell.settle(
            lambda context: end_elsewhere(
                person.user.id, current=person.session.id, only=name, context=context
            )
        )
        done = SessionsNotice.ENDED if name else SessionsNotice.ALL_ENDED
        return see_other(f"{SESSIONS}?notice={done}")

    def _form(self, request: Request, person: Person, context: Context) -> PageForm:
        return self._frame.form(
            request, context, action=SESSIONS, purpose=SESSIONS, session=person.session.id
        )
