"""Sign-out. The user confirms it, so that a link can't sign them out; then apps are notified."""

from collections.abc import Mapping
from typing import ClassVar, Final, Literal, Protocol

from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.logout import end_session, sessions
from valetkey.server.oauth.logout.sessions import Ended
from valetkey.server.oauth.sign_in.returning import read_ticket, write_ticket
from valetkey.server.pages import presenters
from valetkey.server.pages.components import Account, Back, PageForm, View, WayLink
from valetkey.server.pages.frame import APPS, SIGN_IN, SIGN_OUT, Frame
from valetkey.wire import redirect
from valetkey.wire.form import Form

SIGNED_OUT = "/signed-out"
LOGOUT: Final = "logout"
"""The parameter with the ticket of a browser that signs out elsewhere."""

OUTBOX_SECONDS: Final = 2.5
"""Seconds that the reply waits for apps to be notified. Slower apps are notified later."""

LOADING: Final = 2
"""Seconds for the apps' own pages to load before the browser goes on."""


class SignOutView(View, frozen=True, kw_only=True):
    """Confirm sign-out: button ``#sign-out``. ``back`` is the path for "no". ``signed_in`` names
    the apps that the user is signed in to in this browser."""

    template: ClassVar = "sign_out.html"

    account: Account
    form: PageForm
    apps: str
    back: str
    signed_in: tuple[str, ...] = ()


class SignedOutView(View, frozen=True, kw_only=True):
    """The session has ended. ``back`` is the app's registered address for afterwards; ``frames``
    are pages of apps that sign their user out when they load. ``other_place`` leads to the sign-out
    of the place where the user signed in."""

    template: ClassVar = "signed_out.html"

    other_place: WayLink | None = None
    sign_in: str | None = None
    back: Back | None = None
    frames: tuple[str, ...] = ()


class SignOutPlace(Protocol):
    """A place elsewhere where users sign in, and out. `signs_out` is the operator's choice."""

    @property
    def signs_out(self) -> Literal["offer", "always", "never"]: ...

    async def sign_out_link(self) -> WayLink | None:
        """The link to its sign-out page, None if there is none, or if it doesn't respond."""
        ...


async def signed_out(frame: Frame, person: Person | None) -> Ended:
    """End the session, and notify the apps that know it."""
    if person is None:
        return Ended()
    ended, _ = await frame.shell.settle(lambda context: sessions.end(person.session.id, context))
    await frame.outbox.send(ended.jobs, seconds=OUTBOX_SECONDS)
    return ended


class SignOutPage:
    """`/sign-out`, `/signed-out` and, for apps that send their users, `/logout`. `addresses` are
    those at which users of a way sign out there too, by the name of the way."""

    def __init__(
        self, frame: Frame, addresses: Mapping[str, str], places: Mapping[str, SignOutPlace] = {}
    ) -> None:
        self._frame = frame
        self._addresses = addresses
        self._places = places

    async def show(self, request: Request) -> Reply:
        """Ask for confirmation."""
        person = await self._frame.person(request)
        if person is None:
            return see_other(SIGNED_OUT)
        context = await self._frame.shell.context()
        return await self._ask(request, person, context, action=SIGN_OUT)

    async def submit(self, request: Request) -> Reply:
        """End the session. The cookie is deleted even if the session has ended (ATTACKS A66)."""
        browser = self._frame.cookies.read_browser(request)
        if not browser.session:
            # Another site's form comes without cookies; an answer that deletes one would sign the
            # user out all the same.
            return see_other(SIGNED_OUT)
        context = await self._frame.shell.context()
        self._frame.posted(request, context, purpose=SIGN_OUT, session=browser.session)
        person = await self._frame.person(request)
        ended = await signed_out(self._frame, person)
        onward = self._other_sign_out(request, person, context)
        way = "" if person is None else person.session.way
        place = self._places.get(way)
        always = place is not None and place.signs_out == "always"
        link = await place.sign_out_link() if place is not None and always else None
        reply = self._leave_page(request, ended, onward=onward, way=way, other_place=link)
        return self._frame.cookies.sign_out(reply)

    def _other_sign_out(
        self,
        request: Request,
        person: Person | None,
        context: Context,
        *,
        onward: str = "",
        led: bool = True,
    ) -> str:
        """The address at which the user signs out where they signed in, "" for none. The browser
        carries a ticket there and back, so no address travels."""
        place = "" if person is None else self._addresses.get(person.session.way, "")
        if not place:
            return ""
        browser = self._frame.cookies.read_browser(request)
        ticket = write_ticket(onward, browser, context, led=led)
        return redirect.with_parameters(place, {LOGOUT: ticket})

    async def show_signed_out(self, request: Request) -> Reply:
        """Show that the user is signed out, or go on to where an app wants its user back. The query
        may name the place where they signed in."""
        query = request.parameters()
        text = query.get(LOGOUT, "")
        if not text:
            place = self._places.get(query.get("way", ""))
            offered = place is not None and place.signs_out != "never"
            link = await place.sign_out_link() if place is not None and offered else None
            return self._frame.page(request, self._view(other_place=link))
        context, browser = (
            await self._frame.shell.context(),
            self._frame.cookies.read_browser(request),
        )
        ticket = read_ticket(text, browser, context)
        if ticket is None or not ticket.onward:
            return see_other(SIGNED_OUT)
        if ticket.led:
            return see_other(ticket.onward)
        return self._frame.page(request, self._view(onward=ticket.onward))

    async def leave(self, request: Request) -> Reply:
        """Sign out at the request of an app, by GET or POST, after confirmation if needed."""
        context = await self._frame.shell.context()
        form = request.form() if request.method == "POST" else request.parameters()
        if request.method == "POST" and "csrf" not in form:
            # Browsers send no cookies along with another site's form; with this they do.
            return see_other(redirect.with_parameters(end_session.PATH, dict(_hidden(form))))
        leaving = await self._frame.shell.ask(lambda context: end_session.understand(form, context))
        person = await self._frame.person(request)
        own = person is not None and leaving.is_of(person, context)
        if person is not None and not own:
            if "csrf" not in form:
                return await self._ask(
                    request, person, context, action=end_session.PATH, hidden=_hidden(form)
                )
            purpose, session = end_session.PATH, person.session.id
            self._frame.posted(request, context, purpose=purpose, session=session)
        ended = await signed_out(self._frame, person)
        led = own or leaving.is_vouched_for
        away = self._other_sign_out(request, person, context, onward=leaving.onward, led=led)
        way = "" if person is None else person.session.way
        reply = self._leave_page(
            request, ended, onward=away or leaving.onward, led=bool(away) or led, way=way
        )
        return reply if person is None else self._frame.cookies.sign_out(reply)

    async def _ask(
        self,
        request: Request,
        person: Person,
        context: Context,
        *,
        action: str,
        hidden: tuple[tuple[str, str], ...] = (),
    ) -> Reply:
        sid = person.session.sid
        apps = await self._frame.shell.ask(
            lambda context: sessions.apps(person.user.id, context, sids=(sid,))
        )
        form = self._frame.form(
            request,
            context,
            action=action,
            purpose=action,
            session=person.session.id,
            hidden=hidden,
        )
        view = SignOutView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            form=form,
            apps=APPS,
            back=APPS,
            signed_in=tuple(dict.fromkeys(presenters.app(one.client, "").name for one in apps)),
        )
        return self._frame.page(request, view)

    def _leave_page(
        self,
        request: Request,
        ended: Ended,
        *,
        onward: str = "",
        led: bool = True,
        way: str,
        other_place: WayLink | None = None,
    ) -> Reply:
        """Continue to the app's address or to our own page, through the apps' frames. If the user
        isn't to be `led` to the address, they get a link that names the host. `other_place` is
        where they sign out next; no redirect leads there, since after a form, browsers follow
        redirects only to ourselves."""
        stays = bool(onward) and not led
        here = f"{SIGNED_OUT}?way={way}" if way in self._places else SIGNED_OUT
        if not ended.frames and not stays and other_place is None:
            return see_other(onward or here)
        view = self._view(onward=onward, frames=ended.frames, other_place=other_place)
        origins = " ".join(dict.fromkeys(map(redirect.origin, ended.frames)))
        reply = self._frame.page(request, view, frame_source=origins)
        if stays:
            return reply
        there = onward or here if other_place is None else other_place.href
        return reply.having((b"refresh", f"{LOADING};url={there}".encode()))

    def _view(
        self, *, onward: str = "", frames: tuple[str, ...] = (), other_place: WayLink | None = None
    ) -> SignedOutView:
        back = Back(place=redirect.host(onward), href=onward) if onward else None
        return SignedOutView(
            site=self._frame.site,
            sign_in=SIGN_IN,
            back=back,
            frames=frames,
            other_place=other_place,
        )


def _hidden(form: Form) -> tuple[tuple[str, str], ...]:
    return tuple((name, form[name]) for name in end_session.PARAMETERS if name in form)
