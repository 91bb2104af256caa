"""Connected apps: the user's own hand on every key."""

from collections.abc import Callable
from typing import Final

from valetkey.http.reply import Reply, see_other
from valetkey.http.request import Request
from valetkey.model.event import Event
from valetkey.model.want import Query, Rule
from valetkey.oauth.authorize.visit import Person
from valetkey.oauth.context import Context
from valetkey.oauth.manage.approvals import questions
from valetkey.oauth.manage.connections import Connection, connection, connections, stopped
from valetkey.oauth.manage.grants import Managed, NoSuch
from valetkey.pages import connected, pieces, views, words
from valetkey.pages.actions import ACTIONS, turned
from valetkey.pages.frame import APPROVALS, APPS, Frame, SignInFirst
from valetkey.pages.pieces import Done
from valetkey.pages.trouble import NoSuchPage
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import form as forms

HISTORY: Final = 30
"""Lines of history on an app's page."""


class Apps:
    """`/apps`, `/apps/{grant}` and `/apps/{grant}/stop`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def list(self, request: Request) -> Reply:
        """All apps that hold a key."""
        person = await self._person(request)
        context = await self._frame.shell.context()
        found = await self._frame.shell.ask(lambda context: connections(person.user.id, context))
        waiting = await self._frame.shell.ask(lambda context: questions(person.user.id, context))
        name = request.parameters().get("stopped", "")
        gone = await self._frame.shell.ask(lambda context: stopped(name, person.user.id))
        view = views.ConnectedApps(
            site=self._frame.site,
            account=self._frame.account(person.user),
            apps=tuple(_row(one, context) for one in found),
            now=context.now,
            done=Done.NOTHING if gone is None else Done.STOPPED,
            stopped="" if gone is None else words.app(gone.client, gone.grant.client).name,
            waiting=len(waiting),
            approvals=APPROVALS,
        )
        return self._frame.page(request, view)

    async def detail(self, request: Request) -> Reply:
        """One app's key."""
        person, one, context = await self._found(request)
        history = await self._frame.shell.store.page(
            Query(record=Event, index="grant", value=one.grant.id, limit=HISTORY)
        )
        view = connected.page(
            self._frame,
            person,
            one,
            form=self._form(request, person, context, grant=one.grant.id),
            history=history.records,
            done=_done(request.parameters().get("done", "")),
            context=context,
        )
        return self._frame.page(request, view)

    async def change(self, request: Request) -> Reply:
        """Takes permissions away, pauses, resumes, disconnects a device, or asks about stopping."""
        person, one, context = await self._found(request)
        grant = one.grant.id
        form = self._posted(request, person, context, grant=grant)
        action = form.get("action", "")
        if action == "stop":
            return see_other(f"{APPS}/{grant}/stop")
        made = ACTIONS.get(action)
        if made is None:
            raise InvalidRequest("the form asks for nothing that is done here")
        rule, done = made
        return await self._managed(
            lambda context: rule(one, form, context), f"{APPS}/{grant}?done={done.value}"
        )

    async def ask_stop(self, request: Request) -> Reply:
        """Asks once more before an app loses its key."""
        person, one, context = await self._found(request)
        grant = one.grant.id
        view = views.StopApp(
            site=self._frame.site,
            account=self._frame.account(person.user),
            app=words.app(one.client, one.grant.client),
            form=self._form(request, person, context, grant=grant, action="stop"),
            devices=len(one.devices),
            back=f"{APPS}/{grant}",
        )
        return self._frame.page(request, view)

    async def stop(self, request: Request) -> Reply:
        """Stops the app: every token of the grant is worth nothing from now on."""
        person, one, context = await self._found(request)
        self._posted(request, person, context, grant=one.grant.id, action="stop")
        return await self._managed(
            lambda context: turned(one, "stop", context), f"{APPS}?stopped={one.grant.id}"
        )

    async def _person(self, request: Request) -> Person:
        person = await self._frame.person(request)
        if person is None:
            raise SignInFirst
        return person

    async def _found(self, request: Request) -> tuple[Person, Connection, Context]:
        """Whose page, which app. Raises NoSuchPage; SignInFirst where nobody is signed in."""
        person = await self._person(request)
        name = request.parts["grant"]
        context = await self._frame.shell.context()
        one = await self._frame.shell.ask(lambda context: connection(name, person.user.id, context))
        if one is None:
            raise NoSuchPage
        return person, one, context

    def _form(
        self, request: Request, person: Person, context: Context, *, grant: str, action: str = ""
    ) -> pieces.Form:
        path = f"{APPS}/{grant}/{action}" if action else f"{APPS}/{grant}"
        return self._frame.form(
            request, context, action=path, purpose=path, session=person.session.id
        )

    def _posted(
        self, request: Request, person: Person, context: Context, *, grant: str, action: str = ""
    ) -> forms.Form:
        path = f"{APPS}/{grant}/{action}" if action else f"{APPS}/{grant}"
        return self._frame.posted(request, context, purpose=path, session=person.session.id)

    async def _managed(self, rule: Callable[[Context], Rule[Managed]], then: str) -> Reply:
        outcome, _ = await self._frame.shell.settle(rule)
        if isinstance(outcome, NoSuch):
            raise NoSuchPage
        return see_other(then)


def _row(one: Connection, context: Context) -> pieces.Connection:
    return pieces.Connection(
        app=words.app(one.client, one.grant.client),
        permissions=words.granted(one.grant, one.client, context.offer),
        status=words.status(one.grant),
        since=one.grant.created,
        last_used=one.used or None,
        href=f"{APPS}/{one.grant.id}",
    )


def _done(told: str) -> Done:
    return Done(told) if told in {one.value for one in Done} else Done.NOTHING
