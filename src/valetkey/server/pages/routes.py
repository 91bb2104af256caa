"""The pages for people, by path: a Starlette application behind the front."""

from collections.abc import Collection, Mapping
from importlib.resources import files
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from valetkey.server.http.front import Handler, MethodHandler, serve
from valetkey.server.http.reply import SAFE, Reply, Streamed, see_other
from valetkey.server.http.request import Request
from valetkey.server.oauth.authorize.request import AUTHORIZE
from valetkey.server.oauth.authorize.session_state import PATH as CHECK_SESSION
from valetkey.server.oauth.grant_types.device import PAGE as DEVICE
from valetkey.server.oauth.logout import end_session
from valetkey.server.oauth.shards.feature import PAGE as PARTS
from valetkey.server.pages import logos
from valetkey.server.pages.account_choice import Joining
from valetkey.server.pages.approvals import Approvals
from valetkey.server.pages.apps import Apps
from valetkey.server.pages.apps_list import EXPORT, UNUSED, AppsList
from valetkey.server.pages.authorize import Authorize
from valetkey.server.pages.check_session import CheckSession
from valetkey.server.pages.device import DevicePage
from valetkey.server.pages.error_kinds import NoSuchPage
from valetkey.server.pages.frame import APPROVALS, APPS, SIGN_IN, SIGN_OUT, SIGN_UP, STATIC, Frame
from valetkey.server.pages.interaction import Interaction
from valetkey.server.pages.limits import LimitsPage
from valetkey.server.pages.shards import PartsPage
from valetkey.server.pages.sign_in import SignInPage
from valetkey.server.pages.sign_out import SIGNED_OUT, SignOutPage
from valetkey.server.pages.sign_up import SignUpPage

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
"""RFC 9110 9.3 and RFC 5789: whatever is tried where nothing is, is answered by 404."""


class Page:
    """One path: a handler for each method, and the error page for whatever goes wrong."""

    def __init__(self, frame: Frame, handlers: Mapping[str, Handler]) -> None:
        self._frame = frame
        self._handlers = dict(handlers)
        if "GET" in self._handlers:
            self._handlers["HEAD"] = self._handlers["GET"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = MethodHandler(frozenset(self._handlers), self._handle)
        await serve(endpoint, scope, receive=receive, send=send, refuse=self._frame.refused)

    async def _handle(self, request: Request) -> Reply | Streamed:
        return await self._handlers[request.method](request)


class Files(StaticFiles):
    """Our own style and pictures, which are what they say they are; `nowhere` answers for whatever
    is not there."""

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


def pages(frame: Frame, *, off: Collection[str] = ()) -> Starlette:
    """Every page but those that are `off`. A path that is none of these gets the error page too."""
    authorize, interaction = Authorize(frame), Interaction(frame)
    device, approvals = DevicePage(frame), Approvals(frame)
    sign_in, sign_out, apps = SignInPage(frame), SignOutPage(frame), Apps(frame)
    limits, parts = LimitsPage(frame), PartsPage(frame)
    listed = AppsList(frame)
    joining, sign_up = Joining(frame), SignUpPage(frame)
    table: dict[str, dict[str, Handler]] = {
        AUTHORIZE: {"GET": authorize.visit, "POST": authorize.visit},
        "/continue/{pending}": {"GET": interaction.show},
        "/continue/{pending}/sign-in": {"POST": interaction.sign_in},
        "/continue/{pending}/choose": {"POST": joining.choose},
        "/continue/{pending}/decline": {"POST": joining.decline},
        "/continue/{pending}/sign-up": {"GET": joining.show, "POST": joining.submit},
        "/continue/{pending}/consent": {"POST": interaction.consent},
        "/continue/{pending}/confirm": {"POST": interaction.confirm},
        "/continue/{pending}/switch": {"POST": interaction.switch},
        DEVICE: {"GET": device.show, "POST": device.submit},
        SIGN_IN: {"GET": sign_in.show, "POST": sign_in.submit},
        SIGN_UP: {"GET": sign_up.show, "POST": sign_up.submit},
        SIGN_OUT: {"GET": sign_out.show, "POST": sign_out.submit},
        SIGNED_OUT: {"GET": sign_out.done},
        logos.PATH: {"GET": logos.Logos(frame).show},
        CHECK_SESSION: {"GET": CheckSession(frame).show},
        end_session.PATH: {"GET": sign_out.leave, "POST": sign_out.leave},
        APPS: {"GET": listed.list},
        UNUSED: {"GET": listed.ask_unused, "POST": listed.stop_unused},
        EXPORT: {"GET": listed.export},
        f"{APPS}/{{grant}}": {"GET": apps.detail, "POST": apps.change},
        f"{APPS}/{{grant}}/limits": {"GET": limits.show, "POST": limits.change},
        f"{APPS}/{{grant}}/stop": {"GET": apps.ask_stop, "POST": apps.stop},
        PARTS: {"GET": parts.show, "POST": parts.change},
        APPROVALS: {"GET": approvals.list},
        f"{APPROVALS}/{{approval}}": {"GET": approvals.show, "POST": approvals.submit},
        "/": {"GET": _home},
    }
    nowhere = Page(frame, {"GET": _nowhere})
    app = Starlette(
        routes=[
            *(
                Route(path, Page(frame, handlers))
                for path, handlers in table.items()
                if path not in off
            ),
            Mount(STATIC, Files(str(files("valetkey.server.pages") / "static"), nowhere=nowhere)),
        ]
    )
    app.router.default = Page(frame, dict.fromkeys(METHODS, _nowhere))
    # Starlette would mend a slash by a redirect to whatever Host the request names.
    app.router.redirect_slashes = False
    return app


async def _home(request: Request) -> Reply:
    return see_other(APPS)


async def _nowhere(request: Request) -> Reply:
    raise NoSuchPage
