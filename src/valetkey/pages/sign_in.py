"""Sign-in: one form, one set of steps, wherever it stands."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from valetkey.accounts.sign_in import SignedIn, candidate, open_session, refused
from valetkey.accounts.throttle import Throttled, network_of
from valetkey.http.front import within
from valetkey.http.reply import Headers, Reply, see_other
from valetkey.http.request import Request
from valetkey.model.secret import Secret
from valetkey.model.user import User
from valetkey.oauth.authorize import sign_up
from valetkey.pages import views
from valetkey.pages.frame import APPROVALS, APPS, SIGN_IN, SIGN_UP, Frame
from valetkey.pages.pieces import Form
from valetkey.pages.sign_out import signed_out
from valetkey.pages.views import SignInProblem
from valetkey.wire import form as forms

_DRAFT: Final = re.compile(r"[A-Za-z0-9_-]{1,1500}\.[A-Za-z0-9_-]{1,64}", re.ASCII)


class Refused(msgspec.Struct, frozen=True):
    """Nobody was signed in. `retry_after` in seconds goes with THROTTLED."""

    problem: SignInProblem
    username: str
    retry_after: int = 0

    @property
    def status(self) -> int:
        return 429 if self.problem is SignInProblem.THROTTLED else 400

    @property
    def headers(self) -> Headers:
        return ((b"retry-after", str(self.retry_after).encode()),) if self.retry_after else ()

    def shown_on(self, view: views.SignIn) -> views.SignIn:
        """The form again, with what was wrong."""
        return msgspec.structs.replace(
            view,
            problem=self.problem,
            username=self.username,
            retry_after=self.retry_after,
        )


async def sign_in(frame: Frame, request: Request, form: forms.Form) -> SignedIn | Refused:
    """Judges a username and a password. Counts first, then looks, and takes the same time and says
    the same words for a name that nobody has."""
    username = form.get("username", "").strip()
    if not username:
        return Refused(SignInProblem.USERNAME_MISSING, "")
    if "password" not in form:
        return Refused(SignInProblem.PASSWORD_MISSING, username)
    exempt = within(request.address, frame.unthrottled)
    network = "" if exempt else network_of(request.address)
    found, context = await frame.shell.settle(
        lambda context: candidate(username, network=network, now=context.env.now)
    )
    if isinstance(found, Throttled):
        wait = max(1, found.until - context.env.now)
        return Refused(SignInProblem.THROTTLED, username, wait)
    user = found.user
    fits = await frame.passwords.fits(Secret(form["password"]), found.kept)
    if user is None or not fits:
        await frame.shell.settle(lambda context: refused(user, context.env))
        return Refused(SignInProblem.REFUSED, username)
    return await opened(frame, request, user, username=username, network=network)


async def opened(
    frame: Frame, request: Request, user: User, *, username: str, network: str
) -> SignedIn:
    """A new session of somebody who has just proved who they are."""
    # Proved by its secret: apps know a session's id, which is the `sid` of their ID Tokens.
    before = await frame.person(request)
    if before is not None and before.user.id != user.id:
        # Somebody else's session ends here: their apps hear of it as of any sign-out.
        await signed_out(frame, before)
    signed_in, _ = await frame.shell.settle(
        lambda context: open_session(
            user,
            username=username,
            network=network,
            replaces="" if before is None else before.session.id,
            seconds=context.at.lifetimes.session,
            epoch=context.at.epoch,
            env=context.env,
        )
    )
    return signed_in


class SignInPage:
    """`/sign-in`: for the user's own pages. Afterwards it goes to one of those, nowhere else."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def show(self, request: Request) -> Reply:
        """The form, or on at once where the user is signed in."""
        asked = request.parameters()
        target, person = then(asked), await self._frame.person(request)
        if person is not None and "again" in asked:
            view = await self._view(request, target)
            return self._frame.page(request, _again(view, person.user))
        if person is not None:
            return self._frame.cookies.named(see_other(target), request)
        return self._frame.page(request, await self._view(request, target))

    async def submit(self, request: Request) -> Reply:
        """Signs in."""
        target = then(request.parameters())
        context = await self._frame.shell.context()
        form = self._frame.posted(request, context, purpose=SIGN_IN, session="")
        outcome = await sign_in(self._frame, request, form)
        if isinstance(outcome, Refused):
            view = outcome.shown_on(await self._view(request, target))
            reply = self._frame.page(request, view, status=outcome.status)
            return reply.having(*outcome.headers)
        return self._frame.cookies.signed_in(see_other(target), outcome.session, outcome.secret)

    async def _view(self, request: Request, target: str) -> views.SignIn:
        context = await self._frame.shell.context()
        action = f"{SIGN_IN}?next={target.replace('?', '&')}"
        form: Form = self._frame.form(request, context, action=action, purpose=SIGN_IN, session="")
        create = SIGN_UP if sign_up.is_offered(context) else None
        return views.SignIn(site=self._frame.site, form=form, create=create)


def _again(view: views.SignIn, user: User) -> views.SignIn:
    """The form for somebody who is signed in, and has to prove it once more."""
    return msgspec.structs.replace(
        view, username=user.username, purpose=views.SignInPurpose.CONFIRM
    )


def then(asked: Mapping[str, str]) -> str:
    """Where to go after signing in: one of the user's own pages, with the draft that they left
    there."""
    target, draft = own_page(asked.get("next", "")), asked.get("draft", "")
    return f"{target}?draft={draft}" if _DRAFT.fullmatch(draft) else target


def own_page(path: str) -> str:
    """The path, where it is one of the user's own pages; else the first of them (ATTACKS A69)."""
    parts = path.split("/")
    plain = all(part.isascii() and part.isalnum() for part in parts[1:])
    own = path == APPROVALS or path.startswith((f"{APPS}/", f"{APPROVALS}/"))
    return path if own and plain else APPS
