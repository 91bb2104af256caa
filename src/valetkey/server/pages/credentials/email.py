"""The user's e-mail address: its section of the security page, its change, and its proof.

A new address counts once its user has entered the code that was mailed to it. Until then, the one
before stays; then it gets a notice.
"""

from enum import StrEnum
from typing import ClassVar, Final

from valetkey.server.accounts.sign_up import is_email
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.user import User
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants.recovery import (
    EMAIL,
    begin_address,
    check_code,
    finish_address,
    waiting,
)
from valetkey.server.pages.account.security import SecuritySection
from valetkey.server.pages.components import Account, PageForm, Section, View
from valetkey.server.pages.credentials.forgot import asker_of
from valetkey.server.pages.frame import Frame, NoSuchPage, prove_again

PROVED: Final = "proved"
"""The value of `notice` after a proof."""


class EmailSection(SecuritySection, frozen=True, kw_only=True):
    """The address, and the way to another one."""

    template: ClassVar = "security/email.html"

    href: str
    email: str
    verified: bool


class EmailPresenter:
    """Makes the section of the e-mail address, for users whose account is kept here, where mail is
    sent."""

    async def section(
        self, request: Request, person: Person, context: Context
    ) -> SecuritySection | None:
        """The section."""
        if not is_offered(person, context):
            return None
        user = person.user
        return EmailSection(href=EMAIL, email=user.email, verified=user.email_verified)


def is_offered(person: Person, context: Context) -> bool:
    """Whether the user may change their address here."""
    return bool(person.user.password) and context.installation.notices.mail


class EmailView(View, frozen=True, kw_only=True):
    """The form for an address: field ``email``, button ``#send``. ``wrong``: it was no address.
    ``proved``: it has just been proved."""

    template: ClassVar = "email.html"
    section: ClassVar = Section.SECURITY

    account: Account
    form: PageForm
    email: str
    verified: bool
    entered: str = ""
    wrong: bool = False
    proved: bool = False


class ProofProblem(StrEnum):
    """Why the form is displayed again. ``OVER``: no code is expected any more."""

    NONE = "none"
    CODE = "code"
    OVER = "over"


class ProveEmailView(View, frozen=True, kw_only=True):
    """The form for the code: field ``code``, button ``#prove``. ``email`` is the address to which
    it went; ``remaining`` is how often another code may be tried."""

    template: ClassVar = "prove_email.html"
    section: ClassVar = Section.SECURITY
    enums: ClassVar = (ProofProblem,)

    account: Account
    form: PageForm
    back: str
    email: str = ""
    code: str = ""
    problem: ProofProblem = ProofProblem.NONE
    remaining: int = 0


class EmailPage:
    """`/security/email` and `/security/email/{request}`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def show(self, request: Request) -> Reply:
        """The form for an address."""
        person, _ = await self._person(request)
        proved = request.parameters().get("notice") == PROVED
        if not proved and not await self._frame.has_fresh_proof(person):
            return prove_again(EMAIL)
        return self._frame.page(request, await self._view(request, person, proved=proved))

    async def send(self, request: Request) -> Reply:
        """Mail a code to the address."""
        person, context = await self._person(request)
        form = self._frame.posted(request, context, purpose=EMAIL, session=person.session.id)
        if not await self._frame.has_fresh_proof(person):
            return prove_again(EMAIL)
        entered = form.get("email", "").strip()
        if not is_email(entered):
            view = await self._view(request, person, entered=entered, wrong=True)
            return self._frame.page(request, view, status=400)
        return see_other(await mail_proof(self._frame, request, person.user, email=entered))

    async def ask(self, request: Request) -> Reply:
        """The form for the code. It changes nothing: scanners of mail open links."""
        person, _ = await self._person(request)
        return await self._ask(request, person, code=request.parameters().get("code", ""))

    async def prove(self, request: Request) -> Reply:
        """Check the code, and give the user the address."""
        person, context = await self._person(request)
        name = request.path_parameters["request"]
        here = f"{EMAIL}/{name}"
        form = self._frame.posted(request, context, purpose=here, session=person.session.id)
        if await self._email(name, person) is None:
            return await self._ask(request, person)
        checked, _ = await self._frame.shell.settle(
            lambda context: check_code(
                name, "address", form.get("code", ""), browser="", context=context
            )
        )
        if checked.user is None:
            return await self._ask(
                request, person, problem=ProofProblem.CODE, remaining=checked.remaining
            )
        device = self._frame.cookies.read_browser(request).device
        changed, _ = await self._frame.shell.settle(
            lambda context: finish_address(
                name, user=person.user.id, device=device, context=context
            )
        )
        if changed.user is None:
            return await self._ask(request, person)
        return see_other(f"{EMAIL}?notice={PROVED}")

    async def _person(self, request: Request) -> tuple[Person, Context]:
        person = await self._frame.require_person(request)
        context = await self._frame.shell.context()
        if not is_offered(person, context):
            raise NoSuchPage
        return person, context

    async def _email(self, name: str, person: Person) -> str | None:
        """The address that waits for its proof, None for none of this user."""
        pending = await self._frame.shell.ask(lambda context: waiting(name, "address", context))
        if pending is None or pending.parameters["user"] != person.user.id:
            return None
        return pending.parameters["email"]

    async def _view(
        self,
        request: Request,
        person: Person,
        *,
        entered: str = "",
        wrong: bool = False,
        proved: bool = False,
    ) -> EmailView:
        context, user = await self._frame.shell.context(), person.user
        form = self._frame.form(
            request, context, action=EMAIL, purpose=EMAIL, session=person.session.id
        )
        return EmailView(
            site=self._frame.site,
            account=self._frame.account(user),
            form=form,
            email=user.email,
            verified=user.email_verified,
            entered=entered or ("" if user.email_verified else user.email),
            wrong=wrong,
            proved=proved,
        )

    async def _ask(
        self,
        request: Request,
        person: Person,
        *,
        code: str = "",
        problem: ProofProblem = ProofProblem.NONE,
        remaining: int = 0,
    ) -> Reply:
        name = request.path_parameters["request"]
        email, here = await self._email(name, person), f"{EMAIL}/{name}"
        context = await self._frame.shell.context()
        form = self._frame.form(
            request, context, action=here, purpose=here, session=person.session.id
        )
        view = ProveEmailView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            form=form,
            back=EMAIL,
            email=email or "",
            code=code[:64],
            problem=ProofProblem.OVER if email is None else problem,
            remaining=remaining,
        )
        status = 404 if email is None else 200 if problem is ProofProblem.NONE else 400
        return self._frame.page(request, view, status=status)


async def mail_proof(frame: Frame, request: Request, user: User, *, email: str = "") -> str:
    """Mail a code to an address of this user, by default the one that they have. Returns the path
    of the page that asks for it. Nothing is sent where there is no mail. Raises
    TemporarilyUnavailable."""
    asker = await asker_of(frame, request, user.username)
    # Any session of the user counts: so a link works in whatever browser they read mail.
    anywhere = asker._replace(browser="")
    begun, _ = await frame.shell.settle(
        lambda context: begin_address(user, email or user.email, asker=anywhere, context=context)
    )
    return f"{EMAIL}/{begun.id}"
