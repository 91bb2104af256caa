"""The authorization endpoint in the browser: what a decision looks like there."""

from valetkey.http.reply import Reply, see_other
from valetkey.http.request import Request
from valetkey.oauth.authorize.address import ReplyTo
from valetkey.oauth.authorize.endpoint import authorize
from valetkey.oauth.authorize.outcome import Confirm, Consent, Deny, Login, Permit
from valetkey.oauth.authorize.visit import Visit
from valetkey.pages import views
from valetkey.pages.frame import APPS, Frame
from valetkey.pages.pieces import Back
from valetkey.spec.errors import InvalidRequest, OAuthError
from valetkey.wire import redirect


def continue_at(pending: str) -> str:
    """Where a waiting request goes on."""
    return f"/continue/{pending}"


class Authorize:
    """`GET /authorize` and `POST /authorize` (OpenID Connect Core 3.1.2.1 wants both)."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def visit(self, request: Request) -> Reply:
        """The first visit: on to the page that is needed, or back to the app at once."""
        if request.method == "POST" and request.query:
            # RFC 6749 3.1: of two places nobody knows which one counts.
            raise InvalidRequest("parameters belong into the body")
        form = request.form() if request.method == "POST" else request.parameters()
        visit: Visit = self._frame.cookies.visit(request)
        decision, _ = await self._frame.shell.settle(
            lambda context: authorize(form, visit, context)
        )
        match decision:
            case Login(pending=pending) | Consent(pending=pending) | Confirm(pending=pending):
                reply = see_other(continue_at(pending.id))
                return self._frame.cookies.named(reply, request)
            case Permit() | Deny():
                return leave(self._frame, request, decision)


def leave(frame: Frame, request: Request, decision: Permit | Deny) -> Reply:
    """Back to the app, or to the error page where there is nobody to tell."""
    if decision.reply_to is not None and decision.reply_to.is_elsewhere:
        # The app is on another device, and comes for the answer.
        said = views.Outcome.CONNECTED if isinstance(decision, Permit) else views.Outcome.CANCELLED
        return frame.page(request, views.Notice(site=frame.site, outcome=said, apps=APPS))
    if isinstance(decision, Permit):
        return see_other(decision.reply_to.location(code=decision.code))
    reply_to, error = decision.reply_to, decision.error
    if reply_to is None:
        return frame.error(request, error)
    if decision.interstitial:
        back = Back(place=redirect.host(reply_to.uri), href=refusal(reply_to, error))
        return frame.error(request, error, back=back)
    return see_other(refusal(reply_to, error))


def refusal(reply_to: ReplyTo, error: OAuthError) -> str:
    """The refusal on its way back (RFC 6749 4.1.2.1)."""
    return reply_to.location(error=error.code, error_description=error.description)
