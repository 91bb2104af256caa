"""Sign-up: a new account, for an app that waits or for the user's own pages. Without the feature
`sign-up`, these pages don't exist."""

import contextlib
from enum import StrEnum
from typing import ClassVar, Final, TypeAlias

import msgspec

from valetkey.server.accounts.password_policy import PasswordProblem
from valetkey.server.accounts.sign_in import Proof
from valetkey.server.accounts.sign_up import AccountRequest, Wrong, judge, make
from valetkey.server.accounts.throttle import Throttled
from valetkey.server.http.reply import Headers, Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.keys import Secret
from valetkey.server.oauth.authorize.request import may_sign_up
from valetkey.server.oauth.core.context import Context
from valetkey.server.pages.components import Decline, PageForm, View
from valetkey.server.pages.credentials.contact import ADDRESS, send_proof
from valetkey.server.pages.factors.stages import AfterSignIn, FirstStage, proceed
from valetkey.server.pages.frame import APPS, SIGN_IN, SIGN_UP, Frame, NoSuchPage
from valetkey.spec.errors import TemporarilyUnavailable
from valetkey.wire import form as forms


class SignUpProblem(StrEnum):
    """Why the form is displayed again."""

    NONE = "none"
    USERNAME = "username"
    IN_USE = "in_use"
    PASSWORD = "password"
    EMAIL = "email"
    THROTTLED = "throttled"


_PROBLEMS: Final[dict[Wrong, SignUpProblem]] = {
    "username": SignUpProblem.USERNAME,
    "taken": SignUpProblem.IN_USE,
    "email": SignUpProblem.EMAIL,
}


class SignUpView(View, frozen=True, kw_only=True):
    """The sign-up form: fields ``username``, ``name``, ``email`` and ``password``, button
    ``#sign-up``. ``sign_in`` is the path of the sign-in form. ``shortest`` is the minimum length of
    a password, ``password_problem`` goes with ``PASSWORD``, ``retry_after`` with ``THROTTLED``."""

    template: ClassVar = "sign_up.html"
    enums: ClassVar = (SignUpProblem,)

    form: PageForm
    sign_in: str
    shortest: int
    app: str | None = None
    username: str = ""
    name: str = ""
    email: str = ""
    problem: SignUpProblem = SignUpProblem.NONE
    password_problem: PasswordProblem = PasswordProblem.SHORT
    retry_after: int = 0
    decline: Decline | None = None


class SignUpRefused(msgspec.Struct, frozen=True):
    """A failed sign-up. `retry_after` is in seconds, and goes with THROTTLED; `password_problem`
    with PASSWORD."""

    problem: SignUpProblem
    entered: AccountRequest
    retry_after: int = 0
    password_problem: PasswordProblem = PasswordProblem.SHORT

    @property
    def status(self) -> int:
        return 429 if self.problem is SignUpProblem.THROTTLED else 400

    @property
    def headers(self) -> Headers:
        return ((b"retry-after", str(self.retry_after).encode()),) if self.retry_after else ()

    def on(self, view: SignUpView) -> SignUpView:
        """The form with the problem."""
        return msgspec.structs.replace(
            view,
            problem=self.problem,
            username=self.entered.username,
            name=self.entered.name,
            email=self.entered.email,
            retry_after=self.retry_after,
            password_problem=self.password_problem,
        )


Outcome: TypeAlias = FirstStage | SignUpRefused


def require_offered(context: Context) -> None:
    """Raise NoSuchPage if sign-up is off."""
    if not may_sign_up(context):
        raise NoSuchPage


async def signed_up(frame: Frame, request: Request, form: forms.Form) -> Outcome:
    """Create an account and sign in, or return what is wrong."""
    entered = AccountRequest(
        username=form.get("username", "").strip(),
        name=form.get("name", "").strip(),
        email=form.get("email", "").strip(),
    )
    secret = Secret(form.get("password", ""))
    context = await frame.shell.context()
    caller = await frame.callers.of(request, entered.username, context)
    judged, context = await frame.shell.settle(
        lambda context: judge(entered, caller=caller, env=context.env)
    )
    if isinstance(judged, Throttled):
        wait = max(1, judged.until - context.env.now)
        return SignUpRefused(SignUpProblem.THROTTLED, entered, wait)
    await frame.callers.wait(judged.wait, request)
    if judged.wrong is not None:
        return SignUpRefused(_PROBLEMS[judged.wrong], entered)
    if problem := await frame.new_passwords.problem(secret, about=entered.names):
        return SignUpRefused(SignUpProblem.PASSWORD, entered, password_problem=problem)
    kept = await frame.passwords.keep(secret, address="" if caller is None else caller.address)
    created, _ = await frame.shell.settle(lambda context: make(entered, kept, context.env))
    if created.user is None:
        return SignUpRefused(SignUpProblem.IN_USE, entered)
    if entered.email and context.installation.notices.mail:
        with contextlib.suppress(TemporarilyUnavailable):  # They can ask again.
            await send_proof(
                frame, request, created.user, contact=ADDRESS, value=created.user.email
            )
    proof = Proof(auth_time=context.env.now, amr=("pwd",))
    return FirstStage(
        user=created.user,
        username=entered.username,
        proof=proof,
        caller=caller,
        offer="ask" if form.get("passkeys", "") else "",
    )


class SignUpPage:
    """`/sign-up`: for the user's own pages."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def show(self, request: Request) -> Reply:
        """Show the form, or go on if the user is signed in."""
        context = await self._frame.shell.context()
        require_offered(context)
        if await self._frame.current_person(request) is not None:
            return see_other(APPS)
        return self._frame.page(request, self._view(request, context))

    async def submit(self, request: Request) -> Reply:
        """Sign up."""
        context = await self._frame.shell.context()
        require_offered(context)
        form = self._frame.posted(request, context, purpose=SIGN_UP, session="")
        outcome = await signed_up(self._frame, request, form)
        if isinstance(outcome, SignUpRefused):
            view = outcome.on(self._view(request, context))
            reply = self._frame.page(request, view, status=outcome.status)
            return reply.having(*outcome.headers)
        return await proceed(self._frame, request, outcome, destination=AfterSignIn())

    def _view(self, request: Request, context: Context) -> SignUpView:
        form = self._frame.form(request, context, action=SIGN_UP, purpose=SIGN_UP, session="")
        return SignUpView(
            site=self._frame.site,
            form=form,
            sign_in=SIGN_IN,
            shortest=self._frame.new_passwords.shortest,
        )
