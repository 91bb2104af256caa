"""The support view: one user, what they allowed, what happened, and the acts that support is asked
for. It opens with a reason, for half an hour."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec.structs import replace

from valetkey.server.accounts.fresh_proof import factors_of
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import One, Rule
from valetkey.server.model.user import UNUSED
from valetkey.server.oauth.admin.support_case import open_until
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.grants.connections import Connection, still_connected
from valetkey.server.pages import presenters
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.components import Need, PermissionItem
from valetkey.server.pages.console.acts import ActPage, OnceValue, Target, read_last_act
from valetkey.server.pages.console.names import from_segment, segment
from valetkey.server.pages.console.parts import CONSOLE, REASON, Act, Area
from valetkey.server.pages.console.staff import Answered, Console, Staff, address
from valetkey.server.pages.console.users import NAME, USERS
from valetkey.server.pages.console.views import (
    SupportApp,
    SupportEvent,
    SupportPermission,
    SupportView,
    UserFacts,
)
from valetkey.server.pages.frame import NoSuchPage

USER: Final = f"{USERS}/{{user}}"
GRANT: Final = f"{USER}/grants/{{grant}}"

GRANTS: Final = 100
"""Apps on the page."""

EVENTS: Final = 30
"""Events on the page."""

SESSIONS: Final = 200
"""Sessions that are counted."""

ACTS: Final = {Act.SIGN_OUT: "users.sign-out", Act.RESET_LINK: "users.password-link"}
"""The acts on the account, and their operations."""


class SupportPage:
    """`/console/users/{user}`, and the acts below it."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def show(self, request: Request) -> Reply:
        """Show the user, or ask for the reason first."""
        staff = await self._console.enter(request, Area.USERS)
        user, until = await self._opened(request, staff)
        here = f"{USERS}/{user.id}"
        context = await self._console.frame.shell.context()
        language = self._console.frame.language(request)
        grants = await self._console.read_if_allowed(
            staff, "users.grants", query={"limit": GRANTS}, user=user.id
        )
        live = [one.id for one in grants.items if one.status != "stopped"] if grants else []
        apps = await self._apps(staff, live, here=here, language=language)
        cursor = request.parameters().get("cursor", "")
        events, following = await self._events(staff, user.id, cursor, language=language)
        view = SupportView(
            **self._console.around(staff, Area.USERS),
            user=await self._facts(staff, user),
            apps=apps,
            events=events,
            acts=tuple((act, f"{here}/{act}") for act, one in ACTS.items() if staff.may(one)),
            until=until,
            now=context.env.now,
            last_act=read_last_act(request),
            next=address(here, cursor=following) if following else None,
        )
        return self._console.page(request, view)

    async def _opened(self, request: Request, staff: Staff) -> tuple[Any, int]:
        """The user, and until when the person may see them. Raises NoSuchPage, and Answered, which
        leads to the page that asks for a reason."""
        name = request.path_parameters["user"]
        user = await self._console.read(staff, "users.show", user=name)
        session = staff.person.session.id
        until = await self._console.frame.shell.ask(
            lambda context: open_until(name, session=session, context=context)
        )
        if not until:
            raise Answered(see_other(f"{USERS}/{name}/{Act.OPEN}"))
        return user, until

    async def _facts(self, staff: Staff, user: Any) -> UserFacts:
        sessions = await self._console.read(
            staff, "users.sessions", query={"limit": SESSIONS}, user=user.id
        )
        factors = await self._console.frame.shell.ask(lambda context: factors_of(user.id))
        return UserFacts(
            subject=user.id,
            name=plain(user.name, NAME),
            username=plain(user.username, NAME),
            email=plain(user.email, NAME),
            verified=user.email_verified,
            disabled=user.status != "active",
            unused=UNUSED in user.disabled_by,
            created=user.created,
            factors=len(factors),
            sessions=len(sessions.items),
        )

    async def _apps(
        self, staff: Staff, grants: Sequence[str], *, here: str, language: str
    ) -> tuple[SupportApp, ...]:
        shell = self._console.frame.shell
        found = await shell.ask(lambda context: _connections(grants, context))
        context = await shell.context()
        return tuple(_app(one, staff, context, here=here, language=language) for one in found)

    async def _events(
        self, staff: Staff, user: str, cursor: str, *, language: str
    ) -> tuple[tuple[SupportEvent, ...], str]:
        query = {"limit": EVENTS, "cursor": cursor}
        page = await self._console.read(staff, "users.activity", query=query, user=user)
        apps = {one.client: One(Client, one.client) for one in page.items if one.client}
        shell = self._console.frame.shell
        read = await shell.store.read(*apps.values()) if apps else None
        app_names = {
            name: presenters.app(read.one(want), name).name for name, want in apps.items() if read
        }
        offer = (await shell.context()).installation.offer
        # What is counted by the day has an id of the end of that day.
        ordered = sorted(page.items, key=lambda one: one.at, reverse=True)
        events = tuple(_event(one, app_names, offer, language=language) for one in ordered)
        return events, page.next or ""

    # What the acts are about.

    async def find_user(self, request: Request, staff: Staff) -> Target:
        """The user, to open the support view."""
        name = request.path_parameters["user"]
        user = await self._console.read(staff, "users.show", user=name)
        return Target(subject=plain(user.name, NAME), back=f"{USERS}/{name}", path={"user": name})

    async def find_opened(self, request: Request, staff: Staff) -> Target:
        """The user, whose support view is open."""
        await self._opened(request, staff)
        return await self.find_user(request, staff)

    async def find_grant(self, request: Request, staff: Staff) -> Target:
        """The access of an app to the user's account."""
        one, _ = await self._grant(request, staff)
        return Target(
            subject=presenters.app(one.client, one.grant.client).name,
            back=f"{USERS}/{one.grant.user}",
            path={"grant": one.grant.id},
        )

    async def find_permission(self, request: Request, staff: Staff) -> Target:
        """One permission of an app."""
        one, items = await self._grant(request, staff)
        name = from_segment(request.path_parameters["permission"])
        item = next((item for item in items if item.id == name), None)
        if item is None or item.need is Need.REQUIRED:
            raise NoSuchPage
        return Target(
            subject=item.title,
            app=presenters.app(one.client, one.grant.client).name,
            back=f"{USERS}/{one.grant.user}",
            path={"grant": one.grant.id},
            body={"permissions": [name]},
        )

    async def _grant(
        self, request: Request, staff: Staff
    ) -> tuple[Connection, Sequence[PermissionItem]]:
        """The grant in the path and its permissions. Raises NoSuchPage unless it is this user's,
        and live."""
        user, _ = await self._opened(request, staff)
        grant = request.path_parameters["grant"]
        shell = self._console.frame.shell
        connected = await shell.ask(lambda context: _connections([grant], context))
        if not connected or connected[0].grant.user != user.id:
            raise NoSuchPage
        offer = (await shell.context()).installation.offer
        language = self._console.frame.language(request)
        one = connected[0]
        return one, presenters.granted(one.grant, one.client, offer, language=language)


def _connections(grants: Iterable[str], context: Context) -> Rule[tuple[Connection, ...]]:
    """The live ones of these grants, with apps and devices."""
    queries = tuple(One(Grant, name) for name in grants)
    if not queries:
        return ()
    results = yield queries
    found = [grant for want in queries if (grant := results.one(want)) is not None]
    return (yield from still_connected(found, context))


def _app(
    one: Connection, staff: Staff, context: Context, *, here: str, language: str
) -> SupportApp:
    path = f"{here}/grants/{one.grant.id}"
    offer = context.installation.offer
    items = presenters.granted(one.grant, one.client, offer, language=language)
    may = staff.may("grants.narrow")
    return SupportApp(
        app=presenters.app(one.client, one.grant.client),
        status=presenters.status(one, context.env.now),
        since=one.grant.created,
        last_used=one.used or None,
        permissions=tuple(
            SupportPermission(
                item=_used(item, one.opened),
                stop=f"{path}/{Act.STOP_PERMISSION}/{segment(item.id)}"
                if may and item.need is not Need.REQUIRED
                else None,
            )
            for item in items
        ),
        stop=f"{path}/{Act.STOP_ACCESS}" if staff.may("grants.stop") else None,
        href=f"{CONSOLE}/apps/{segment(one.grant.client)}" if staff.may("apps.show") else None,
    )


def _used(item: PermissionItem, opened: dict[str, int]) -> PermissionItem:
    return replace(item, used=opened.get(item.id))


def _event(one: Any, app_names: dict[str, str], offer: Offer, *, language: str) -> SupportEvent:
    titles = presenters.titles(offer.ordered(one.permissions), offer, language)
    # For an app, the note names its device.
    note = plain(one.note, NAME) if one.client and not titles else ""
    return SupportEvent(
        when=one.at,
        kind=one.kind,
        by=one.by,
        app=app_names.get(one.client, ""),
        device=plain(one.device, NAME),
        unknown=one.unknown,
        subjects=titles or ((note,) if note else ()),
        reason=plain(one.reason, REASON),
        count=one.count,
    )


def acts(console: Console, page: SupportPage) -> dict[str, ActPage]:
    """The acts of the support view, by the path of each."""

    def link(response: Any) -> OnceValue:
        return OnceValue(response.link, response.expires)

    users = Area.USERS
    return {
        f"{USER}/{Act.OPEN}": ActPage(
            console, Act.OPEN, area=users, operation="users.open-case", find=page.find_user
        ),
        f"{USER}/{Act.SIGN_OUT}": ActPage(
            console,
            Act.SIGN_OUT,
            area=users,
            operation=ACTS[Act.SIGN_OUT],
            find=page.find_opened,
        ),
        f"{USER}/{Act.RESET_LINK}": ActPage(
            console,
            Act.RESET_LINK,
            area=users,
            operation=ACTS[Act.RESET_LINK],
            find=page.find_opened,
            once=link,
        ),
        f"{GRANT}/{Act.STOP_ACCESS}": ActPage(
            console,
            Act.STOP_ACCESS,
            area=users,
            operation="grants.stop",
            find=page.find_grant,
        ),
        f"{GRANT}/{Act.STOP_PERMISSION}/{{permission}}": ActPage(
            console,
            Act.STOP_PERMISSION,
            area=users,
            operation="grants.narrow",
            find=page.find_permission,
        ),
    }
