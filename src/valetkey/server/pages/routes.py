"""The pages for people, as a table: a Starlette application behind the front."""

from collections.abc import Collection, Mapping, Sequence
from importlib.resources import files
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from valetkey.server.http.base_path import on_base
from valetkey.server.http.front import Handler, MethodHandler, serve
from valetkey.server.http.reply import SAFE, Reply, StreamReply, see_other
from valetkey.server.http.request import Request
from valetkey.server.oauth.authorize.browser_session import CHECK_SESSION_PATH
from valetkey.server.oauth.authorize.request import AUTHORIZE
from valetkey.server.oauth.grant_types.device import PAGE as DEVICE
from valetkey.server.oauth.grants.recovery import MAIL_SIGN_IN
from valetkey.server.oauth.logout import end_session
from valetkey.server.oauth.shards.claim import PAGE as PARTS
from valetkey.server.oauth.sign_in import interaction
from valetkey.server.pages import logos
from valetkey.server.pages.account.activity import ACTIVITY, ActivityPage, ActivityView
from valetkey.server.pages.account.deletion import (
    RESTORE,
    DeleteView,
    DeletionPages,
    DeletionView,
    RestoreView,
)
from valetkey.server.pages.account.organizations import ASK, AskPage, NotAllowedView
from valetkey.server.pages.account.profile import (
    DELETE,
    DOWNLOAD,
    PROFILE,
    ProfilePage,
    ProfileView,
)
from valetkey.server.pages.account.security_routes import security
from valetkey.server.pages.account_choice import AccountChoice, ChoiceView
from valetkey.server.pages.approvals import ApprovalsPage, ApprovalsView, ApprovalView
from valetkey.server.pages.apps import AppPage, StopAppView
from valetkey.server.pages.apps_list import EXPORT, UNUSED, AppsListPage, AppsView, StopUnusedView
from valetkey.server.pages.authorize import (
    AnswerFormView,
    AuthorizePage,
    NoticeView,
    continue_at,
)
from valetkey.server.pages.check_session import CheckSession
from valetkey.server.pages.components import Section
from valetkey.server.pages.connected import AppView
from valetkey.server.pages.consent import ConsentView
from valetkey.server.pages.credentials.mail_sign_in import MailCodeView, MailSignInPage
from valetkey.server.pages.device import DevicePage, EnterCodeView
from valetkey.server.pages.factors.authenticator import (
    RecoveryCodesView,
    SetUpView,
)
from valetkey.server.pages.factors.passkey_sign_in import (
    OwnPasskeySignIn,
    PasskeyInteraction,
    PasskeyStage,
)
from valetkey.server.pages.factors.passkeys import PASSKEY_SIGN_IN
from valetkey.server.pages.factors.second_factor import (
    PASSKEY_STAGE,
    SECOND_FACTOR,
    SET_UP,
    SecondFactorPage,
    SecondFactorView,
)
from valetkey.server.pages.frame import (
    APPROVALS,
    APPS,
    LINKED,
    SIGN_IN,
    SIGN_OUT,
    SIGN_UP,
    STATIC,
    Frame,
    NoSuchPage,
    TableRow,
)
from valetkey.server.pages.handoff import HandoffPages, RestartView
from valetkey.server.pages.interaction import ConfirmDeviceView, Interaction
from valetkey.server.pages.limits import LimitsPage, LimitsView
from valetkey.server.pages.linked import LinkedView, LinkView
from valetkey.server.pages.shards import PartsPage, PartsView
from valetkey.server.pages.sign_in import SignInPage, SignInView
from valetkey.server.pages.sign_in_elsewhere import WaysPage
from valetkey.server.pages.sign_out import SIGNED_OUT, SignedOutView, SignOutPage, SignOutView
from valetkey.server.pages.sign_up import SignUpPage, SignUpView
from valetkey.server.pages.upstream import ElsewhereProblemView, UpstreamWay
from valetkey.server.pages.upstream_routes import UpstreamPages
from valetkey.server.pages.ways import (
    WITH,
    FollowedWay,
    OnwardView,
    PassOnView,
    SignInChoice,
    end_form,
    follows_form,
)
from valetkey.spec.errors import OAuthError

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
"""RFC 9110 9.3 and RFC 5789: whatever is tried where nothing is, is answered by 404."""


class Page:
    """One path: a handler for each method, and the error page. Sessions that are over where they
    began end before the handler sees them. `linked`: GET comes by links, never after a form."""

    def __init__(
        self,
        frame: Frame,
        handlers: Mapping[str, Handler],
        followed: Sequence[FollowedWay] = (),
        *,
        linked: bool = False,
    ) -> None:
        self._frame = frame
        self._followed = followed
        self._linked = linked
        self._handlers = dict(handlers)
        if "GET" in self._handlers:
            self._handlers["HEAD"] = self._handlers["GET"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = MethodHandler(frozenset(self._handlers), self._handle)
        await serve(endpoint, scope, receive=receive, send=send, refuse=self._refused)

    async def _handle(self, request: Request) -> Reply | StreamReply:
        await self._frame.brand.refresh()
        for way in self._followed:
            await way.follow(request)
        reply = await self._handlers[request.method](request)
        if not isinstance(reply, Reply):
            return reply
        if not (self._linked and request.method == "GET") and follows_form(request):
            reply = end_form(self._frame, request, reply)
        return on_base(reply, self._frame.base)

    def _refused(self, request: Request, error: OAuthError) -> Reply:
        return on_base(self._frame.refused(request, error), self._frame.base)


class Files(StaticFiles):
    """Our style sheet and images. `nowhere` answers for paths that don't exist."""

    def __init__(self, directory: str, *, nowhere: Page) -> None:
        super().__init__(directory=directory)
        self._nowhere = nowhere

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except HTTPException:
            await self._nowhere(scope, receive, send)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update({name.decode(): value.decode() for name, value in SAFE})
        return response


def table(
    frame: Frame, choice: SignInChoice, *, console: Sequence[TableRow] = ()
) -> tuple[TableRow, ...]:
    """Every page. `console` are the pages of the console, if there is one."""
    return (
        *_requests(frame, choice),
        *_account(frame, choice),
        *_upstreams(frame, choice),
        *security(frame, choice),
        *_profile(frame),
        *_grants(frame),
        *console,
        TableRow("/", get=_home),
    )


def _requests(frame: Frame, choice: SignInChoice) -> tuple[TableRow, ...]:
    """The pages of an authorization request."""
    authorize, waiting = AuthorizePage(frame), Interaction(frame, choice)
    accounts, ways = AccountChoice(frame), WaysPage(frame, choice)
    device, here = DevicePage(frame), continue_at("{pending}")
    passkey = PasskeyInteraction(frame, choice)
    shows = (SignInView, SignUpView, ChoiceView, ConfirmDeviceView, ConsentView)
    ends = (AnswerFormView, NoticeView)
    return (
        TableRow(AUTHORIZE, (*ends, OnwardView), get=authorize.start, post=authorize.start),
        TableRow(here, shows + ends, get=waiting.show),
        TableRow(f"{here}/sign-in", (SignInView,), post=waiting.sign_in),
        TableRow(f"{here}/passkey", (SignInView,), get=passkey.options, post=passkey.submit),
        TableRow(f"{here}/{WITH}/{{way}}", get=ways.begin, linked=True),
        *_mail_codes(frame, choice, at=f"{here}/email"),
        TableRow(f"{here}/sign-up", (SignUpView,), get=accounts.show, post=accounts.submit),
        TableRow(f"{here}/choose", post=accounts.choose),
        TableRow(f"{here}/decline", ends, post=accounts.decline),
        TableRow(f"{here}/consent", (ConsentView, *ends), post=waiting.consent),
        TableRow(f"{here}/confirm", ends, post=waiting.confirm),
        TableRow(f"{here}/switch", post=waiting.switch),
        TableRow(DEVICE, (EnterCodeView,), get=device.show, post=device.submit),
    )


def _mail_codes(frame: Frame, choice: SignInChoice, *, at: str = "") -> tuple[TableRow, ...]:
    """Sign-in with a code by mail: for a waiting request, `at` its path, or for pages of one's
    own."""
    page, views = MailSignInPage(frame), (MailCodeView,)
    if choice.form is None:
        return ()
    if at:
        return (TableRow(at, views, get=page.ask_for_request, post=page.send_for_request),)
    return (
        TableRow(MAIL_SIGN_IN, views, get=page.ask, post=page.send),
        TableRow(f"{MAIL_SIGN_IN}/{{request}}", views, get=page.show, post=page.submit),
    )


def _account(frame: Frame, choice: SignInChoice) -> tuple[TableRow, ...]:
    """Sign-in, sign-up and sign-out."""
    sign_in, sign_up = SignInPage(frame, choice), SignUpPage(frame)
    places = {way.name: way for way in _providers(choice)}
    passkey, beside = OwnPasskeySignIn(frame, choice), PasskeyStage(frame)
    sign_out, handoff = SignOutPage(frame, choice.sign_out, places), HandoffPages(frame)
    out, stage = (SignOutView, SignedOutView), SecondFactorPage(frame)
    ways = WaysPage(frame, choice)
    return (
        TableRow(SIGN_IN, (SignInView, PassOnView), get=sign_in.show, post=sign_in.submit),
        TableRow(f"{SIGN_IN}/{WITH}/{{way}}", get=ways.begin_own, linked=True),
        TableRow(PASSKEY_SIGN_IN, (SignInView,), get=passkey.options, post=passkey.submit),
        *_mail_codes(frame, choice),
        TableRow(SECOND_FACTOR, (SecondFactorView,), post=stage.code),
        TableRow(PASSKEY_STAGE, (SecondFactorView,), get=beside.options, post=beside.submit),
        TableRow(SET_UP, (SetUpView, RecoveryCodesView), post=stage.set_up),
        TableRow(SIGN_UP, (SignUpView,), get=sign_up.show, post=sign_up.submit),
        TableRow(ASK, (NotAllowedView,), post=AskPage(frame).ask),
        TableRow(SIGN_OUT, out, get=sign_out.show, post=sign_out.submit),
        TableRow(SIGNED_OUT, (SignedOutView,), get=sign_out.show_signed_out),
        TableRow(interaction.RETURN, (RestartView,), get=handoff.returned),
        TableRow(interaction.RESTART, get=handoff.restart),
        TableRow(interaction.FORM_POST, post=handoff.posted),
        TableRow(end_session.PATH, out, get=sign_out.leave, post=sign_out.leave),
        TableRow(CHECK_SESSION_PATH, get=CheckSession(frame).show),
        TableRow(logos.PATH, get=logos.Logos(frame).show),
        TableRow(logos.BRAND_FILES, get=logos.BrandFiles(frame).show),
    )


def _providers(choice: SignInChoice) -> Sequence[UpstreamWay]:
    return [way for way in choice.every if isinstance(way, UpstreamWay)]


def _upstreams(frame: Frame, choice: SignInChoice) -> tuple[TableRow, ...]:
    """The addresses that providers know, and the accounts that are linked to the user's."""
    there = UpstreamPages(frame, _providers(choice), choice)
    linked, at = there.linked, f"{SIGN_IN}/{WITH}/{{way}}"
    return (
        TableRow(f"{at}/callback", (ElsewhereProblemView, LinkView), get=there.callback),
        TableRow(f"{at}/backchannel-logout", post=there.backchannel_logout),
        TableRow(LINKED, (LinkedView,), get=linked.show),
        TableRow(f"{LINKED}/{WITH}/{{way}}", get=linked.begin),
        TableRow(f"{LINKED}/confirm", post=linked.confirm),
        TableRow(f"{LINKED}/remove", post=linked.remove),
    )


def _profile(frame: Frame) -> tuple[TableRow, ...]:
    """What happened, who the user is, and what becomes of the account."""
    profile, deletion = ProfilePage(frame), DeletionPages(frame)
    delete_views = (DeleteView, DeletionView)
    return (
        TableRow(ACTIVITY, (ActivityView,), get=ActivityPage(frame).show),
        TableRow(PROFILE, (ProfileView,), get=profile.show, post=profile.change),
        TableRow(DOWNLOAD, post=profile.download),
        TableRow(DELETE, delete_views, get=deletion.ask, post=deletion.delete),
        TableRow(RESTORE, (RestoreView,), get=deletion.ask_code, post=deletion.restore),
    )


def _grants(frame: Frame) -> tuple[TableRow, ...]:
    """What the user has allowed, and what waits for their answer."""
    apps, app, limits = AppsListPage(frame), AppPage(frame), LimitsPage(frame)
    parts, approvals, one = PartsPage(frame), ApprovalsPage(frame), f"{APPS}/{{grant}}"
    return (
        TableRow(APPS, (AppsView,), get=apps.list),
        TableRow(UNUSED, (StopUnusedView,), get=apps.ask_unused, post=apps.stop_unused),
        TableRow(EXPORT, get=apps.export),
        TableRow(one, (AppView,), get=app.detail, post=app.change),
        TableRow(f"{one}/limits", (LimitsView,), get=limits.show, post=limits.change),
        TableRow(f"{one}/stop", (StopAppView,), get=app.ask_stop, post=app.stop),
        TableRow(PARTS, (PartsView,), get=parts.show, post=parts.change),
        TableRow(APPROVALS, (ApprovalsView,), get=approvals.list),
        TableRow(
            f"{APPROVALS}/{{approval}}", (ApprovalView,), get=approvals.show, post=approvals.submit
        ),
    )


def pages(
    frame: Frame,
    choice: SignInChoice,
    *,
    off: Collection[str] = (),
    console: Sequence[TableRow] = (),
) -> Starlette:
    """The application with every page except those that are `off`. Other paths get the error
    page."""
    nowhere = Page(frame, {"GET": _nowhere})
    rows = [row for row in table(frame, choice, console=console) if row.path not in off]
    paths = {row.path for row in rows}
    frame.sections = tuple(one for one in Section if f"/{one}" in paths)
    files_here = Files(str(files("valetkey.server.pages") / "static"), nowhere=nowhere)
    app = Starlette(
        routes=[
            *(
                Route(row.path, Page(frame, row.handlers, choice.followed, linked=row.linked))
                for row in rows
            ),
            Mount(STATIC, files_here),
        ]
    )
    app.router.default = Page(frame, dict.fromkeys(METHODS, _nowhere))
    # Starlette would correct a slash by a redirect to whatever Host the request names.
    app.router.redirect_slashes = False
    return app


async def _home(request: Request) -> Reply:
    return see_other(APPS)


async def _nowhere(request: Request) -> Reply:
    raise NoSuchPage
