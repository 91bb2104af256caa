"""The user's e-mail address and phone number: their sections of the security page, their change,
and their proof.

A new one counts once its user has entered the code that was sent to it. Until then, the one before
stays.
"""

import re
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from valetkey.server.accounts.notices import NoticeTargets
from valetkey.server.accounts.sign_up import is_email
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.query import Rule
from valetkey.server.model.user import User
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants.credentials import CredentialsChanged
from valetkey.server.oauth.grants.recovery import (
    EMAIL,
    PHONE,
    begin_address,
    begin_phone,
    finish_address,
    finish_phone,
)
from valetkey.server.oauth.grants.sent_codes import (
    Asker,
    RecoveryKind,
    RecoveryRequest,
    check_code,
    waiting,
)
from valetkey.server.pages.account.security import SecuritySection
from valetkey.server.pages.credentials.contact_views import (
    ContactKind,
    ContactProblem,
    ContactSection,
    ContactView,
    ProofProblem,
    ProveContactView,
)
from valetkey.server.pages.credentials.forgot import asker_of
from valetkey.server.pages.frame import Frame, NoSuchPage, prove_again

PROVED: Final = "proved"
"""The value of `notice` after a proof."""


class _Begin(Protocol):
    def __call__(
        self, user: User, value: str, /, *, asker: Asker, context: Context
    ) -> Rule[RecoveryRequest]: ...


class _Finish(Protocol):
    def __call__(
        self, name: str, *, user: str, device: str, context: Context
    ) -> Rule[CredentialsChanged]: ...


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between the two. `claim` is the user's field, and the parameter of the request.
    `read` returns what was entered in the form that is stored, "" if it is none."""

    kind: ContactKind
    path: str
    claim: str
    recovery: RecoveryKind
    is_sent: Callable[[NoticeTargets], bool]
    read: Callable[[str], str]
    reaches: Callable[[NoticeTargets, str], bool]
    begin: _Begin
    finish: _Finish

    def of(self, user: User) -> tuple[str, bool]:
        """The user's, "" for none, and whether it is proved."""
        return getattr(user, self.claim), getattr(user, f"{self.claim}_verified")

    def is_offered(self, person: Person, context: Context) -> bool:
        """Whether the user may change theirs here."""
        return bool(person.user.password) and self.is_sent(context.installation.notices)


def _email(entered: str) -> str:
    return entered if is_email(entered) else ""


_SEPARATORS: Final = re.compile(r"[ ().\-/\u00a0\u2010\u2011]")
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


def _number(entered: str) -> str:
    """The number in E.164 form (OpenID Connect Core 5.1)."""
    plain = _SEPARATORS.sub("", entered)
    return plain if _E164.fullmatch(plain) else ""


ADDRESS: Final = Contact(
    kind=ContactKind.EMAIL,
    path=EMAIL,
    claim="email",
    recovery="address",
    is_sent=lambda to: to.mail,
    read=_email,
    reaches=lambda to, value: True,
    begin=begin_address,
    finish=finish_address,
)

NUMBER: Final = Contact(
    kind=ContactKind.PHONE,
    path=PHONE,
    claim="phone_number",
    recovery="phone",
    is_sent=lambda to: to.texts,
    read=_number,
    reaches=NoticeTargets.reaches,
    begin=begin_phone,
    finish=finish_phone,
)


class ContactPresenter:
    """Makes the section, for users whose account is kept here, where codes are sent."""

    def __init__(self, contact: Contact) -> None:
        self._contact = contact

    async def section(
        self, request: Request, person: Person, context: Context
    ) -> SecuritySection | None:
        """The section."""
        contact = self._contact
        if not contact.is_offered(person, context):
            return None
        value, verified = contact.of(person.user)
        return ContactSection(kind=contact.kind, href=contact.path, value=value, verified=verified)


class ContactPage:
    """`/security/email` or `/security/phone`, and the page for its code."""

    def __init__(self, frame: Frame, contact: Contact) -> None:
        self._frame = frame
        self._contact = contact

    async def show(self, request: Request) -> Reply:
        """The form for an address or a number."""
        person, _ = await self._person(request)
        proved = request.parameters().get("notice") == PROVED
        if not proved and not await self._frame.has_fresh_proof(person):
            return prove_again(self._contact.path)
        return self._frame.page(request, await self._view(request, person, proved=proved))

    async def send(self, request: Request) -> Reply:
        """Send a code to it."""
        person, context = await self._person(request)
        path = self._contact.path
        form = self._frame.posted(request, context, purpose=path, session=person.session.id)
        if not await self._frame.has_fresh_proof(person):
            return prove_again(path)
        entered = form.get(self._contact.kind, "").strip()
        value, problem = self._contact.read(entered), ContactProblem.NONE
        if not value:
            problem = ContactProblem.FORM
        elif not self._contact.reaches(context.installation.notices, value):
            problem = ContactProblem.PLACE
        if problem is not ContactProblem.NONE:
            view = await self._view(request, person, entered=entered, problem=problem)
            return self._frame.page(request, view, status=400)
        return see_other(
            await send_proof(self._frame, request, person.user, contact=self._contact, value=value)
        )

    async def ask(self, request: Request) -> Reply:
        """The form for the code. It changes nothing: scanners of mail open links."""
        person, _ = await self._person(request)
        return await self._ask(request, person, code=request.parameters().get("code", ""))

    async def prove(self, request: Request) -> Reply:
        """Check the code, and give the user the address or number."""
        person, context = await self._person(request)
        name, contact = request.path_parameters["request"], self._contact
        here = f"{contact.path}/{name}"
        form = self._frame.posted(request, context, purpose=here, session=person.session.id)
        if await self._waiting(name, person) is None:
            return await self._ask(request, person)
        checked, _ = await self._frame.shell.settle(
            lambda context: check_code(
                name, contact.recovery, form.get("code", ""), browser="", context=context
            )
        )
        if checked.user is None:
            return await self._ask(
                request, person, problem=ProofProblem.CODE, remaining=checked.remaining
            )
        device = self._frame.cookies.read_browser(request).device
        changed, _ = await self._frame.shell.settle(
            lambda context: contact.finish(
                name, user=person.user.id, device=device, context=context
            )
        )
        if changed.user is None:
            return await self._ask(request, person)
        return see_other(f"{contact.path}?notice={PROVED}")

    async def _person(self, request: Request) -> tuple[Person, Context]:
        person = await self._frame.require_person(request)
        context = await self._frame.shell.context()
        if not self._contact.is_offered(person, context):
            raise NoSuchPage
        return person, context

    async def _waiting(self, name: str, person: Person) -> str | None:
        """The address or number that waits for its proof, None for none of this user."""
        contact = self._contact
        pending = await self._frame.shell.ask(
            lambda context: waiting(name, contact.recovery, context)
        )
        if pending is None or pending.parameters["user"] != person.user.id:
            return None
        return pending.parameters[contact.claim]

    async def _view(
        self,
        request: Request,
        person: Person,
        *,
        entered: str = "",
        problem: ContactProblem = ContactProblem.NONE,
        proved: bool = False,
    ) -> ContactView:
        context, path = await self._frame.shell.context(), self._contact.path
        value, verified = self._contact.of(person.user)
        return ContactView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            form=self._frame.form(
                request, context, action=path, purpose=path, session=person.session.id
            ),
            kind=self._contact.kind,
            value=value,
            verified=verified,
            entered=entered or ("" if verified else value),
            problem=problem,
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
        name, path = request.path_parameters["request"], self._contact.path
        value, here = await self._waiting(name, person), f"{path}/{name}"
        context = await self._frame.shell.context()
        form = self._frame.form(
            request, context, action=here, purpose=here, session=person.session.id
        )
        view = ProveContactView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            form=form,
            kind=self._contact.kind,
            back=path,
            value=value or "",
            code=code[:64],
            problem=ProofProblem.OVER if value is None else problem,
            remaining=remaining,
        )
        status = 404 if value is None else 200 if problem is ProofProblem.NONE else 400
        return self._frame.page(request, view, status=status)


async def send_proof(
    frame: Frame, request: Request, user: User, *, contact: Contact, value: str
) -> str:
    """Send a code to an address or number of this user. Returns the path of the page that asks for
    it. Nothing is sent where nothing can be. Raises TemporarilyUnavailable."""
    asker = await asker_of(frame, request, user.username)
    # Any session of the user counts: so a link works in whatever browser they read mail.
    anywhere = asker._replace(browser="")
    begun, _ = await frame.shell.settle(
        lambda context: contact.begin(user, value, asker=anywhere, context=context)
    )
    return f"{contact.path}/{begun.id}"
