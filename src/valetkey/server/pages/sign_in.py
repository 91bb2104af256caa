"""The sign-in page, for apps and for the user's own pages."""

from enum import StrEnum
from typing import ClassVar

import msgspec

from valetkey.server.accounts.fresh_proof import factors_of
from valetkey.server.accounts.proof_of_work import Puzzle
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.user import User, typed_name
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.authorize.request import may_sign_up
from valetkey.server.pages.components import Decline, PageForm, View, WayLink
from valetkey.server.pages.credentials.forgot import forgot_path
from valetkey.server.pages.credentials.mail_sign_in import mail_sign_in_path
from valetkey.server.pages.factors.passkeys import own_passkey_form
from valetkey.server.pages.factors.second_factor import ANEW, missing_proof
from valetkey.server.pages.factors.stages import AfterSignIn, proceed
from valetkey.server.pages.frame import (
    SIGN_IN,
    SIGN_UP,
    Frame,
    NoSuchPage,
)
from valetkey.server.pages.own_pages import after_sign_in, then
from valetkey.server.pages.ways import (
    WITH,
    SignInChoice,
    SignInProblem,
    SignInRefused,
    Waiting,
    pass_on,
)


class SignInPurpose(StrEnum):
    """Sign in, or authenticate again."""

    SIGN_IN = "sign_in"
    CONFIRM = "confirm"


class SignInView(View, frozen=True, kw_only=True):
    """The sign-in form: fields ``username`` and ``password``, button ``#sign-in``. ``app`` is the
    name of the app that waits; ``decline`` cancels its request. ``retry_after`` goes with
    ``THROTTLED``. ``ways`` lead to other places to sign in; the form is left out unless
    ``password``. ``by_address``: an e-mail address without a password may be enough. ``puzzle``
    goes with ``THROTTLED``: a browser that solves it need not wait. ``unsure``: after several
    tries, the page says when a correct password is refused too.
    ``passkey`` is the form with the button ``#passkey``, None where there are no passkeys.
    ``forgot`` is where this server resets passwords, ``mail_code`` where it mails a code to sign in
    with."""

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
    mail_code: str | None = None


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
            return await self._prove_again(request, person, target)
        if person is not None:
            return self._frame.cookies.name_browser(see_other(target), request)
        return self._frame.page(request, await self.view(request, target))

    async def _prove_again(self, request: Request, person: Person, target: str) -> Reply:
        """Ask a signed-in user for what is missing to a fresh proof: a second factor, or the whole
        sign-in if they have none, or prefer it."""
        if ANEW not in request.parameters():
            destination = AfterSignIn(target=target, again=True)
            stage = await missing_proof(self._frame, request, person, destination=destination)
            if stage is not None:
                return stage
        view = await self.view(request, target, again=True)
        factors = await self._frame.shell.ask(lambda context: factors_of(person.user.id))
        if all(one.kind != "passkey" for one in factors):
            view = msgspec.structs.replace(view, passkey=None)
        return self._frame.page(request, as_confirmation(view, person.user))

    async def submit(self, request: Request) -> Reply:
        """Sign in."""
        query = request.parameters()
        target = then(query)
        context = await self._frame.shell.context()
        form = self._frame.posted(request, context, purpose=SIGN_IN, session="")
        if self._choice.form is None:
            raise NoSuchPage
        if (way := self._choice.of_address(form.get("username", ""))) is not None:
            href = after_sign_in(target, at=f"{SIGN_IN}/{WITH}/{way.name}")
            return pass_on(self._frame, request, way, href=href)
        outcome = await self._choice.form.check(request, form)
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
            password=self._choice.form is not None,
            ways=self._choice.for_page(target),
            by_address=bool(self._choice.domains),
            passkey=own_passkey_form(self._frame, request, context, target=target, again=again),
            forgot=forgot_path(context),
            mail_code=None if again else mail_sign_in_path(context, target=target),
        )


def as_confirmation(view: SignInView, user: User) -> SignInView:
    """The form for a signed-in user who has to authenticate again."""
    return msgspec.structs.replace(view, username=typed_name(user), purpose=SignInPurpose.CONFIRM)
