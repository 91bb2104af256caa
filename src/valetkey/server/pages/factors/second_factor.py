"""The second stage of a sign-in: a code, or the set-up of an authenticator that is required."""

from enum import StrEnum
from typing import ClassVar, Final

import msgspec

from valetkey.server.accounts.factors import CodeRefused, NotAdded, add_authenticator, check_code
from valetkey.server.accounts.fresh_proof import factors_of
from valetkey.server.accounts.one_time_codes import is_recovery_code, new_secret
from valetkey.server.accounts.stages import NextStage, standing_proof, trust_mark, with_code
from valetkey.server.accounts.throttle import Throttled, attempt_factor, forgive_factor
from valetkey.server.http import cookies
from valetkey.server.http.reply import Headers, Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.assurance import PHISHING_RESISTANT, strongest
from valetkey.server.model.factor import account_level
from valetkey.server.model.query import One
from valetkey.server.model.user import User, password_mark, typed_name
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.authorize.outcome import Login
from valetkey.server.oauth.core.context import Context
from valetkey.server.pages.authorize import continue_at
from valetkey.server.pages.components import PageForm, View
from valetkey.server.pages.factors.authenticator import (
    RecoveryCodesView,
    set_up_view,
    setup_code,
)
from valetkey.server.pages.factors.stages import (
    SECONDS,
    AfterSignIn,
    FirstStage,
    OpenStage,
    complete_sign_in,
    factor_context,
    page_of_stage,
    read_stage,
    seal_stage,
)
from valetkey.server.pages.frame import SIGN_IN, Frame
from valetkey.server.pages.own_pages import after_sign_in

SECOND_FACTOR: Final = f"{SIGN_IN}/second-factor"
SET_UP: Final = f"{SIGN_IN}/set-up"
PASSKEY_STAGE: Final = f"{SECOND_FACTOR}/passkey"
CODES: Final = "one-time codes"
"""The bucket of guesses."""

DAY: Final = 86400

ANEW: Final = "sign-in"
"""The query by which somebody asks for the sign-in page: instead of signing up, or of proving only
what is missing."""


class FactorProblem(StrEnum):
    """Why the form is displayed again."""

    NONE = "none"
    MISSING = "missing"
    REFUSED = "refused"
    THROTTLED = "throttled"
    PASSKEY = "passkey"


class SecondFactorView(View, frozen=True, kw_only=True):
    """The form for a code: field ``code``, button ``#continue``, and ``trust`` to trust the device
    for ``trust_days``, 0 for never. ``authenticator`` and ``recovery`` say what the user has;
    ``passkey`` is the form with the button ``#passkey``, None for no passkey. ``restart`` is the
    path of the sign-in page, ``retry_after`` goes with ``THROTTLED``. ``step_up``: the user is
    signed in, and this is all that is missing."""

    template: ClassVar = "second_factor.html"
    enums: ClassVar = (FactorProblem,)

    form: PageForm
    authenticator: bool
    passkey: PageForm | None
    recovery: bool
    trust_days: int
    restart: str
    problem: FactorProblem = FactorProblem.NONE
    retry_after: int = 0
    step_up: bool = False


async def show_stage(
    frame: Frame,
    request: Request,
    stage: OpenStage,
    *,
    following: NextStage,
    problem: FactorProblem = FactorProblem.NONE,
    retry_after: int = 0,
) -> Reply:
    """The page of the stage, with a problem if there is one."""
    context = await frame.shell.context()
    status, headers = 200, Headers(())
    if problem is FactorProblem.THROTTLED:
        status, headers = 429, ((b"retry-after", str(retry_after).encode()),)
    elif problem is not FactorProblem.NONE:
        status = 400
    view: View
    if following == "set-up":
        if not stage.secret:
            stage = msgspec.structs.replace(stage, secret=new_secret(context.env))
        view = set_up_view(
            frame,
            _form(frame, request, stage, context=context, path=SET_UP),
            secret=stage.secret,
            account=stage.username,
            wrong=problem is not FactorProblem.NONE,
            required=True,
            back=restart_at(stage),
        )
    else:
        view = await _code_view(frame, request, stage, problem=problem, retry_after=retry_after)
    reply = await page_of_stage(frame, request, view, destination=stage.destination, status=status)
    return reply.having(*headers)


async def _code_view(
    frame: Frame, request: Request, stage: OpenStage, *, problem: FactorProblem, retry_after: int
) -> SecondFactorView:
    context = await frame.shell.context()
    factors = await frame.shell.ask(lambda context: factors_of(stage.user))
    kinds = {one.kind for one in factors if one.kind != "recovery" or one.codes}
    if stage.level == PHISHING_RESISTANT:
        kinds &= {"passkey"}
    passkey = None
    if "passkey" in kinds and frame.passkeys is not None:
        passkey = _form(frame, request, stage, context=context, path=PASSKEY_STAGE)
    # A step-up repeats no whole sign-in, so it is no moment to trust a device.
    trusted_seconds = 0 if stage.session else context.installation.sign_in.trusted_seconds
    return SecondFactorView(
        site=frame.site,
        form=_form(frame, request, stage, context=context, path=SECOND_FACTOR),
        authenticator="totp" in kinds,
        passkey=passkey,
        recovery="recovery" in kinds,
        trust_days=trusted_seconds // DAY,
        restart=_anew_at(stage) if stage.session else restart_at(stage),
        step_up=bool(stage.session),
        problem=problem,
        retry_after=retry_after,
    )


def _form(
    frame: Frame, request: Request, stage: OpenStage, *, context: Context, path: str
) -> PageForm:
    hidden = seal_stage(stage, context)
    return frame.form(request, context, action=path, purpose=path, session="", hidden=hidden)


def restart_at(stage: OpenStage) -> str:
    """The path of the sign-in page."""
    destination = stage.destination
    if destination.pending:
        return continue_at(destination.pending)
    return after_sign_in(destination.target, again=destination.again)


def _anew_at(stage: OpenStage) -> str:
    """The path of the sign-in page for somebody who is signed in."""
    path = restart_at(stage)
    return f"{path}&{ANEW}=1" if "?" in path else f"{path}?{ANEW}"


class SecondFactorPage:
    """`/sign-in/second-factor` and `/sign-in/set-up`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def code(self, request: Request) -> Reply:
        """Take a code and open the session."""
        frame, context = self._frame, await self._frame.shell.context()
        form = frame.posted(request, context, purpose=SECOND_FACTOR, session="")
        stage, user = await stage_and_user(self._frame, request, form.get("stage", ""))
        if stage is None or user is None:
            return see_other(SIGN_IN if stage is None else restart_at(stage))
        code = form.get("code", "").strip()
        if not code:
            return await show_stage(
                frame, request, stage, following="code", problem=FactorProblem.MISSING
            )
        # Recovery codes are too long to guess: they are the way through for the owner.
        short = not is_recovery_code(code)
        throttled = await self._count(request, stage, "code") if short else None
        if throttled is not None:
            return throttled
        result, _ = await frame.shell.settle(
            lambda context: check_code(user.id, code, factor_context(frame, request, context))
        )
        if isinstance(result, CodeRefused):
            return await show_stage(
                frame, request, stage, following="code", problem=FactorProblem.REFUSED
            )
        reply = await self._open(request, stage, user)
        trusts = "trust" in form and not stage.session
        return await self._trusted(request, reply, user) if trusts else reply

    async def set_up(self, request: Request) -> Reply:
        """Take the first code of a new authenticator, and open the session."""
        frame, context = self._frame, await self._frame.shell.context()
        form = frame.posted(request, context, purpose=SET_UP, session="")
        stage, user = await stage_and_user(self._frame, request, form.get("stage", ""))
        if stage is None or user is None or not stage.secret:
            return see_other(SIGN_IN if stage is None else restart_at(stage))
        factors = await frame.shell.ask(lambda context: factors_of(user.id))
        if account_level(factors):
            # It was set up meanwhile, so it has to be proved.
            return see_other(restart_at(stage))
        throttled = await self._count(request, stage, "set-up")
        if throttled is not None:
            return throttled
        code, name = setup_code(form)
        added, _ = await frame.shell.settle(
            lambda context: add_authenticator(
                user.id,
                stage.secret,
                code,
                name=name,
                context=factor_context(frame, request, context),
            )
        )
        if isinstance(added, NotAdded):
            return await show_stage(
                frame, request, stage, following="set-up", problem=FactorProblem.REFUSED
            )
        reply = await self._open(request, stage, user)
        following = dict(reply.headers)[b"location"].decode()
        view = RecoveryCodesView(site=frame.site, codes=added.codes, following=following)
        page = await page_of_stage(frame, request, view, destination=stage.destination)
        cookies_of_reply = (pair for pair in reply.headers if pair[0] == b"set-cookie")
        return page.having(*cookies_of_reply)

    async def _count(
        self, request: Request, stage: OpenStage, following: NextStage
    ) -> Reply | None:
        """Count the attempt. Returns the refusal, if there were too many."""
        frame, context = self._frame, await self._frame.shell.context()
        caller = await frame.callers.of(request, stage.username, context)
        if caller is None:
            return None
        attempt, context = await frame.shell.settle(
            lambda context: attempt_factor(stage.user, CODES, caller, now=context.env.now)
        )
        if isinstance(attempt, Throttled):
            wait = max(1, attempt.until - context.env.now)
            return await show_stage(
                frame,
                request,
                stage,
                following=following,
                problem=FactorProblem.THROTTLED,
                retry_after=wait,
            )
        await frame.callers.wait(attempt.wait, request)
        return None

    async def _open(self, request: Request, stage: OpenStage, user: User) -> Reply:
        """Open the session after a right code."""
        frame, context = self._frame, await self._frame.shell.context()
        caller = await frame.callers.of(request, stage.username, context)
        if caller is not None:
            changes = forgive_factor(user.id, CODES, caller, now=context.env.now)
            await frame.shell.store.commit(changes)
        first = FirstStage(
            user=user, username=stage.username, proof=with_code(stage.proof), caller=caller
        )
        return await complete_sign_in(frame, request, first, destination=stage.destination)

    async def _trusted(self, request: Request, reply: Reply, user: User) -> Reply:
        """The reply, after which the device asks for no second factor for a while."""
        frame, context = self._frame, await self._frame.shell.context()
        seconds = context.installation.sign_in.trusted_seconds
        if not seconds:
            return reply
        factors = await frame.shell.ask(lambda context: factors_of(user.id))
        cookie = cookies.with_trust(
            request.cookies.get(frame.cookies.trusted, ""),
            frame.cookies.browser_secret(request),
            trust_mark(user, factors),
            now=context.env.now,
            seconds=seconds,
            keyring=context.installation.keyring,
        )
        return frame.cookies.trust(reply, cookie, seconds=seconds)


async def stage_and_user(
    frame: Frame, request: Request, text: str
) -> tuple[OpenStage | None, User | None]:
    """The stage, and its user if nothing has changed since."""
    context = await frame.shell.context()
    stage = read_stage(text, frame.cookies.read_browser(request).id, context)
    if stage is None:
        return None, None
    query = One(User, stage.user)
    user = (await frame.shell.store.read(query)).one(query)
    if user is None or user.status != "active" or password_mark(user) != stage.mark:
        return stage, None
    if stage.session:
        # What the session proved counts for as long as it lives.
        person = await frame.person(request)
        if person is None or person.session.id != stage.session:
            return stage, None
        proof = msgspec.structs.replace(stage.proof, auth_time=context.env.now)
        stage = msgspec.structs.replace(stage, proof=proof)
    return stage, user


async def step_up(frame: Frame, request: Request, login: Login) -> Reply | None:
    """The page that asks a signed-in user only for what the request is missing, a second factor or
    a fresh proof of one; None if they have to sign in anew."""
    person = await frame.person(request)
    if person is None or login.user is None or person.user.id != login.user.id or login.anew:
        return None
    least = strongest(login.level, login.preferred)
    return await missing_proof(
        frame, request, person, destination=AfterSignIn(pending=login.pending.id), least=least
    )


async def missing_proof(
    frame: Frame, request: Request, person: Person, *, destination: AfterSignIn, least: str = ""
) -> Reply | None:
    """The page that asks a signed-in user only for a second factor, which makes their proof fresh
    and reaches the level `least`; None if they have to sign in anew."""
    factors = await frame.shell.ask(lambda context: factors_of(person.user.id))
    context = await frame.shell.context()
    least = strongest(least, context.installation.sign_in.second_factor)
    proof = standing_proof(person.session, factors, least=least, now=context.env.now)
    if proof is None:
        return None
    stage = OpenStage(
        user=person.user.id,
        username=typed_name(person.user),
        mark=password_mark(person.user),
        proof=proof,
        destination=destination,
        browser=frame.cookies.read_browser(request).id,
        expires=context.env.now + SECONDS,
        session=person.session.id,
        level=least,
    )
    return await show_stage(frame, request, stage, following="code")
