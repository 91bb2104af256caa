"""The user's password: its section of the security page, and its change."""

from typing import ClassVar, Final

from valetkey.server.accounts.password_policy import PasswordProblem
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.keys import Secret
from valetkey.server.model.user import User
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants.credentials import change_password
from valetkey.server.pages.account.security import SecuritySection
from valetkey.server.pages.components import Account, PageForm, Section, View
from valetkey.server.pages.frame import SECURITY, Frame, NoSuchPage, prove_again

PATH: Final = f"{SECURITY}/password"
CHANGED: Final = "changed"
"""The value of `notice` after a change."""


class PasswordSection(SecuritySection, frozen=True, kw_only=True):
    """The way to a new password."""

    template: ClassVar = "security/password.html"

    href: str


class PasswordPresenter:
    """Makes the section of the password, for users who have one here."""

    async def section(
        self, request: Request, person: Person, context: Context
    ) -> SecuritySection | None:
        """The section."""
        return PasswordSection(href=PATH) if person.user.password else None


class ChangePasswordView(View, frozen=True, kw_only=True):
    """The form for a new password: fields ``password`` and ``stop_apps``, button
    ``#change-password``. ``shortest`` is the minimum of characters. ``changed``: it has just been
    changed. ``notifies``: the user gets a notice."""

    template: ClassVar = "change_password.html"
    section: ClassVar = Section.SECURITY

    account: Account
    form: PageForm
    shortest: int
    problem: PasswordProblem | None = None
    changed: bool = False
    notifies: bool = False


class PasswordPage:
    """`/security/password`. It needs a fresh proof."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def show(self, request: Request) -> Reply:
        """The form."""
        person = await self._person(request)
        if not await self._frame.has_fresh_proof(person):
            return prove_again(PATH)
        changed = request.parameters().get("notice") == CHANGED
        return self._frame.page(request, await self._view(request, person, changed=changed))

    async def change(self, request: Request) -> Reply:
        """Store the new password, and end the other sessions."""
        person = await self._person(request)
        context = await self._frame.shell.context()
        form = self._frame.posted(request, context, purpose=PATH, session=person.session.id)
        if not await self._frame.has_fresh_proof(person):
            return prove_again(PATH)
        typed = Secret(form.get("password", ""))
        about = names_of(person.user)
        if problem := await self._frame.new_passwords.problem(typed, about=about):
            view = await self._view(request, person, problem=problem)
            return self._frame.page(request, view, status=400)
        stored = await self._frame.passwords.keep(typed)
        browser = self._frame.cookies.read_browser(request)
        await self._frame.shell.settle(
            lambda context: change_password(
                person.user.id,
                stored,
                by="user",
                keep=person.session.id,
                stop_apps=form.get("stop_apps") == "yes",
                device=browser.device,
                context=context,
            )
        )
        return see_other(f"{PATH}?notice={CHANGED}")

    async def _person(self, request: Request) -> Person:
        person = await self._frame.require_person(request)
        if not person.user.password:
            raise NoSuchPage
        return person

    async def _view(
        self,
        request: Request,
        person: Person,
        *,
        problem: PasswordProblem | None = None,
        changed: bool = False,
    ) -> ChangePasswordView:
        context = await self._frame.shell.context()
        form = self._frame.form(
            request, context, action=PATH, purpose=PATH, session=person.session.id
        )
        return ChangePasswordView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            form=form,
            shortest=self._frame.new_passwords.shortest,
            problem=problem,
            changed=changed,
            notifies=context.installation.notices.tells("password_changed"),
        )


def names_of(user: User) -> tuple[str, ...]:
    """What others know of the user, so that it is in no password."""
    return user.username, user.email, *user.claims.values()
