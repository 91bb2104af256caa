"""Steps before consent: choose an account, create one, or cancel."""

from typing import ClassVar

from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.oauth.authorize.endpoint import resume
from valetkey.server.oauth.authorize.interaction import ANOTHER
from valetkey.server.oauth.authorize.outcome import Choose, Login
from valetkey.server.oauth.authorize.repeated_answer import decline
from valetkey.server.oauth.authorize.request_stages import remember_choice
from valetkey.server.oauth.core.context import Context
from valetkey.server.pages import presenters
from valetkey.server.pages.authorize import Steps, continue_at, leave
from valetkey.server.pages.components import Account, Decline, PageForm, View
from valetkey.server.pages.factors.stages import AfterSignIn, proceed
from valetkey.server.pages.frame import Frame
from valetkey.server.pages.sign_up import SignUpRefused, SignUpView, require_offered, signed_up
from valetkey.spec.errors import InvalidRequest


class ChoiceView(View, frozen=True, kw_only=True):
    """Choose the account to continue with: buttons ``#continue`` and ``#another``, whose ``action``
    is ``continue`` or ``another``."""

    template: ClassVar = "choice.html"

    form: PageForm
    account: Account
    app: str
    decline: Decline | None = None


class AccountChoice:
    """`/continue/{pending}/choose`, `/continue/{pending}/sign-up` and
    `/continue/{pending}/decline`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._steps = Steps(frame)

    async def choose(self, request: Request) -> Reply:
        """Take the chosen account."""
        name, browser = (
            request.path_parameters["pending"],
            self._frame.cookies.read_browser(request),
        )
        form = await self._steps.posted(request, "choose", session=browser.session)
        match form.get("action"):
            case "continue":
                chosen = browser.session
            case "another":
                chosen = ANOTHER
            case _:
                raise InvalidRequest("the form says neither who nor somebody else")
        await self._frame.shell.settle(
            lambda context: remember_choice(name, browser, chosen, context=context)
        )
        return see_other(continue_at(name))

    async def decline(self, request: Request) -> Reply:
        """Cancel the request before sign-in."""
        name, browser = (
            request.path_parameters["pending"],
            self._frame.cookies.read_browser(request),
        )
        await self._steps.posted(request, "decline")
        denied, context = await self._frame.shell.settle(
            lambda context: decline(name, browser, context)
        )
        return await leave(self._frame, request, denied, context=context)

    def declined(self, request: Request, decision: Login | Choose, context: Context) -> Decline:
        """The form that cancels, and where it leads (RFC 9700 4.11.2)."""
        name = decision.pending.id
        form = self._steps.form(request, context, step="decline", pending=name)
        return Decline(form=form, destination=presenters.destination(decision.reply_to.uri))

    async def show(self, request: Request) -> Reply:
        """The form for a new account."""
        login, context = await self._login(request)
        if login is None:
            return see_other(continue_at(request.path_parameters["pending"]))
        return self._steps.page(request, self.sign_up(request, login, context), login)

    async def submit(self, request: Request) -> Reply:
        """Sign up and continue the request."""
        name = request.path_parameters["pending"]
        form = await self._steps.posted(request, "sign-up")
        login, context = await self._login(request)
        if login is None:
            return see_other(continue_at(name))
        outcome = await signed_up(self._frame, request, form)
        if isinstance(outcome, SignUpRefused):
            view = outcome.on(self.sign_up(request, login, context))
            reply = self._steps.page(request, view, login, status=outcome.status)
            return reply.having(*outcome.headers)
        return await proceed(
            self._frame, request, outcome, destination=AfterSignIn(pending=name), login=login
        )

    def choice(self, request: Request, decision: Choose, context: Context) -> ChoiceView:
        """The page to choose an account."""
        name, session = decision.pending.id, self._frame.cookies.read_browser(request).session
        form = self._steps.form(request, context, step="choose", pending=name, session=session)
        return ChoiceView(
            site=self._frame.site,
            form=form,
            account=self._frame.account(decision.user),
            app=presenters.app(decision.client, decision.client.id).name,
            decline=self.declined(request, decision, context),
        )

    def sign_up(self, request: Request, login: Login, context: Context) -> SignUpView:
        """The sign-up form for a waiting request."""
        name = login.pending.id
        form = self._steps.form(request, context, step="sign-up", pending=name)
        return SignUpView(
            site=self._frame.site,
            form=form,
            sign_in=f"{continue_at(name)}?sign-in",
            shortest=self._frame.new_passwords.shortest,
            app=presenters.app(login.client, login.client.id).name,
            decline=self.declined(request, login, context),
        )

    async def _login(self, request: Request) -> tuple[Login | None, Context]:
        """The request, if it waits for a sign-in, else None."""
        name, browser = (
            request.path_parameters["pending"],
            self._frame.cookies.read_browser(request),
        )
        context = await self._frame.shell.context()
        require_offered(context)
        decision = await self._frame.shell.ask(lambda context: resume(name, browser, context))
        return (decision if isinstance(decision, Login) else None), context
