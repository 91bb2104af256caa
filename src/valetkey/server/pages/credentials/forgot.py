"""A forgotten password: ask for a code by mail, and choose a new password with it.

The answer is the same for known and unknown usernames. Nobody is signed in by it: other factors
stay required.
"""

from enum import StrEnum
from typing import ClassVar, Final

from valetkey.server.accounts.password_policy import PasswordProblem
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.keys import Secret
from valetkey.server.model.user import User
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants.recovery import FORGOT, begin_reset, finish_reset
from valetkey.server.oauth.grants.sent_codes import Asker, check_code, waiting
from valetkey.server.pages.components import PageForm, View
from valetkey.server.pages.credentials.password import names_of
from valetkey.server.pages.frame import SIGN_IN, Frame, NoSuchPage

RESULT: Final = f"{FORGOT}/done"


class ForgotView(View, frozen=True, kw_only=True):
    """The form that asks for a code: field ``username``, button ``#send``. ``missing``: no username
    was entered."""

    template: ClassVar = "forgot.html"

    form: PageForm
    sign_in: str
    missing: bool = False


class ResetState(StrEnum):
    """Where the user is: ``OTHER_BROWSER`` than the one that asked, ``OVER`` without a request that
    waits, ``CHANGED`` with a new password."""

    WAITING = "waiting"
    OTHER_BROWSER = "other_browser"
    OVER = "over"
    CHANGED = "changed"


class ResetProblem(StrEnum):
    """Why the form is displayed again."""

    NONE = "none"
    CODE = "code"
    PASSWORD = "password"


class ResetView(View, frozen=True, kw_only=True):
    """The form for the code and the new password: fields ``code`` and ``password``, button
    ``#reset``. ``code`` is that of the link, "" to type it. ``remaining`` is how often another code
    may be tried. ``again`` is the path to ask again, None where there is no mail."""

    template: ClassVar = "reset.html"
    enums: ClassVar = (ResetState, ResetProblem)

    state: ResetState
    form: PageForm | None = None
    sign_in: str = SIGN_IN
    shortest: int = 0
    code: str = ""
    problem: ResetProblem = ResetProblem.NONE
    password_problem: PasswordProblem = PasswordProblem.SHORT
    remaining: int = 0
    again: str | None = None


def forgot_path(context: Context) -> str | None:
    """Where users ask for a new password; None where no mail is sent."""
    return FORGOT if context.installation.notices.mail else None


async def asker_of(frame: Frame, request: Request, username: str) -> Asker:
    """Who asks for a code."""
    context = await frame.shell.context()
    caller = await frame.callers.of(request, username, context)
    return Asker(
        browser=frame.cookies.read_browser(request).id,
        name="" if caller is None else caller.browser,
        address=None if caller is None else caller.address,
        language=frame.language(request),
    )


class ForgotPage:
    """`/forgot` and `/forgot/{request}`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def ask(self, request: Request) -> Reply:
        """The form that asks for a code."""
        context = await self._require_mail()
        return self._frame.page(request, self._ask_view(request, context))

    async def send(self, request: Request) -> Reply:
        """Mail a code, if there is such a user."""
        context = await self._require_mail()
        form = self._frame.posted(request, context, purpose=FORGOT, session="")
        username = form.get("username", "").strip()
        if not username:
            view = self._ask_view(request, context, missing=True)
            return self._frame.page(request, view, status=400)
        asker = await asker_of(self._frame, request, username)
        begun, _ = await self._frame.shell.settle(
            lambda context: begin_reset(username, asker, context)
        )
        return self._frame.cookies.name_browser(see_other(f"{FORGOT}/{begun.id}"), request)

    async def show(self, request: Request) -> Reply:
        """The form for the new password. It changes nothing: scanners of mail open links."""
        code = request.parameters().get("code", "")
        return await self._page(request, code=code)

    async def submit(self, request: Request) -> Reply:
        """Check the code, and store the new password."""
        context = await self._frame.shell.context()
        name, browser = self._of(request)
        form = self._frame.posted(request, context, purpose=f"{FORGOT}/{name}", session="")
        code, typed = form.get("code", ""), Secret(form.get("password", ""))
        checked, _ = await self._frame.shell.settle(
            lambda context: check_code(name, "reset", code, browser=browser, context=context)
        )
        if checked.over:
            return await self._page(request)
        if checked.user is None:
            return await self._page(request, problem=ResetProblem.CODE, remaining=checked.remaining)
        return await self._store(request, typed, checked.user, code=code)

    async def show_result(self, request: Request) -> Reply:
        """What comes next."""
        return self._frame.page(request, ResetView(site=self._frame.site, state=ResetState.CHANGED))

    async def _store(self, request: Request, typed: Secret, user: User, *, code: str) -> Reply:
        name, browser = self._of(request)
        about = names_of(user)
        if problem := await self._frame.new_passwords.problem(typed, about=about):
            return await self._page(
                request, code=code, problem=ResetProblem.PASSWORD, password_problem=problem
            )
        stored = await self._frame.passwords.keep(typed)
        device = self._frame.cookies.read_browser(request).device
        changed, _ = await self._frame.shell.settle(
            lambda context: finish_reset(
                name, stored, browser=browser, device=device, context=context
            )
        )
        return await self._page(request) if changed.user is None else see_other(RESULT)

    def _of(self, request: Request) -> tuple[str, str]:
        """The request's name, and the browser."""
        return request.path_parameters["request"], self._frame.cookies.read_browser(request).id

    async def _page(
        self,
        request: Request,
        *,
        code: str = "",
        problem: ResetProblem = ResetProblem.NONE,
        password_problem: PasswordProblem = PasswordProblem.SHORT,
        remaining: int = 0,
    ) -> Reply:
        context = await self._frame.shell.context()
        name, browser = self._of(request)
        pending = await self._frame.shell.ask(lambda context: waiting(name, "reset", context))
        again = forgot_path(context)
        if pending is None:
            view = ResetView(site=self._frame.site, state=ResetState.OVER, again=again)
            return self._frame.page(request, view, status=404)
        if pending.browser not in ("", browser):
            view = ResetView(site=self._frame.site, state=ResetState.OTHER_BROWSER, again=again)
            return self._frame.page(request, view)
        here = f"{FORGOT}/{name}"
        view = ResetView(
            site=self._frame.site,
            state=ResetState.WAITING,
            form=self._frame.form(request, context, action=here, purpose=here, session=""),
            shortest=self._frame.new_passwords.shortest,
            code=code[:64],
            problem=problem,
            password_problem=password_problem,
            remaining=remaining,
            again=again,
        )
        return self._frame.page(request, view, status=200 if problem is ResetProblem.NONE else 400)

    def _ask_view(self, request: Request, context: Context, *, missing: bool = False) -> ForgotView:
        form = self._frame.form(request, context, action=FORGOT, purpose=FORGOT, session="")
        return ForgotView(site=self._frame.site, form=form, sign_in=SIGN_IN, missing=missing)

    async def _require_mail(self) -> Context:
        context = await self._frame.shell.context()
        if forgot_path(context) is None:
            raise NoSuchPage
        return context
