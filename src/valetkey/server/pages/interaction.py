"""The pages of a waiting authorization request: sign-in, consent, and back to the app. Each step
asks the rule again what is missing, so no step can be skipped (ATTACKS A67)."""

from typing import ClassVar

from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.counters import network_of
from valetkey.server.model.receipt import Receipt
from valetkey.server.oauth.authorize.endpoint import answer, resume
from valetkey.server.oauth.authorize.interaction import ANOTHER
from valetkey.server.oauth.authorize.outcome import (
    AuthorizeDecision,
    Choose,
    Confirm,
    Consent,
    Deny,
    Login,
    Permit,
)
from valetkey.server.oauth.authorize.request import may_sign_up
from valetkey.server.oauth.authorize.request_stages import remember_choice
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grant_types.device import confirm, disown
from valetkey.server.pages import consent, presenters
from valetkey.server.pages.account_choice import AccountChoice
from valetkey.server.pages.authorize import Steps, continue_at, leave, refuse
from valetkey.server.pages.components import App, PageForm, View
from valetkey.server.pages.consent import ConsentView
from valetkey.server.pages.credentials.forgot import forgot_path
from valetkey.server.pages.credentials.mail_sign_in import mail_sign_in_path
from valetkey.server.pages.factors.second_factor import ANEW, step_up
from valetkey.server.pages.factors.stages import AfterSignIn, proceed
from valetkey.server.pages.frame import Frame, NoSuchPage
from valetkey.server.pages.limit_fields import WrongField
from valetkey.server.pages.locales import speak_to
from valetkey.server.pages.sign_in import SignInPurpose, SignInView
from valetkey.server.pages.sign_out import signed_out
from valetkey.server.pages.ways import WITH, SignInChoice, SignInRefused, Waiting, pass_on
from valetkey.spec.errors import InvalidRequest, LoginRequired
from valetkey.wire.form import Form


def _is_anew(request: Request) -> bool:
    return request.query == ANEW.encode()


class ConfirmDeviceView(View, frozen=True, kw_only=True):
    """Confirm a request that another device made: buttons ``#confirm`` and ``#disown``, which post
    the ``action`` of their name. ``code`` is what that device shows, ``address`` its IP address,
    ``device`` its own description. ``near``: this browser is in the same network."""

    template: ClassVar = "confirm_device.html"

    form: PageForm
    app: App
    code: str
    asked_at: int
    now: int
    device: str
    address: str
    near: bool


class Interaction:
    """`/continue/{pending}` and the forms on it."""

    def __init__(self, frame: Frame, choice: SignInChoice) -> None:
        self._frame = frame
        self._choice = choice
        self._steps = Steps(frame)
        self._accounts = AccountChoice(frame)

    async def show(self, request: Request) -> Reply:
        """Show the page that is needed now, or return to the app."""
        name, browser = (
            request.path_parameters["pending"],
            self._frame.cookies.read_browser(request),
        )
        decision, context = await self._frame.shell.settle(
            lambda context: resume(name, browser, context)
        )
        if isinstance(decision, Login | Choose):
            away = await self._begin_other_way(request, decision)
            if away is not None:
                return away
        return await self._next(request, decision, context)

    async def _next(self, request: Request, decision: AuthorizeDecision, context: Context) -> Reply:
        """The page that is needed now: of a signed-in user, it asks only for what is missing."""
        if isinstance(decision, Login) and self._choice.form is not None and not _is_anew(request):
            stage = await step_up(self._frame, request, decision)
            if stage is not None:
                return stage
        return await self._respond(request, decision, context)

    async def _begin_other_way(self, request: Request, decision: Login | Choose) -> Reply | None:
        """The way to the place where this user signs in, or chooses an account; None for a page of
        ours."""
        if decision.pending.parameters.get("prompt", "").split() == ["none"]:
            way = self._choice.silent
            if way is None:
                pending = decision.pending.id
                return await refuse(self._frame, request, LoginRequired(), pending=pending)
        else:
            way = self._choice.only
        if way is None:
            return None
        if isinstance(decision, Choose):
            decision = Login(
                pending=decision.pending,
                client=decision.client,
                reply_to=decision.reply_to,
                user=decision.user,
            )
        return await way.begin(request, Waiting(login=decision))

    async def sign_in(self, request: Request) -> Reply:
        """Sign in and continue the request."""
        name, browser = (
            request.path_parameters["pending"],
            self._frame.cookies.read_browser(request),
        )
        context = await self._frame.shell.context()
        form = await self._steps.posted(request, "sign-in")
        if self._choice.form is None:
            raise NoSuchPage
        # Only the browser that began may go on: asked before any password is looked at.
        decision = await self._frame.shell.ask(lambda context: resume(name, browser, context))
        if not isinstance(decision, Login):
            return see_other(continue_at(name))
        if (way := self._choice.of_address(form.get("username", ""))) is not None:
            return pass_on(self._frame, request, way, href=f"{continue_at(name)}/{WITH}/{way.name}")
        outcome = await self._choice.form.check(request, form)
        if isinstance(outcome, SignInRefused):
            view = outcome.on(self.sign_in_view(request, decision, context))
            reply = self._steps.page(request, view, decision, status=outcome.status)
            return reply.having(*outcome.headers)
        return await proceed(
            self._frame, request, outcome, destination=AfterSignIn(pending=name), login=decision
        )

    async def consent(self, request: Request) -> Reply:
        """Take the user's decision."""
        name, browser = (
            request.path_parameters["pending"],
            self._frame.cookies.read_browser(request),
        )
        context = await self._frame.shell.context()
        form = await self._steps.posted(request, "consent", session=browser.session)
        try:
            answered = consent.read_answer(form, context.installation.offer.permissions)
        except WrongField as wrong:
            return await self._wrong(request, form, wrong)
        decision, context = await self._frame.shell.settle(
            lambda context: answer(name, answered, browser, context=context)
        )
        if isinstance(decision, Permit) and decision.changes:
            self._count_confirmed(name, decision)
        return await self._next(request, decision, context)

    def _count_confirmed(self, name: str, decision: Permit) -> None:
        """Count an answer that changes no grant. One that does is counted by its receipt."""
        if not any(isinstance(change.record, Receipt) for change in decision.changes):
            self._frame.shell.collector.confirmed(name)

    async def _wrong(self, request: Request, form: Form, wrong: WrongField) -> Reply:
        """The page as the user filled it in, with the invalid field marked."""
        name, browser = (
            request.path_parameters["pending"],
            self._frame.cookies.read_browser(request),
        )
        decision, context = await self._frame.shell.settle(
            lambda context: resume(name, browser, context)
        )
        if not isinstance(decision, Consent):
            return await self._respond(request, decision, context)
        view = consent.as_typed(self._consent(request, decision, context), form, wrong)
        return self._steps.page(request, view, decision, status=400)

    async def confirm(self, request: Request) -> Reply:
        """Take the answer whether the request of another device is the user's own."""
        name, browser = (
            request.path_parameters["pending"],
            self._frame.cookies.read_browser(request),
        )
        form = await self._steps.posted(request, "confirm")
        match form.get("action"):
            case "confirm":
                await self._frame.shell.settle(lambda context: confirm(name, browser, context))
                return see_other(continue_at(name))
            case "disown":
                denied, context = await self._frame.shell.settle(
                    lambda context: disown(name, browser, context)
                )
                return await leave(self._frame, request, denied, context=context)
            case _:
                raise InvalidRequest("the form says neither yes nor no")

    async def switch(self, request: Request) -> Reply:
        """Sign out, to continue with another account."""
        name, browser = (
            request.path_parameters["pending"],
            self._frame.cookies.read_browser(request),
        )
        await self._steps.posted(request, "switch", session=browser.session)
        person = await self._frame.person(request)
        await signed_out(self._frame, person)
        if self._choice.elsewhere:
            # Elsewhere the same user is still signed in: they have to be asked.
            await self._frame.shell.settle(
                lambda context: remember_choice(name, browser, ANOTHER, context=context)
            )
        return self._frame.cookies.sign_out(see_other(continue_at(name)))

    async def _respond(
        self, request: Request, decision: AuthorizeDecision, context: Context
    ) -> Reply:
        match decision:
            case Login(create=True) if not _is_anew(request):
                view = self._accounts.sign_up(request, decision, context)
                return self._steps.page(request, view, decision)
            case Login():
                return self._steps.page(
                    request, self.sign_in_view(request, decision, context), decision
                )
            case Choose():
                return self._steps.page(
                    request, self._accounts.choice(request, decision, context), decision
                )
            case Confirm():
                return self._frame.page(
                    request,
                    self._confirm(request, decision, context),
                    locales=decision.waiting.parameters.get("ui_locales", ""),
                )
            case Consent():
                self._frame.shell.collector.consent_page(
                    decision.pending.id, decision.client.id, decision.user.id
                )
                return self._steps.page(
                    request, self._consent(request, decision, context), decision
                )
            case Permit() | Deny():
                return await leave(self._frame, request, decision, context=context)

    def sign_in_view(self, request: Request, login: Login, context: Context) -> SignInView:
        """The sign-in form."""
        name = login.pending.id
        form = self._steps.form(request, context, step="sign-in", pending=name)
        confirm = login.user is not None
        return SignInView(
            site=self._frame.site,
            form=form,
            app=presenters.app(login.client, login.client.id).name,
            username=login.user.username if login.user is not None else login.login_hint,
            purpose=SignInPurpose.CONFIRM if confirm else SignInPurpose.SIGN_IN,
            create=f"{continue_at(name)}/sign-up" if may_sign_up(context) else None,
            decline=self._accounts.declined(request, login, context),
            password=self._choice.form is not None,
            ways=self._choice.for_request(name),
            by_address=bool(self._choice.domains),
            passkey=self._steps.form(request, context, step="passkey", pending=name)
            if self._choice.form is not None and self._frame.passkeys is not None
            else None,
            forgot=forgot_path(context),
            mail_code=mail_sign_in_path(context, login=login),
        )

    def _confirm(self, request: Request, decision: Confirm, context: Context) -> ConfirmDeviceView:
        name = decision.pending.id
        form = self._steps.form(request, context, step="confirm", pending=name)
        at = decision.waiting.decoupled
        address = "" if at is None else at.address
        return ConfirmDeviceView(
            site=self._frame.site,
            form=form,
            app=presenters.app(decision.client, decision.client.id),
            code=decision.code,
            asked_at=decision.waiting.created,
            now=context.env.now,
            device="" if at is None else at.agent,
            address=address,
            near=network_of(address) == network_of(request.address),
        )

    def _consent(self, request: Request, decision: Consent, context: Context) -> ConsentView:
        name, session = decision.pending.id, self._frame.cookies.read_browser(request).session
        locales = decision.pending.parameters.get("ui_locales", "")
        speak_to(request, decision.user)
        language = self._frame.language(request, locales)
        form = self._steps.form(
            request,
            context,
            step="consent",
            pending=name,
            session=session,
            hidden=(("seen", decision.sheet_digest), ("language", language)),
        )
        switch = self._steps.form(request, context, step="switch", pending=name, session=session)
        return consent.page(
            self._frame, decision, form=form, switch=switch, language=language, context=context
        )
