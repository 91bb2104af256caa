"""Sign-in with a code by mail, where the operator wants it.

The answer is the same for known and unknown usernames. A code is never a factor: it opens no
account that has a second one, and nothing that asks for a level or for a fresh proof.
"""

from enum import StrEnum
from typing import ClassVar

from valetkey.server.accounts.fresh_proof import factors_of
from valetkey.server.accounts.sign_in import Proof
from valetkey.server.accounts.stages import next_stage
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.assurance import MAIL_CODE
from valetkey.server.model.pending import Pending
from valetkey.server.model.user import User
from valetkey.server.oauth.authorize.outcome import Login
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants.recovery import MAIL_SIGN_IN, begin_sign_in, finish_sign_in
from valetkey.server.oauth.grants.sent_codes import check_code, waiting
from valetkey.server.pages.authorize import Steps, continue_at
from valetkey.server.pages.components import PageForm, View
from valetkey.server.pages.credentials.forgot import asker_of
from valetkey.server.pages.factors.stages import (
    AfterSignIn,
    FirstStage,
    complete_sign_in,
    find_login,
    page_of_stage,
    requirement_of,
)
from valetkey.server.pages.frame import APPS, Frame, NoSuchPage
from valetkey.server.pages.own_pages import after_sign_in, then
from valetkey.wire import form as forms


class MailCodeState(StrEnum):
    """Where the user is: ``ASK`` for a code, ``WAITING`` with one, in an ``OTHER_BROWSER`` than the
    one that asked, ``OVER`` without a request that waits, or at something for which a code is
    ``NOT_ENOUGH``."""

    ASK = "ask"
    WAITING = "waiting"
    OTHER_BROWSER = "other_browser"
    OVER = "over"
    NOT_ENOUGH = "not_enough"


class MailCodeView(View, frozen=True, kw_only=True):
    """The form that asks for a code, with field ``username`` and button ``#send``, and the one that
    takes it, with field ``code`` and button ``#sign-in``. ``wrong``: what was entered is missing or
    incorrect; ``remaining`` is how often another code may be tried. ``code`` is that of the link,
    "" to type it. ``again`` asks for another code, ``sign_in`` leads to the other ways."""

    template: ClassVar = "mail_code.html"
    enums: ClassVar = (MailCodeState,)

    state: MailCodeState
    sign_in: str
    form: PageForm | None = None
    again: str | None = None
    code: str = ""
    wrong: bool = False
    remaining: int = 0


def mail_sign_in_path(
    context: Context, *, login: Login | None = None, target: str = APPS
) -> str | None:
    """Where users ask for a code, for a waiting request or a page of their own; None where a code
    isn't enough, and where none is mailed."""
    if not (context.installation.sign_in.mail_codes and context.installation.notices.mail):
        return None
    if login is None:
        return after_sign_in(target, at=MAIL_SIGN_IN)
    if login.level or login.fresh or login.user is not None:
        return None
    return f"{continue_at(login.pending.id)}/email"


class MailSignInPage:
    """`/sign-in/email`, `/continue/{pending}/email` and `/sign-in/email/{request}`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._steps = Steps(frame)

    async def ask(self, request: Request) -> Reply:
        """The form that asks for a code, for a page of the user's own."""
        return await self._ask_own(request)

    async def send(self, request: Request) -> Reply:
        """Mail a code, if there is such a user."""
        context = await self._require_mail()
        form = self._frame.posted(request, context, purpose=MAIL_SIGN_IN, session="")
        if not form.get("username", "").strip():
            return await self._ask_own(request, wrong=True)
        return await self._mail(request, form, target=then(request.parameters()))

    async def ask_for_request(self, request: Request) -> Reply:
        """The form that asks for a code, for a waiting request."""
        return await self._ask_for_request(request)

    async def send_for_request(self, request: Request) -> Reply:
        """Mail a code, if there is such a user."""
        form = await self._steps.posted(request, "email")
        pending = request.path_parameters["pending"]
        if not form.get("username", "").strip():
            return await self._ask_for_request(request, wrong=True)
        if await self._offered_login(request) is None:
            return see_other(continue_at(pending))
        return await self._mail(request, form, pending=pending)

    async def show(self, request: Request) -> Reply:
        """The form for the code. It changes nothing: scanners of mail open links."""
        return await self._code_page(request, code=request.parameters().get("code", ""))

    async def submit(self, request: Request) -> Reply:
        """Check the code, and sign the user in."""
        context = await self._require_mail()
        name, browser = self._of(request)
        here = f"{MAIL_SIGN_IN}/{name}"
        form = self._frame.posted(request, context, purpose=here, session="")
        pending = await self._waiting(name)
        checked, _ = await self._frame.shell.settle(
            lambda context: check_code(
                name, "sign-in", form.get("code", ""), browser=browser, context=context
            )
        )
        if checked.over or pending is None:
            return await self._code_page(request)
        if checked.user is None:
            return await self._code_page(request, wrong=True, remaining=checked.remaining)
        used, _ = await self._frame.shell.settle(
            lambda context: finish_sign_in(name, browser=browser, context=context)
        )
        if used.user is None:
            return self._over(request)
        return await self._sign_in(request, used.user, _destination(pending))

    async def _sign_in(self, request: Request, user: User, destination: AfterSignIn) -> Reply:
        frame, login = self._frame, None
        if destination.pending:
            login = await find_login(frame, request, destination.pending)
            if login is None:
                return see_other(continue_at(destination.pending))
        factors = await frame.shell.ask(lambda context: factors_of(user.id))
        context = await frame.shell.context()
        proof = Proof(auth_time=context.env.now, amr=(MAIL_CODE,))
        requirement = requirement_of(destination, login, context)
        if next_stage(proof, factors, requirement=requirement, trusted=False) != "open":
            view = self._view(MailCodeState.NOT_ENOUGH, destination)
            return await page_of_stage(frame, request, view, destination=destination, status=403)
        caller = await frame.callers.of(request, user.username, context)
        first = FirstStage(user=user, username=user.username, proof=proof, caller=caller)
        return await complete_sign_in(frame, request, first, destination=destination)

    async def _mail(
        self, request: Request, form: forms.Form, *, pending: str = "", target: str = ""
    ) -> Reply:
        username = form["username"].strip()
        asker = await asker_of(self._frame, request, username)
        begun, _ = await self._frame.shell.settle(
            lambda context: begin_sign_in(
                username, asker, pending=pending, target=target, context=context
            )
        )
        reply = see_other(f"{MAIL_SIGN_IN}/{begun.id}")
        return self._frame.cookies.name_browser(reply, request)

    async def _ask_own(self, request: Request, *, wrong: bool = False) -> Reply:
        context, target = await self._require_mail(), then(request.parameters())
        action = after_sign_in(target, at=MAIL_SIGN_IN)
        form = self._frame.form(request, context, action=action, purpose=MAIL_SIGN_IN, session="")
        view = self._view(MailCodeState.ASK, AfterSignIn(target=target), form=form, wrong=wrong)
        return self._frame.page(request, view, status=400 if wrong else 200)

    async def _ask_for_request(self, request: Request, *, wrong: bool = False) -> Reply:
        pending, login = request.path_parameters["pending"], await self._offered_login(request)
        if login is None:
            return see_other(continue_at(pending))
        context = await self._frame.shell.context()
        form = self._steps.form(request, context, step="email", pending=pending)
        destination = AfterSignIn(pending=pending)
        view = self._view(MailCodeState.ASK, destination, form=form, wrong=wrong)
        return self._steps.page(request, view, login, status=400 if wrong else 200)

    async def _offered_login(self, request: Request) -> Login | None:
        """The request, if it waits for a sign-in of this browser for which a code is enough."""
        context = await self._require_mail()
        login = await find_login(self._frame, request, request.path_parameters["pending"])
        offered = login is not None and mail_sign_in_path(context, login=login) is not None
        return login if offered else None

    async def _code_page(
        self, request: Request, *, code: str = "", wrong: bool = False, remaining: int = 0
    ) -> Reply:
        context = await self._require_mail()
        name, browser = self._of(request)
        pending = await self._waiting(name)
        if pending is None:
            return self._over(request)
        destination = _destination(pending)
        if pending.browser != browser:
            return self._frame.page(request, self._view(MailCodeState.OTHER_BROWSER, AfterSignIn()))
        here = f"{MAIL_SIGN_IN}/{name}"
        view = self._view(
            MailCodeState.WAITING,
            destination,
            form=self._frame.form(request, context, action=here, purpose=here, session=""),
            code=code[:64],
            wrong=wrong,
            remaining=remaining,
        )
        status = 400 if wrong else 200
        return await page_of_stage(
            self._frame, request, view, destination=destination, status=status
        )

    def _over(self, request: Request) -> Reply:
        view = self._view(MailCodeState.OVER, AfterSignIn())
        return self._frame.page(request, view, status=404)

    def _view(
        self,
        state: MailCodeState,
        destination: AfterSignIn,
        *,
        form: PageForm | None = None,
        code: str = "",
        wrong: bool = False,
        remaining: int = 0,
    ) -> MailCodeView:
        if destination.pending:
            sign_in = continue_at(destination.pending)
            again = f"{sign_in}/email"
        else:
            sign_in = after_sign_in(destination.target)
            again = after_sign_in(destination.target, at=MAIL_SIGN_IN)
        leads_on = state not in {MailCodeState.ASK, MailCodeState.NOT_ENOUGH}
        return MailCodeView(
            site=self._frame.site,
            state=state,
            sign_in=sign_in,
            form=form,
            again=again if leads_on else None,
            code=code,
            wrong=wrong,
            remaining=remaining,
        )

    def _of(self, request: Request) -> tuple[str, str]:
        """The request's name, and the browser."""
        return request.path_parameters["request"], self._frame.cookies.read_browser(request).id

    async def _waiting(self, name: str) -> Pending | None:
        return await self._frame.shell.ask(lambda context: waiting(name, "sign-in", context))

    async def _require_mail(self) -> Context:
        context = await self._frame.shell.context()
        if mail_sign_in_path(context) is None:
            raise NoSuchPage
        return context


def _destination(pending: Pending) -> AfterSignIn:
    parameters = pending.parameters
    return AfterSignIn(pending=parameters["pending"], target=parameters["target"] or APPS)
