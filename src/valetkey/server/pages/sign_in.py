"""Sign-in, for apps and for the user's own pages."""

from enum import StrEnum
from typing import ClassVar, Final

import msgspec

from valetkey.server.accounts.proof_of_work import Puzzle, marker, puzzle
from valetkey.server.accounts.sign_in import (
    Proof,
    candidate,
    refused,
)
from valetkey.server.accounts.throttle import BROWSER, Throttled, account_of
from valetkey.server.http.reply import Headers, Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.keys import Secret
from valetkey.server.model.user import User, typed_name
from valetkey.server.oauth.authorize.request import may_sign_up
from valetkey.server.oauth.core.context import Context
from valetkey.server.pages.components import Decline, PageForm, View
from valetkey.server.pages.credentials.forgot import forgot_path
from valetkey.server.pages.factors.passkeys import own_passkey_form
from valetkey.server.pages.factors.stages import AfterSignIn, FirstStage, PasskeyOffer, proceed
from valetkey.server.pages.frame import (
    SIGN_IN,
    SIGN_UP,
    Frame,
    NoSuchPage,
)
from valetkey.server.pages.own_pages import after_sign_in, then
from valetkey.server.pages.password_check import proved
from valetkey.server.pages.ways import WITH, SignInChoice, Waiting, WayLink, pass_on
from valetkey.wire import form as forms

UNSURE: Final = 3
"""Attempts after which the page says when a correct password is refused too."""


class SignInPurpose(StrEnum):
    """Sign in, or authenticate again."""

    SIGN_IN = "sign_in"
    CONFIRM = "confirm"


class SignInProblem(StrEnum):
    """Why the form is displayed again. Unknown user and wrong password are one: ``REFUSED``."""

    NONE = "none"
    USERNAME_MISSING = "username_missing"
    PASSWORD_MISSING = "password_missing"
    REFUSED = "refused"
    THROTTLED = "throttled"
    THROTTLED_HERE = "throttled_here"
    PASSKEY_EXPIRED = "passkey_expired"
    PASSKEY_REFUSED = "passkey_refused"
    PASSKEY_UNVERIFIED = "passkey_unverified"


class SignInView(View, frozen=True, kw_only=True):
    """The sign-in form: fields ``username`` and ``password``, button ``#sign-in``. ``app`` is the
    name of the app that waits; ``decline`` cancels its request. ``retry_after`` goes with
    ``THROTTLED``. ``ways`` lead to other places to sign in; the form is left out unless
    ``password``. ``by_address``: an e-mail address without a password may be enough. ``puzzle``
    goes with ``THROTTLED``: a browser that solves it need not wait. ``unsure``: after several
    tries, the page says when a correct password is refused too.
    ``passkey`` is the form with the button ``#passkey``, None where there are no passkeys.
    ``forgot`` is where this server resets passwords."""

    template: ClassVar = "sign_in.html"
    enums: ClassVar = (SignInPurpose, SignInProblem)

    form: PageForm
    app: str | None = None
    username: str = ""
    purpose: SignInPurpose = SignInPurpose.SIGN_IN
    problem: SignInProblem = SignInProblem.NONE
    retry_after: int = 0
    create: str | None = None
    decline: Decline | None = None
    password: bool = True
    ways: tuple[WayLink, ...] = ()
    by_address: bool = False
    puzzle: Puzzle | None = None
    unsure: bool = False
    passkey: PageForm | None = None
    forgot: str | None = None


class SignInRefused(msgspec.Struct, frozen=True):
    """A failed sign-in. `retry_after` is in seconds, 0 unless throttled."""

    problem: SignInProblem
    username: str
    retry_after: int = 0
    puzzle: Puzzle | None = None
    unsure: bool = False

    @property
    def status(self) -> int:
        return 429 if self.retry_after else 400

    @property
    def headers(self) -> Headers:
        return ((b"retry-after", str(self.retry_after).encode()),) if self.retry_after else ()

    def on(self, view: SignInView) -> SignInView:
        """The form with the problem."""
        return msgspec.structs.replace(
            view,
            problem=self.problem,
            username=self.username,
            retry_after=self.retry_after,
            puzzle=self.puzzle,
            unsure=self.unsure,
        )


async def sign_in(frame: Frame, request: Request, form: forms.Form) -> FirstStage | SignInRefused:
    """Check a username and a password. Attempts are counted before they are checked, and an unknown
    name gets the same answer after the same time."""
    username = form.get("username", "").strip()
    if not username:
        return SignInRefused(SignInProblem.USERNAME_MISSING, "")
    if "password" not in form:
        return SignInRefused(SignInProblem.PASSWORD_MISSING, username)
    context = await frame.shell.context()
    caller = await frame.callers.of(request, username, context)
    solved = solved_puzzle(form, username, context)
    attempt, context = await frame.shell.settle(
        lambda context: candidate(username, caller=caller, now=context.env.now, solved=solved)
    )
    if isinstance(attempt, Throttled):
        frame.callers.failures.add(account_of(username), request.address, read=False)
        wait = max(1, attempt.until - context.env.now)
        if attempt.budget is BROWSER:
            return SignInRefused(SignInProblem.THROTTLED_HERE, username, wait)
        task = puzzle(account_of(username), context.installation.keyring, context.env)
        return SignInRefused(SignInProblem.THROTTLED, username, wait, task)
    await frame.callers.wait(attempt.wait, request)
    user = await proved(frame, Secret(form["password"]), attempt, username=username, caller=caller)
    if user is None:
        frame.callers.failures.add(account_of(username), request.address)
        await frame.shell.settle(
            lambda context: refused(attempt.user, context.env, closes=attempt.closes)
        )
        return SignInRefused(SignInProblem.REFUSED, username, unsure=attempt.tried >= UNSURE)
    proof = Proof(auth_time=context.env.now, amr=("pwd",))
    offer: PasskeyOffer = "silent" if form.get("passkeys", "") == "conditional" else ""
    return FirstStage(user=user, username=username, proof=proof, caller=caller, offer=offer)


def solved_puzzle(form: forms.Form, username: str, context: Context) -> SingleUse | None:
    """The mark of the puzzle that a form brings, None unless it is solved."""
    return marker(
        form.get("puzzle", ""),
        form.get("work", ""),
        account=account_of(username),
        keyring=context.installation.keyring,
        now=context.env.now,
    )


class SignInPage:
    """`/sign-in`: for the user's own pages, to which it returns."""

    def __init__(self, frame: Frame, choice: SignInChoice) -> None:
        self._frame = frame
        self._choice = choice

    async def show(self, request: Request) -> Reply:
        """Show the form, or go on if the user is signed in."""
        query = request.parameters()
        target, person = then(query), await self._frame.current_person(request)
        if self._choice.only is not None and (person is None or "again" in query):
            waiting = Waiting(target=target, again="again" in query)
            return await self._choice.only.begin(request, waiting)
        if person is not None and "again" in query:
            view = await self.view(request, target, again=True)
            return self._frame.page(request, as_confirmation(view, person.user))
        if person is not None:
            return self._frame.cookies.name_browser(see_other(target), request)
        return self._frame.page(request, await self.view(request, target))

    async def submit(self, request: Request) -> Reply:
        """Sign in."""
        query = request.parameters()
        target = then(query)
        context = await self._frame.shell.context()
        form = self._frame.posted(request, context, purpose=SIGN_IN, session="")
        if not self._choice.password:
            raise NoSuchPage
        if (way := self._choice.of_address(form.get("username", ""))) is not None:
            href = after_sign_in(target, at=f"{SIGN_IN}/{WITH}/{way.name}")
            return pass_on(self._frame, request, way, href=href)
        outcome = await sign_in(self._frame, request, form)
        if isinstance(outcome, SignInRefused):
            view = outcome.on(await self.view(request, target, again="again" in query))
            reply = self._frame.page(request, view, status=outcome.status)
            return reply.having(*outcome.headers)
        destination = AfterSignIn(target=target, again="again" in query)
        return await proceed(self._frame, request, outcome, destination=destination)

    async def view(self, request: Request, target: str, *, again: bool = False) -> SignInView:
        """The form. `again`: for a signed-in user."""
        context = await self._frame.shell.context()
        action = after_sign_in(target, again=again)
        form: PageForm = self._frame.form(
            request, context, action=action, purpose=SIGN_IN, session=""
        )
        create = SIGN_UP if may_sign_up(context) else None
        return SignInView(
            site=self._frame.site,
            form=form,
            create=create,
            password=self._choice.password,
            ways=self._choice.for_page(target),
            by_address=bool(self._choice.domains),
            passkey=own_passkey_form(self._frame, request, context, target=target, again=again),
            forgot=forgot_path(context),
        )


def as_confirmation(view: SignInView, user: User) -> SignInView:
    """The form for a signed-in user who has to authenticate again."""
    return msgspec.structs.replace(view, username=typed_name(user), purpose=SignInPurpose.CONFIRM)
