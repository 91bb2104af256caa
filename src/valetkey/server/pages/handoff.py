"""The hand-off in the browser: away to the platform's sign-in page, and back."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import msgspec

from valetkey.server.accounts.provisioning import read_profile
from valetkey.server.accounts.sign_in import Proof
from valetkey.server.http import log
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.http.waiting_room import PendingQuota
from valetkey.server.oauth.authorize.browser_session import Browser, Person
from valetkey.server.oauth.authorize.outcome import Deny
from valetkey.server.oauth.authorize.request_stages import RequestOver
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.sign_in.answer import REJECTIONS
from valetkey.server.oauth.sign_in.identity import group_names
from valetkey.server.oauth.sign_in.interaction import (
    RESTART,
    WAY,
    AnotherAnswer,
    Begun,
    InteractionOver,
    SignInLoop,
    begin_for_page,
    begin_for_request,
)
from valetkey.server.oauth.sign_in.returning import (
    Answered,
    StartAgain,
    WrongBrowser,
    rejection,
    restart,
    take,
)
from valetkey.server.oauth.sign_in.signed_answer import record_signed
from valetkey.server.pages.authorize import continue_at, leave, refuse
from valetkey.server.pages.components import Back, View
from valetkey.server.pages.frame import Frame
from valetkey.server.pages.sign_in_elsewhere import ProvedUser, complete
from valetkey.server.pages.sign_out import SIGNED_OUT
from valetkey.server.pages.ways import Waiting, Way
from valetkey.spec.errors import LoginRequired, OAuthError
from valetkey.wire import redirect

MAX_RETURN: Final = 256
"""Characters of what a browser brings back."""


class RestartView(View, frozen=True, kw_only=True):
    """The browser is not the one that began, or has lost its cookie: the link ``a.restart`` leads
    to ``restart``."""

    template: ClassVar = "restart.html"

    restart: str


class HandoffWay(Way):
    """The way to the platform's page at `url`."""

    name = WAY
    silent = True

    def __init__(self, frame: Frame, *, url: str, label: str, sign_out_url: str = "") -> None:
        self.label = label
        self.sign_out_url = sign_out_url
        self._frame = frame
        self._url = url
        self._room = PendingQuota(frame.shell)

    async def begin(self, request: Request, waiting: Waiting) -> Reply:
        """Send the browser to the platform, with a handle and nothing else."""
        browser = self._frame.cookies.read_browser(request)
        try:
            begun = await self._begun(browser, waiting)
        except SignInLoop as error:
            if waiting.login is None or waiting.login.pending.answers:
                raise
            return await refuse(
                self._frame, request, error, pending=waiting.login.pending.id, is_unseen=True
            )
        if begun.new:
            # Nobody has signed in yet, so anyone can begin as many as they like.
            await self._room.add(begun.handle, request.address)
        address = redirect.with_parameters(self._url, {"interaction": begun.handle})
        return self._frame.cookies.name_browser(see_other(address), request)

    async def _begun(self, browser: Browser, waiting: Waiting) -> Begun:
        login = waiting.login
        if login is None:
            target = waiting.target
            begun, _ = await self._frame.shell.settle(
                lambda context: begin_for_page(target, browser=browser, context=context)
            )
            return begun
        name = login.pending.id
        begun, _ = await self._frame.shell.settle(
            lambda context: begin_for_request(name, browser, context)
        )
        return begun


class HandoffPages:
    """`/interaction/return`, `/interaction/restart` and `/interaction/answer`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def returned(self, request: Request) -> Reply:
        """Use the platform's answer, and go on."""
        browser = self._frame.cookies.read_browser(request)
        text = request.parameters().get("answer", "")[:MAX_RETURN]
        outcome, context = await self._frame.shell.settle(
            lambda context: take(text, browser, context)
        )
        match outcome:
            case StartAgain(handle=handle, why=why):
                log.info("hand-off not used", reason=why)
                return see_other(_restart(handle))
            case WrongBrowser():
                return await self._wrong_browser(request, outcome, context)
            case Answered():
                return await self._answered(request, outcome, context)

    async def _wrong_browser(
        self, request: Request, outcome: WrongBrowser, context: Context
    ) -> Reply:
        log.warning("hand-off refused", reason="another browser than the one that began")
        if outcome.silent and outcome.reply_to is not None and outcome.client is not None:
            # The app waits, perhaps in a frame: it gets an error that anyone could send it.
            denied = Deny(
                error=LoginRequired(),
                reply_to=outcome.reply_to,
                client=outcome.client,
                interstitial=not outcome.client.verified,
            )
            return await leave(self._frame, request, denied, context=context)
        view = RestartView(site=self._frame.site, restart=_restart(outcome.handle))
        return self._frame.page(request, view, status=400)

    async def _answered(self, request: Request, outcome: Answered, context: Context) -> Reply:
        interaction, answer = outcome.interaction, outcome.answer
        if answer.error:
            error = rejection(answer, REJECTIONS)
            log.info(
                "hand-off refused",
                client=answer.client,
                error=error.code,
                reason=answer.description or "rejected by the platform",
            )
            if not interaction.pending:
                return see_other(SIGNED_OUT)
            return await refuse(
                self._frame, request, error, pending=interaction.pending, is_unseen=True
            )
        person = await self._frame.person(request)
        proved = ProvedUser(
            source=WAY,
            subject=answer.subject,
            proof=_proof(outcome, person, now=context.env.now),
            profile=read_profile(answer.claims) if answer.claims else None,
            groups=_groups(answer.claims),
        )
        try:
            return await complete(
                self._frame,
                request,
                proved,
                pending=interaction.pending,
                target=interaction.target,
            )
        except OAuthError as error:
            log.info("hand-off refused", client=answer.client, reason=error.log_text)
            if not interaction.question.silent:
                raise
            failed = LoginRequired(detail=error.log_text)
            return await refuse(
                self._frame, request, failed, pending=interaction.pending, is_unseen=True
            )

    async def restart(self, request: Request) -> Reply:
        """Start again: the waiting request, or what it was made from."""
        browser = self._frame.cookies.read_browser(request)
        handle = request.parameters().get("interaction", "")[:MAX_RETURN]
        start = await self._frame.shell.ask(lambda context: restart(handle, browser, context))
        if start.pending:
            return see_other(continue_at(start.pending))
        if start.target:
            return see_other(start.target)
        if start.verified:
            return see_other(start.address)
        # RFC 9700 4.11.2: no redirect without a click to an app that nobody has verified.
        back = Back(place=redirect.host(start.address), href=start.address)
        return self._frame.error(request, RequestOver(), back=back)

    async def posted(self, request: Request) -> Reply:
        """Take a signed answer from the platform's page. This browser's cookies did not come with
        it: they do with the next request."""
        text = request.form().get("answer", "")
        try:
            recorded, _ = await self._frame.shell.settle(
                lambda context: record_signed(text, context)
            )
        except (InteractionOver, AnotherAnswer) as error:
            log.info("signed answer refused", reason=error.log_text)
            return see_other(error.members["restart"])
        return see_other(recorded.address)


def _groups(claims: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The groups of the user at the platform, None if it does not say."""
    groups = claims.get("groups")
    return group_names(groups) if isinstance(groups, list) else None


def _proof(outcome: Answered, person: Person | None, *, now: int) -> Proof:
    """How the user proved who they are. A silent answer for the user who is signed in neither
    lengthens nor shortens their session."""
    answer = outcome.answer
    proof = Proof(
        way=WAY,
        auth_time=answer.auth_time,
        amr=answer.amr,
        acr=answer.acr,
        source_sid=answer.sid,
        seconds=answer.seconds,
        per_request=answer.per_request,
    )
    if not outcome.interaction.question.silent or person is None:
        return proof
    if person.user.id != outcome.user:
        return proof
    session = person.session
    return msgspec.structs.replace(
        proof, seconds=session.expires - now, per_request=session.per_request
    )


def _restart(handle: str) -> str:
    return redirect.with_parameters(RESTART, {"interaction": handle})
