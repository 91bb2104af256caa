"""The authorization endpoint in the browser, and the forms of a waiting request."""

from enum import StrEnum
from functools import partial
from typing import ClassVar, Final, Literal, TypeAlias

import msgspec

from valetkey.server.http import log
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.http.waiting_room import PendingQuota
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.endpoint import authorize
from valetkey.server.oauth.authorize.outcome import Choose, Confirm, Consent, Deny, Login, Permit
from valetkey.server.oauth.authorize.repeated_answer import decline
from valetkey.server.oauth.authorize.reply_address import QUERY, ReplyTo
from valetkey.server.oauth.core.context import Context
from valetkey.server.pages.account.organizations import not_allowed
from valetkey.server.pages.components import Back, PageForm, View
from valetkey.server.pages.frame import APPS, Frame
from valetkey.server.store.keyring import run_signing
from valetkey.spec.errors import InvalidRequest, OAuthError
from valetkey.wire import form as forms
from valetkey.wire import redirect


class AnswerFormView(View, frozen=True, kw_only=True):
    """An answer to an app in a form: ``#answer``, button ``#continue``. With ``at_once``, a script
    sends it; otherwise, or without scripts, the user does. ``place`` is the host that gets it."""

    template: ClassVar = "answer_form.html"

    action: str
    fields: tuple[tuple[str, str], ...]
    place: str
    at_once: bool = True


class NoticeKind(StrEnum):
    """How a request ended."""

    CONNECTED = "connected"
    CANCELLED = "cancelled"


class NoticeView(View, frozen=True, kw_only=True):
    """The request is finished, and the window can be closed."""

    template: ClassVar = "notice.html"
    enums: ClassVar = (NoticeKind,)

    outcome: NoticeKind
    apps: str | None = None


Step: TypeAlias = Literal[
    "choose", "confirm", "consent", "decline", "email", "passkey", "sign-in", "sign-up", "switch"
]
"""A form on the way of a waiting request: the last part of its path."""


def continue_at(pending: str) -> str:
    """The path at which a waiting request continues."""
    return f"/continue/{pending}"


class Steps:
    """The forms of a waiting request, and the pages that they are on. `session` binds a form to the
    user's session, "" to the browser only."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def form(
        self,
        request: Request,
        context: Context,
        *,
        step: Step,
        pending: str,
        session: str = "",
        hidden: tuple[tuple[str, str], ...] = (),
    ) -> PageForm:
        """A form that only this browser can send for this request."""
        return self._frame.form(
            request,
            context,
            action=f"{continue_at(pending)}/{step}",
            purpose=f"{step} {pending}",
            session=session,
            hidden=hidden,
        )

    async def posted(self, request: Request, step: Step, *, session: str = "") -> forms.Form:
        """The form that was sent. Raises ForgedForm, InvalidRequest."""
        context = await self._frame.shell.context()
        purpose = f"{step} {request.path_parameters['pending']}"
        return self._frame.posted(request, context, purpose=purpose, session=session)

    def page(
        self,
        request: Request,
        view: View,
        decision: Login | Choose | Consent,
        *,
        status: int = 200,
    ) -> Reply:
        """The page, in the language that the app asks for, whose forms may lead to the app."""
        return self._frame.page(
            request,
            view,
            status=status,
            locales=decision.pending.parameters.get("ui_locales", ""),
            form_action=redirect.origin(decision.reply_to.uri) if decision.reply_to.uri else "",
        )


class AuthorizePage:
    """`GET /authorize` and `POST /authorize` (OpenID Connect Core 3.1.2.1)."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._room = PendingQuota(frame.shell)

    async def start(self, request: Request) -> Reply:
        """Start a request: continue at the page that is needed, or return to the app at once."""
        if request.method == "POST" and request.query:
            # RFC 6749 3.1: of two places nobody knows which one counts.
            raise InvalidRequest("parameters belong into the body")
        form = request.form() if request.method == "POST" else request.parameters()
        visit: Browser = self._frame.cookies.read_browser(request)
        decision, context = await self._frame.shell.settle(
            lambda context: authorize(form, visit, context)
        )
        if isinstance(decision, Login) and decision.user is None:
            await self._room.add(decision.pending.id, request.address)
        match decision:
            case (
                Login(pending=pending)
                | Choose(pending=pending)
                | Consent(pending=pending)
                | Confirm(pending=pending)
            ):
                reply = see_other(continue_at(pending.id))
                return self._frame.cookies.name_browser(reply, request)
            case Permit() | Deny():
                if isinstance(decision, Permit) and form.get("prompt", "") != "none":
                    # A silent answer neither lengthens nor shortens a session.
                    await self._frame.current_person(request)
                return await leave(self._frame, request, decision, context=context)


async def refuse(
    frame: Frame, request: Request, error: OAuthError, *, pending: str, is_unseen: bool = False
) -> Reply:
    """End a waiting request with an error for the app. `is_unseen`: the user may not have seen a
    page, here or elsewhere, so an app that nobody has verified gets the error only after a click
    (RFC 9700 4.11.2)."""
    browser = frame.cookies.read_browser(request)
    decision: Permit | Deny
    decision, context = await frame.shell.settle(
        lambda context: decline(pending, browser, context, error=error)
    )
    if is_unseen and isinstance(decision, Deny) and decision.client is not None:
        decision = msgspec.structs.replace(decision, interstitial=not decision.client.verified)
    return await leave(frame, request, decision, context=context)


async def leave(
    frame: Frame, request: Request, decision: Permit | Deny, *, context: Context
) -> Reply:
    """Send the browser back to the app, or show the error page if no app can receive the answer. A
    user whose organization doesn't allow the app reads that first."""
    if isinstance(decision, Deny):
        return await _leave_denied(frame, request, decision, context=context)
    if decision.reply_to.is_decoupled:
        return _end(frame, request, NoticeKind.CONNECTED)
    parameters = {"code": decision.code}
    if decision.session_state:
        parameters["session_state"] = decision.session_state
    answer = await _signed(decision.reply_to, context, **parameters)
    return frame.cookies.renew_state(
        _answer(frame, request, decision.reply_to, answer=answer), request
    )


async def _leave_denied(frame: Frame, request: Request, denied: Deny, *, context: Context) -> Reply:
    _log_denied(request, denied)
    reply_to, error = denied.reply_to, denied.error
    parameters = {"error": error.code, "error_description": error.description}
    back, answer = None, dict[str, str]()
    if reply_to is not None and not reply_to.is_decoupled:
        answer = await _signed(reply_to, context, **parameters)
        back = Back(place=redirect.host(reply_to.uri), href=reply_to.location(answer))
    # An answer that goes by a form is a page already.
    has_page = not _is_framed(request) and (
        reply_to is None or reply_to.is_decoupled or reply_to.mode == QUERY
    )
    if has_page:
        page = not_allowed(frame, request, denied, back=back, context=context)
        if page is not None:
            return page
    if reply_to is None:
        return frame.error(request, error)
    if reply_to.is_decoupled:
        return _end(frame, request, NoticeKind.CANCELLED)
    if denied.interstitial and has_page:
        return frame.error(request, error, back=back)
    return _answer(frame, request, reply_to, answer=answer, asks=denied.interstitial)


async def _signed(reply_to: ReplyTo, context: Context, **parameters: str) -> dict[str, str]:
    """The parameters of the answer, as one if it has to be signed."""
    if reply_to.sign is None:
        return reply_to.parameters(**parameters)
    return await run_signing(
        context.installation.keyring, partial(reply_to.parameters, **parameters)
    )


def _end(frame: Frame, request: Request, outcome: NoticeKind) -> Reply:
    """The end of a request of another device, which comes for the answer."""
    return frame.page(request, NoticeView(site=frame.site, outcome=outcome, apps=APPS))


FRAMES: Final = frozenset({"iframe", "frame", "embed", "object"})
"""What `Sec-Fetch-Dest` says of a document within another one (Fetch Metadata 2.1). No page can say
so of a navigation that takes the whole window."""


def _is_framed(request: Request) -> bool:
    """Whether the browser loads the answer into a frame of another page. There, a redirect can't
    mislead the user, who already sees the page around it. A page of ours wouldn't be displayed, so
    an app that asks silently (`prompt=none`) would wait forever (RFC 9700 4.11.2)."""
    return request.method == "GET" and request.joined(b"sec-fetch-dest") in FRAMES


def _log_denied(request: Request, decision: Deny) -> None:
    """Log an error that only the app receives, for operators."""
    log.info(
        "denied",
        path=request.path,
        client="" if decision.client is None else decision.client.id,
        error=decision.error.code,
        detail=decision.error.log_text,
    )


def _answer(
    frame: Frame,
    request: Request,
    reply_to: ReplyTo,
    *,
    answer: dict[str, str],
    asks: bool = False,
) -> Reply:
    """Deliver the answer (RFC 6749 4.1.2) in the response mode of the request. With `asks`, the
    user has to send it."""
    if reply_to.mode == QUERY:
        return see_other(reply_to.location(answer))
    view = AnswerFormView(
        site=frame.site,
        action=reply_to.uri,
        fields=tuple(answer.items()),
        place=redirect.host(reply_to.uri),
        at_once=not asks,
    )
    # The app's server may redirect the form anywhere. Nobody types into this page.
    return frame.page(request, view, form_action=None)
