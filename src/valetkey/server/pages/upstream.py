"""Sign-in at an upstream provider: to the provider, back from it, and what went wrong."""

import time
from enum import StrEnum
from typing import ClassVar, Final

from valetkey.server.accounts.provisioning import Profile, lenient_profile
from valetkey.server.accounts.sign_in import Proof
from valetkey.server.http import log
from valetkey.server.http.fetch import Ask
from valetkey.server.http.outbound_pool import NoRoom, Pace
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.query import Unreachable
from valetkey.server.oauth.sign_in import identity
from valetkey.server.oauth.sign_in.attempt import (
    Attempt,
    SignInRequirements,
    authorization_url,
    new_attempt,
    receive,
    requirements_of,
    why_refused,
)
from valetkey.server.oauth.sign_in.identity import SignedInUser
from valetkey.server.oauth.sign_in.provider import Provider, find_provider
from valetkey.server.oauth.sign_in.token_request import (
    check_reached,
    read_tokens,
    read_userinfo,
    token_request,
)
from valetkey.server.oauth.sign_in.upstream import (
    ProviderDown,
    SignInFailed,
    SignOut,
    Upstream,
)
from valetkey.server.pages.authorize import continue_at, refuse
from valetkey.server.pages.components import View, WayLink
from valetkey.server.pages.frame import APPS, SIGN_IN, Frame
from valetkey.server.pages.own_pages import after_sign_in
from valetkey.server.pages.sign_in_elsewhere import ProvedUser, complete
from valetkey.server.pages.sign_out import SIGNED_OUT
from valetkey.server.pages.ways import WITH, Waiting, Way
from valetkey.spec.errors import AccessDenied, InvalidRequest, LoginRequired, OAuthError
from valetkey.wire import form as forms
from valetkey.wire import redirect


class ElsewhereProblem(StrEnum):
    """Why nobody is signed in, as `oauth.sign_in.upstream.Why`."""

    OFF = "off"
    EXPIRED = "expired"
    OTHER_BROWSER = "other_browser"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    NOT_FRESH = "not_fresh"
    BROKEN = "broken"
    DOWN = "down"


class ElsewhereProblemView(View, frozen=True, kw_only=True):
    """The user could not be signed in at ``place``. ``again`` tries again, ``others`` leads to the
    other ways to sign in."""

    template: ClassVar = "sign_in_problem.html"
    enums: ClassVar = (ElsewhereProblem,)

    place: str
    problem: ElsewhereProblem
    again: str | None = None
    others: str | None = None


class UpstreamWay(Way):
    """A provider as a way to sign in. `alone`: it is the only way."""

    def __init__(self, frame: Frame, upstream: Upstream, ask: Ask, *, alone: bool = False) -> None:
        self.name = upstream.name
        self.label = upstream.label
        self.is_on = upstream.is_on
        self.silent = alone
        self.domains = upstream.domains
        self._frame = frame
        self._ask = ask
        self._pace = Pace()
        self.alone = alone
        self.upstream = upstream

    @property
    def signs_out(self) -> SignOut:
        return self.upstream.sign_out

    async def sign_out_link(self) -> WayLink | None:
        """The link to the provider's sign-out page (OpenID Connect RP-Initiated Logout 2). ID
        Tokens are not stored, so the provider may ask the user to confirm."""
        try:
            provider = await self._frame.shell.ask(lambda context: find_provider(self.upstream))
        except SignInFailed as failed:
            log.info("no sign-out upstream", way=self.name, why=failed.why, detail=failed.detail)
            return None
        if not provider.end_session_endpoint:
            return None
        parameters = {
            "client_id": self.upstream.client_id,
            "post_logout_redirect_uri": self._frame.issuer + SIGNED_OUT,
        }
        href = redirect.with_parameters(provider.end_session_endpoint, parameters)
        return WayLink(name=self.name, label=self.label, href=href)

    async def begin(self, request: Request, waiting: Waiting) -> Reply:
        """Send the browser to the provider."""
        if waiting.login is not None:
            pending, requirements = waiting.login.pending.id, requirements_of(waiting.login.pending)
        else:
            pending, requirements = "", await self._own_requirements(request, waiting)
        context = await self._frame.shell.context()
        browser = self._frame.cookies.read_browser(request)
        attempt = new_attempt(
            self.upstream,
            browser,
            requirements,
            pending=pending,
            target="" if pending else waiting.target,
            context=context,
        )
        return await self.depart(request, attempt, requirements)

    async def depart(
        self, request: Request, attempt: Attempt, requirements: SignInRequirements
    ) -> Reply:
        """Send the browser to the provider for this attempt."""
        try:
            provider = await self.provider()
        except SignInFailed as failed:
            return await self.failed(request, failed, attempt)
        context = await self._frame.shell.context()
        url = authorization_url(
            attempt, requirements, self.upstream, provider=provider, context=context
        )
        return self._frame.cookies.name_browser(see_other(url), request)

    async def provider(self) -> Provider:
        """The provider, if it may be used. Raises SignInFailed."""
        if not self.upstream.is_on:
            raise SignInFailed("off")
        return await self._frame.shell.ask(lambda context: find_provider(self.upstream))

    async def returned(self, request: Request) -> tuple[Attempt, SignedInUser] | Reply:
        """The user who came back from the provider in this browser, or the page that says why there
        is none."""
        attempt = None
        try:
            provider = await self.provider()
            form = _read(request)
            browser = self._frame.cookies.read_browser(request)
            back, _ = await self._frame.shell.settle(
                lambda context: receive(
                    form, self.upstream, browser, provider=provider, context=context
                )
            )
            attempt = back.attempt
            if back.repeated:
                # The back button, or a second click: what came of the first one stands.
                on = continue_at(attempt.pending) if attempt.pending else attempt.target
                return see_other(on or APPS)
            if back.error:
                raise why_refused(back.error)
            return attempt, await self._exchanged(request, attempt, back.code, provider=provider)
        except SignInFailed as failed:
            return await self.failed(request, failed, attempt)

    async def _exchanged(
        self, request: Request, attempt: Attempt, code: str, *, provider: Provider
    ) -> SignedInUser:
        """The user for a code. Raises SignInFailed. Bad codes count against their network, so that
        no stranger makes this server hammer the provider."""
        try:
            self._pace.count(request.address, time.monotonic())
        except NoRoom as error:
            raise ProviderDown(str(error)) from error
        context = await self._frame.shell.context()
        sent = token_request(attempt, code, self.upstream, provider=provider, context=context)
        reply = await self._ask(sent.url, body=sent.body, headers=sent.headers)
        if isinstance(reply, Unreachable) and reply.temporary:
            # Nobody was there to judge the code, and nobody is asked again for a moment.
            self._pace.give_back(request.address)
        answer = check_reached(reply)
        tokens = read_tokens(answer.status, answer.body, self.upstream)
        userinfo = None
        if provider.userinfo_endpoint and (self.upstream.userinfo or not self.upstream.is_openid):
            headers = {"authorization": f"Bearer {tokens.access_token}"}
            said = check_reached(await self._ask(provider.userinfo_endpoint, headers=headers))
            userinfo = read_userinfo(said.status, said.body)
        if self.upstream.is_openid:
            verified, claims = await self._frame.shell.ask(
                lambda context: identity.verify_id_token(
                    tokens, attempt, self.upstream, provider=provider, context=context
                )
            )
            user = identity.from_id_token(verified, claims, userinfo, upstream=self.upstream)
        else:
            user = identity.from_userinfo(userinfo or {}, self.upstream)
        self._pace.give_back(request.address)
        return user

    async def sign_in(self, request: Request, attempt: Attempt, user: SignedInUser) -> Reply:
        """Open a session for the user, and go on. Raises OAuthError, for a page."""
        proved = ProvedUser(
            source=user.source,
            subject=user.subject,
            proof=Proof(way=self.name, auth_time=user.auth_time, acr=user.acr, source_sid=user.sid),
            profile=profile_of(user),
            name=name_of(user),
            groups=user.groups,
        )
        return await complete(
            self._frame,
            request,
            proved,
            pending=attempt.pending,
            target=attempt.target or APPS,
        )

    async def failed(
        self, request: Request, failed: SignInFailed, attempt: Attempt | None
    ) -> Reply:
        """Say why nobody is signed in. A request that allows no page, or that has no other way to
        sign in, goes back to the app."""
        log.info("not signed in upstream", way=self.name, why=failed.why, detail=failed.detail)
        pending = "" if attempt is None else attempt.pending
        if attempt is not None and pending:
            error = self._for_the_app(failed, attempt)
            if error is not None:
                return await refuse(self._frame, request, error, pending=pending)
            if failed.why == "cancelled":
                return see_other(continue_at(pending))
        return self._problem(request, failed, attempt)

    def _for_the_app(self, failed: SignInFailed, attempt: Attempt) -> OAuthError | None:
        """The error that the app gets, None if the user has a choice."""
        if attempt.silent or failed.why == "not_fresh":
            return LoginRequired()
        return AccessDenied() if failed.why == "cancelled" and self.alone else None

    def _problem(self, request: Request, failed: SignInFailed, attempt: Attempt | None) -> Reply:
        again = others = None
        if attempt is not None and not attempt.link:
            at = continue_at(attempt.pending) if attempt.pending else SIGN_IN
            same, other = f"{at}/{WITH}/{self.name}", at
            if attempt.target:
                same = after_sign_in(attempt.target, at=same)
                other = after_sign_in(attempt.target, at=other)
            again = same if failed.why != "off" else None
            others = None if self.alone else other
        view = ElsewhereProblemView(
            site=self._frame.site,
            place=self.label,
            problem=ElsewhereProblem(failed.why),
            again=again,
            others=others,
        )
        return self._frame.page(request, view, status=failed.status)

    async def _own_requirements(self, request: Request, waiting: Waiting) -> SignInRequirements:
        """Of a user who is signed in already, and is asked again: only a new sign-in counts."""
        again = waiting.again or await self._frame.person(request) is not None
        return SignInRequirements(prompt="login", fresh=True) if again else SignInRequirements()


def profile_of(user: SignedInUser) -> Profile:
    """What the provider says about the user, without the claims that are wrong."""
    return lenient_profile(user.claims)


_NAMES: Final = ("email", "preferred_username", "login", "name")
_MAX_NAME: Final = 100


def name_of(user: SignedInUser) -> str:
    """How people recognize the account at the provider: the first that it says."""
    said = (user.claims.get(name) for name in _NAMES)
    fit = (one for one in said if isinstance(one, str) and one and one.isprintable())
    return next(fit, user.subject)[:_MAX_NAME]


def _read(request: Request) -> forms.Form:
    try:
        return request.parameters()
    except InvalidRequest as error:
        raise SignInFailed("broken", detail=error.log_text) from error
