"""The page of an app that the user's organization does not allow, where the user can ask for it, or
that the platform does not let them connect."""

from typing import ClassVar, Final

from valetkey.server.http.reply import Reply
from valetkey.server.http.request import Request
from valetkey.server.model.organization import Organization
from valetkey.server.oauth.authorize.consent_check import ConsentWithheld
from valetkey.server.oauth.authorize.organizations import AppNotAllowed, ask_for
from valetkey.server.oauth.authorize.outcome import Deny
from valetkey.server.oauth.core.context import Context
from valetkey.server.pages import presenters
from valetkey.server.pages.components import Account, App, Back, PageForm, View
from valetkey.server.pages.frame import Frame, NoSuchPage

ASK: Final = "/ask-organization"


class NotAllowedView(View, frozen=True, kw_only=True):
    """The app is not connected. ``organizations`` are the names of those that don't allow it; with
    the button ``#ask``, the user asks them. ``requested``: the request has just been sent. Without
    organizations, the platform doesn't let the user connect it: ``reason`` is in its words."""

    template: ClassVar = "not_allowed.html"

    account: Account
    app: App
    organizations: tuple[str, ...] = ()
    reason: str = ""
    form: PageForm | None = None
    back: Back | None = None
    requested: bool = False


def not_allowed(
    frame: Frame, request: Request, denied: Deny, *, back: Back | None, context: Context
) -> Reply | None:
    """The page, None if the request was denied for another reason."""
    error, person, client = denied.error, denied.person, denied.client
    if person is None or client is None:
        return None
    if isinstance(error, ConsentWithheld):
        withheld = NotAllowedView(
            site=frame.site,
            account=frame.account(person.user),
            app=presenters.app(client, client.id),
            reason=error.explanation,
            back=back,
        )
        return frame.page(request, withheld, status=403)
    if not isinstance(error, AppNotAllowed):
        return None
    scope = " ".join(denied.permissions)
    form = None
    if any(one.rule.ask for one in error.organizations):
        form = frame.form(
            request,
            context,
            action=ASK,
            purpose=_purpose(client.id, scope),
            session=person.session.id,
            hidden=(("client", client.id), ("scope", scope)),
        )
    view = NotAllowedView(
        site=frame.site,
        account=frame.account(person.user),
        app=presenters.app(client, client.id),
        organizations=_names(error.organizations),
        form=form,
        back=back,
    )
    return frame.page(request, view, status=403)


def _purpose(client: str, scope: str) -> str:
    return f"ask for {client} {scope}"


def _names(organizations: tuple[Organization, ...]) -> tuple[str, ...]:
    return tuple(one.name for one in organizations)


class AskPage:
    """`POST /ask-organization`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def ask(self, request: Request) -> Reply:
        """Ask for the app."""
        person = await self._frame.require_person(request)
        context = await self._frame.shell.context()
        form = request.form()
        name, scope = form.get("client", ""), form.get("scope", "")
        self._frame.posted(
            request, context, purpose=_purpose(name, scope), session=person.session.id
        )
        outcome, _ = await self._frame.shell.settle(
            lambda context: ask_for(
                person.user.id, name, permissions=tuple(scope.split()), context=context
            )
        )
        if outcome.client is None:
            raise NoSuchPage
        view = NotAllowedView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            app=presenters.app(outcome.client, name),
            organizations=_names(outcome.organizations),
            requested=True,
        )
        return self._frame.page(request, view)
