"""One connected app: what it can do, and how its user changes that."""

from collections.abc import Callable
from typing import ClassVar, Final, TypeAlias

from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request, member_of
from valetkey.server.model.event import DAILY, Event
from valetkey.server.model.query import PageQuery, Rule
from valetkey.server.model.receipt import Receipt
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.organizations import withholding
from valetkey.server.oauth.grants import delegates
from valetkey.server.oauth.grants.changes import (
    GrantOutcome,
    NotFound,
    StatusChange,
    change_status,
    disconnect_all,
    narrow,
    widen,
)
from valetkey.server.oauth.grants.connections import Connection, connection
from valetkey.server.oauth.grants.delegates import delegate_tree
from valetkey.server.pages import components, connected, presenters
from valetkey.server.pages.components import Account, App, PageForm, Section, Success, View
from valetkey.server.pages.frame import APPS, Frame, NoSuchPage, prove_again
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import form as forms

# What each button on an app's page does.

Action: TypeAlias = Callable[[Connection, forms.Form, Context], Rule[GrantOutcome]]


def _narrow(one: Connection, form: forms.Form, context: Context) -> Rule[GrantOutcome]:
    """Keep the ticked permissions, and those that the app requires."""
    required = context.installation.offer.with_implied(
        () if one.client is None else one.client.required
    )
    keep = (*form.all("permission"), *required, "openid")
    return narrow(one.grant.id, keep, user=one.grant.user, by="user", context=context)


def turn_by_user(one: Connection, how: StatusChange, context: Context) -> Rule[GrantOutcome]:
    """Pause, resume or stop the grant as its user."""
    return change_status(one.grant.id, how, user=one.grant.user, by="user", context=context)


def _widen(one: Connection, form: forms.Form, context: Context) -> Rule[GrantOutcome]:
    """Add the ticked permissions, and those that they imply."""
    more = form.all("more")
    return widen(one.grant.id, more, user=one.grant.user, by="user", context=context)


def _disconnect(one: Connection, form: forms.Form, context: Context) -> Rule[GrantOutcome]:
    names = one.alike(form.need("device"))
    return disconnect_all(names, user=one.grant.user, by="user", context=context)


def _cut(one: Connection, form: forms.Form, context: Context) -> Rule[GrantOutcome]:
    return delegates.revoke(
        one.grant.id, form.need("hand"), user=one.grant.user, by="user", context=context
    )


def _readmit(one: Connection, form: forms.Form, context: Context) -> Rule[GrantOutcome]:
    return delegates.readmit(
        one.grant.id, form.need("hand"), user=one.grant.user, by="user", context=context
    )


ACTIONS: Final[dict[str, tuple[Action, Success]]] = {
    "save": (_narrow, Success.SAVED),
    "give": (_widen, Success.ALLOWED),
    "pause": (lambda one, form, context: turn_by_user(one, "pause", context), Success.PAUSED),
    "resume": (lambda one, form, context: turn_by_user(one, "resume", context), Success.RESUMED),
    "stop-device": (_disconnect, Success.DEVICE_STOPPED),
    "cut": (_cut, Success.CUT),
    "readmit": (_readmit, Success.READMITTED),
}
"""What the buttons of an app's page do, and what is said of it afterwards."""


HISTORY: Final = 30
"""Lines of history on an app's page."""

RECEIPTS: Final = 10
"""Receipts on an app's page."""


class StopAppView(View, frozen=True, kw_only=True):
    """Confirm that an app loses access: button ``#stop``. ``back`` is the path of the app's
    page."""

    template: ClassVar = "stop_app.html"
    section: ClassVar = Section.APPS

    account: Account
    app: App
    form: PageForm
    devices: int
    back: str


class AppPage:
    """`/apps/{grant}` and `/apps/{grant}/stop`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def detail(self, request: Request) -> Reply:
        """Show one app."""
        person, one, context = await self._read(request)
        history = await self._frame.shell.store.page(
            PageQuery(record=Event, index="grant", value=one.grant.id, limit=HISTORY)
        )
        receipts = await self._frame.shell.store.page(
            PageQuery(record=Receipt, index="grant", value=one.grant.id, limit=RECEIPTS)
        )
        branches = await self._frame.shell.ask(lambda context: delegate_tree(one.grant))
        organizations = await self._frame.shell.ask(lambda context: withholding(one.grant))
        view = connected.page(
            self._frame,
            person,
            one,
            form=self._form(request, person, context, grant=one.grant.id),
            # Their names are in another order: of the day, for what is counted by the day.
            history=sorted(history.records, key=_moment, reverse=True),
            receipts=receipts.records,
            branches=branches,
            organizations=organizations,
            success=_success(request.parameters().get("done", "")),
            language=self._frame.language(request),
            context=context,
        )
        return self._frame.page(request, view)

    async def change(self, request: Request) -> Reply:
        """Do what the form's button says."""
        person, one, context = await self._read(request)
        grant = one.grant.id
        form = self._posted(request, person, context, grant=grant)
        action = form.get("action", "")
        if action == "stop":
            return see_other(f"{APPS}/{grant}/stop")
        risky = action == "give" and _is_risky(form, context)
        if risky and not await self._frame.has_fresh_proof(person):
            # What could do harm is not given to anyone who finds the browser open.
            return prove_again(f"{APPS}/{grant}")
        action_of = ACTIONS.get(action)
        if action_of is None:
            raise InvalidRequest("the form asks for nothing that is done here")
        rule, done = action_of
        return await self._managed(
            lambda context: rule(one, form, context), f"{APPS}/{grant}?done={done.value}"
        )

    async def ask_stop(self, request: Request) -> Reply:
        """Ask the user to confirm that the app loses access."""
        person, one, context = await self._read(request)
        grant = one.grant.id
        view = StopAppView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            app=presenters.app(one.client, one.grant.client),
            form=self._form(request, person, context, grant=grant, action="stop"),
            devices=len(one.alike_devices),
            back=f"{APPS}/{grant}",
        )
        return self._frame.page(request, view)

    async def stop(self, request: Request) -> Reply:
        """Stop the grant. All of its tokens become inactive."""
        person, one, context = await self._read(request)
        self._posted(request, person, context, grant=one.grant.id, action="stop")
        return await self._managed(
            lambda context: turn_by_user(one, "stop", context), f"{APPS}?stopped={one.grant.id}"
        )

    async def _read(self, request: Request) -> tuple[Person, Connection, Context]:
        """The user, the app and the context. Raises NoSuchPage, SignInFirst."""
        person = await self._frame.require_person(request)
        name = request.path_parameters["grant"]
        context = await self._frame.shell.context()
        one = await self._frame.shell.ask(lambda context: connection(name, person.user.id, context))
        if one is None:
            raise NoSuchPage
        return person, one, context

    def _form(
        self, request: Request, person: Person, context: Context, *, grant: str, action: str = ""
    ) -> components.PageForm:
        path = f"{APPS}/{grant}/{action}" if action else f"{APPS}/{grant}"
        return self._frame.form(
            request, context, action=path, purpose=path, session=person.session.id
        )

    def _posted(
        self, request: Request, person: Person, context: Context, *, grant: str, action: str = ""
    ) -> forms.Form:
        path = f"{APPS}/{grant}/{action}" if action else f"{APPS}/{grant}"
        return self._frame.posted(request, context, purpose=path, session=person.session.id)

    async def _managed(self, rule: Callable[[Context], Rule[GrantOutcome]], then: str) -> Reply:
        outcome, _ = await self._frame.shell.settle(rule)
        if isinstance(outcome, NotFound):
            raise NoSuchPage
        return see_other(then)


def _moment(event: Event) -> tuple[int, bool]:
    """Sort key of the history: sign-ins are last within a second."""
    return event.at, event.kind in DAILY


def _success(name: str) -> Success:
    return member_of(Success, name, Success.NOTHING)


def _is_risky(form: forms.Form, context: Context) -> bool:
    offer = context.installation.offer
    wanted = offer.with_implied(one for one in form.all("more") if one in offer.permissions)
    return any(offer.permissions[one].risk == "high" for one in wanted)
