"""The way from the first proof of a sign-in to a session: the second stage, and its end."""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias
from urllib.parse import urlencode

import msgspec

from valetkey.server.accounts.factors import FactorContext
from valetkey.server.accounts.fresh_proof import factors_of
from valetkey.server.accounts.sign_in import Proof, SignedIn, open_session
from valetkey.server.accounts.stages import NextStage, Requirement, next_stage, trust_mark
from valetkey.server.accounts.throttle import Caller
from valetkey.server.accounts.whereabouts import is_new_country
from valetkey.server.http import cookies
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.factor import Factor
from valetkey.server.model.user import User, password_mark
from valetkey.server.oauth.authorize.endpoint import resume
from valetkey.server.oauth.authorize.outcome import Login
from valetkey.server.oauth.authorize.request_stages import remember_sign_in
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.sign_in.ticket import read_sealed, write_sealed
from valetkey.server.pages.authorize import Steps, continue_at, refuse
from valetkey.server.pages.components import View
from valetkey.server.pages.factors.passkey_views import ADD
from valetkey.server.pages.frame import APPS, Frame
from valetkey.server.pages.sign_out import signed_out
from valetkey.spec.errors import LoginRequired

PURPOSE: Final = b"sign-in stage"
SECONDS: Final = 600
"""For which a user can take the second stage."""

LONGEST: Final = 3000
"""Characters of a sealed stage."""


PasskeyOffer: TypeAlias = Literal["", "ask", "silent"]
"""What the browser can do for a user without a passkey: nothing, make one after a question, or make
one by itself."""


class FirstStage(msgspec.Struct, frozen=True, kw_only=True):
    """A user who has passed the first stage. `username` is as they typed it; `caller` is None for
    an address that is not throttled, and after a sign-in elsewhere."""

    user: User
    username: str
    proof: Proof
    caller: Caller | None = None
    offer: PasskeyOffer = ""


class AfterSignIn(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser goes after the sign-in: on with the request `pending`, or else to the page
    `target` of the user's own. `again`: they are signed in, and prove again who they are."""

    pending: str = ""
    target: str = APPS
    again: bool = False


class OpenStage(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that waits for its second stage, as it travels with the form: sealed, and bound to
    the browser and to the user's password. `secret` is that of a new authenticator. `session` is
    the id of the live session that is stepped up, "" for none, and `level` the level to reach."""

    user: str
    username: str
    mark: str
    proof: Proof
    destination: AfterSignIn
    browser: str
    expires: int
    secret: bytes = b""
    session: str = ""
    level: str = ""


async def proceed(
    frame: Frame,
    request: Request,
    first: FirstStage,
    *,
    destination: AfterSignIn,
    login: Login | None = None,
) -> Reply:
    """Open the session if nothing more is needed, else show the page of the second stage. `login`
    is the request that waits, None for none. Every way to sign in ends here: there is no session
    before all stages are passed."""
    # Imported here: the pages of the second stage lead back here.
    from valetkey.server.pages.factors.second_factor import show_stage  # noqa: PLC0415

    factors = await frame.shell.ask(lambda context: factors_of(first.user.id))
    stage, context = await _judge(
        frame, request, first, factors=factors, destination=destination, login=login
    )
    if stage == "open":
        offer = _passkey_offer(frame, first, destination, factors=factors)
        return await complete_sign_in(
            frame, request, first, destination=destination, passkey_offer=offer
        )
    if login is not None and login.pending.parameters.get("prompt", "").split() == ["none"]:
        return await refuse(frame, request, LoginRequired(), pending=login.pending.id)
    opened_stage = OpenStage(
        user=first.user.id,
        username=first.username,
        mark=password_mark(first.user),
        proof=first.proof,
        destination=destination,
        browser=frame.cookies.read_browser(request).id,
        expires=context.env.now + SECONDS,
    )
    return await show_stage(frame, request, opened_stage, following=stage)


async def _judge(
    frame: Frame,
    request: Request,
    first: FirstStage,
    *,
    factors: Sequence[Factor],
    destination: AfterSignIn,
    login: Login | None,
) -> tuple[NextStage, Context]:
    """The next stage of the sign-in. If the user can't reach the level of the request, it is the
    next one without it: the app gets an error afterwards."""
    context = await frame.shell.context()
    requirement = requirement_of(destination, login, context)
    trusted = not _is_risky(frame, request, first.user, context=context) and cookies.is_trusted(
        request.cookies.get(frame.cookies.trusted, ""),
        frame.cookies.browser_secret(request),
        trust_mark(first.user, factors),
        now=context.env.now,
        keyring=context.installation.keyring,
    )
    stage = next_stage(first.proof, factors, requirement=requirement, trusted=trusted)
    if stage == "unable":
        least = msgspec.structs.replace(requirement, request="", preferred="")
        stage = next_stage(first.proof, factors, requirement=least, trusted=trusted)
    return stage, context


def _is_risky(frame: Frame, request: Request, user: User, *, context: Context) -> bool:
    """Whether a trusted device replaces no second factor here."""
    asks = context.installation.sign_in.asks_in_new_country
    return asks and is_new_country(user, frame.callers.country(request))


def requirement_of(destination: AfterSignIn, login: Login | None, context: Context) -> Requirement:
    """What the sign-in has to reach."""
    return Requirement(
        installation=context.installation.sign_in.second_factor,
        request="" if login is None else login.level,
        preferred="" if login is None else login.preferred,
        fresh=destination.again or (login is not None and login.fresh),
    )


async def complete_sign_in(
    frame: Frame,
    request: Request,
    first: FirstStage,
    *,
    destination: AfterSignIn,
    passkey_offer: str = "",
) -> Reply:
    """Open the session and go on. The caller knows that all stages are passed. `passkey_offer` is
    the path of a page on the way, "" for none."""
    browser = frame.cookies.read_browser(request)
    signed_in = await opened(frame, request, first)
    pending = destination.pending
    if pending:
        await frame.shell.settle(
            lambda context: remember_sign_in(
                pending, browser, signed_in.session.id, context=context
            )
        )
    reply = see_other(passkey_offer or (continue_at(pending) if pending else destination.target))
    return frame.cookies.sign_in(
        reply, signed_in.session, signed_in.secret, known_accounts=signed_in.known_browser
    )


def _passkey_offer(
    frame: Frame, first: FirstStage, destination: AfterSignIn, *, factors: Sequence[Factor]
) -> str:
    """The path of the page that offers a passkey on the way, "" for none: users who have a second
    factor were asked before. A silent offer, which most browsers decline, holds up no app."""
    if not first.offer or frame.passkeys is None or destination.again or factors:
        return ""
    if first.offer == "silent" and destination.pending:
        return ""
    pending = destination.pending
    later = continue_at(pending) if pending else destination.target
    return f"{ADD}?{urlencode({'later': later, 'how': first.offer})}"


async def opened(frame: Frame, request: Request, first: FirstStage) -> SignedIn:
    """A new session for a user who has just authenticated."""
    user = first.user
    # Proved by its secret: apps know a session's id, which is the `sid` of their ID Tokens.
    before = await frame.person(request)
    if before is not None and before.user.id != user.id:
        # Somebody else's session ends here: their apps hear of it as of any sign-out.
        await signed_out(frame, before)
    where = await frame.callers.whereabouts(request, first.username)
    signed_in, context = await frame.shell.settle(
        lambda context: open_session(
            user,
            proof=first.proof,
            username=first.username,
            caller=first.caller,
            replaces="" if before is None else before.session.id,
            seconds=context.installation.lifetimes.session,
            epoch=context.installation.epoch,
            where=where,
            notices=context.installation.notices,
            env=context.env,
        )
    )
    known = frame.callers.known_cookie(request, first.username, context)
    return msgspec.structs.replace(signed_in, known_browser=known)


def seal_stage(stage: OpenStage, context: Context) -> tuple[tuple[str, str], ...]:
    """The hidden field that carries the stage."""
    return (("stage", write_sealed(stage, PURPOSE, context)),)


def read_stage(text: str, browser: str, context: Context) -> OpenStage | None:
    """The stage of this browser; None for another text, another browser's, or an expired one."""
    stage = read_sealed(text, OpenStage, PURPOSE, most=LONGEST, context=context)
    if stage is None or stage.browser != browser or context.env.now >= stage.expires:
        return None
    return stage


async def page_of_stage(
    frame: Frame, request: Request, view: View, *, destination: AfterSignIn, status: int = 200
) -> Reply:
    """The page, whose form may lead to the app that waits."""
    if destination.pending:
        login = await find_login(frame, request, destination.pending)
        if login is not None:
            return Steps(frame).page(request, view, login, status=status)
    return frame.page(request, view, status=status)


async def find_login(frame: Frame, request: Request, pending: str) -> Login | None:
    """The request, if it waits for a sign-in of this browser. Raises OAuthError, for a page."""
    browser = frame.cookies.read_browser(request)
    decision = await frame.shell.ask(lambda context: resume(pending, browser, context))
    return decision if isinstance(decision, Login) else None


def factor_context(frame: Frame, request: Request, context: Context) -> FactorContext:
    """What the rules of factors need."""
    return FactorContext(
        env=context.env,
        keyring=context.installation.keyring,
        notices=context.installation.notices,
        device=frame.cookies.read_browser(request).device,
    )
