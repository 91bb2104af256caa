"""An authorization request on its way: sent, pushed before, or waiting for its user."""

from typing import Final

import msgspec

from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.client import Client
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.authorize import grant_management as managing
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.checks import CHECKS, DECOUPLED_CHECKS
from valetkey.server.oauth.authorize.jar import effective_parameters
from valetkey.server.oauth.authorize.reply_address import ReplyTo, address, no_redirect
from valetkey.server.oauth.authorize.request import AuthorizationRequest, understand
from valetkey.server.oauth.clients import documents
from valetkey.server.oauth.core.ciba_ping import notify
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.spec.errors import (
    InvalidRequest,
    InvalidRequestUri,
    OAuthError,
)
from valetkey.spec.names import REQUEST_URI_PREFIX
from valetkey.wire.form import Form

REQUEST_URI: Final = "request_uri"
"""The purpose under which completed pushed requests are remembered."""


class RequestOver(InvalidRequest):
    """The request that waited is over, or was begun in another browser."""

    says = "this request is over: start again from the app"


class ClientRequest(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A request whose client and address are known. `pushed` names the pushed request behind it,
    "" for none; `flaw` is why it cannot be read, though it is known whom to tell."""

    form: Form
    client: Client
    reply_to: ReplyTo
    pushed: str = ""
    flaw: OAuthError | None = None


class ValidRequest(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A request that has passed every check. `pending` is its row, None before it has one;
    `elsewhere` is the row of the app on another device that waits for the answer."""

    client_request: ClientRequest
    request: AuthorizationRequest
    pending: Pending | None = None
    decoupled: Pending | None = None

    @property
    def confirmed(self) -> bool:
        """Whether the user has said that they mean this very request."""
        return self.decoupled is None or (self.pending is not None and self.pending.confirmed)

    @property
    def of(self) -> str:
        """The user whose answer it has to be, "" for anybody's."""
        row = self.decoupled
        return "" if row is None or row.decoupled is None else row.decoupled.user

    @property
    def fresh(self) -> str:
        """The session that was made for this very request, "" for none."""
        return "" if self.pending is None else self.pending.session

    @property
    def chosen(self) -> str:
        """The session with which the user wants to go on, "" before they were asked."""
        return "" if self.pending is None else self.pending.chosen


def read_request(form: Form, context: Context, *, address: str = "") -> Rule[ClientRequest]:
    """The request in a form, or the one that was pushed before (RFC 9126 4; what else is in the
    form then does not count). Raises OAuthError, for a page: there is no address yet."""
    name = form.get("client_id")
    if name is None:
        raise InvalidRequest("client_id is missing")
    uri = form.get("request_uri", "")
    if not uri.startswith(REQUEST_URI_PREFIX):
        client = yield from documents.find_client(name, context, address=address)
        return (yield from _signed(form, client, context))
    pushed = uri.removeprefix(REQUEST_URI_PREFIX)
    request, marker = One(Pending, pushed), One(SingleUse, f"{REQUEST_URI} {pushed}")
    results = yield (request, marker)
    pending = results.one(request)
    if pending is None or pending.kind != "pushed" or results.one(marker) is not None:
        raise InvalidRequestUri
    if pending.client != name or context.env.now >= pending.expires:
        raise InvalidRequestUri
    client = yield from documents.find_client(name, context, address=address)
    return _addressed(_form(pending), client, context, pushed=pushed)


def _signed(form: Form, client: Client | None, context: Context) -> Rule[ClientRequest]:
    """The request as it was sent, or as its client signed it."""
    if client is None:
        return _addressed(form, client, context)
    try:
        inside = yield from effective_parameters(form, client, context)
    except OAuthError as flaw:
        try:
            its = _addressed(form, client, context)
        except OAuthError:
            # Nobody knows where to send the answer: the object would have said so.
            raise flaw from None
        return msgspec.structs.replace(its, flaw=flaw)
    return _addressed(inside, client, context)


def find_waiting(
    name: str, browser: Browser, context: Context
) -> Rule[tuple[ValidRequest, Pending]]:
    """The request that waits for this browser, understood anew (ATTACKS A65, A80). Raises
    OAuthError, for a page, where it is over or was begun in another browser."""
    query = One(Pending, name)
    pending = (yield (query,)).one(query)
    if pending is None or pending.kind != "interaction" or context.env.now >= pending.expires:
        raise RequestOver
    if pending.browser != browser.id:
        raise RequestOver("this request was begun in another browser")
    if pending.answers:
        return (yield from _answering(pending, context)), pending
    marker = One(SingleUse, f"{REQUEST_URI} {pending.pushed}")
    if pending.pushed and (yield (marker,)).one(marker) is not None:
        raise RequestOver
    client = yield from documents.find_client(pending.client, context, address=browser.address)
    its = _addressed(_form(pending), client, context, pushed=pending.pushed)
    request = understand_and_check(its.form, its.client, context, pushed=bool(its.pushed))
    return ValidRequest(client_request=its, request=request, pending=pending), pending


def _answering(pending: Pending, context: Context) -> Rule[ValidRequest]:
    """The request of an app on another device, which waits for what is answered here."""
    of_client, of_row = One(Client, pending.client), One(Pending, pending.answers)
    results = yield (of_client, of_row)
    client, row = results.one(of_client), results.one(of_row)
    if row is None or row.decoupled is None or context.env.now >= row.expires:
        raise RequestOver
    if row.decoupled.answer or client is None or client.status != "active":
        raise RequestOver
    its = ClientRequest(
        form=_form(row), client=client, reply_to=no_redirect(issuer=context.installation.issuer)
    )
    request = understand(its.form, client, context)
    for check in DECOUPLED_CHECKS[row.kind]:
        check(request, context)
    return ValidRequest(client_request=its, request=request, pending=pending, decoupled=row)


def still_waiting(pending: Pending) -> Rule[None]:
    """Raises Over where the request was answered since it was read."""
    query = One(Pending, pending.id)
    found = (yield (query,)).one(query)
    if found is None or found.kind != pending.kind:
        raise RequestOver


_WITHOUT_A_USER: Final = frozenset({"interaction", "pushed", "device"})


def forget(name: str) -> Rule[Outcome]:
    """A request that waits for a stranger is given up; one that somebody signed in for stays, and
    one that was answered."""
    query = One(Pending, name)
    pending = (yield (query,)).one(query)
    if pending is None or pending.kind not in _WITHOUT_A_USER or pending.session or pending.answers:
        return Outcome()
    if pending.decoupled is not None and pending.decoupled.answer:
        return Outcome()
    return Outcome(changes=(Remove(pending),))


def remember_sign_in(
    name: str, browser: Browser, session: str, *, context: Context
) -> Rule[Outcome]:
    """The waiting request remembers the sign-in that was made for it."""
    _, pending = yield from find_waiting(name, browser, context)
    noted = msgspec.structs.replace(pending, session=session)
    return Outcome(changes=(Update(noted),))


def remember_choice(name: str, browser: Browser, chosen: str, *, context: Context) -> Rule[Outcome]:
    """The waiting request remembers as whom the user goes on."""
    _, pending = yield from find_waiting(name, browser, context)
    return Outcome(changes=(Update(msgspec.structs.replace(pending, chosen=chosen)),))


def understand_and_check(
    form: Form, client: Client, context: Context, *, pushed: bool = False
) -> AuthorizationRequest:
    """The request, once it has passed every check. Raises OAuthError in registered codes."""
    request = understand(form, client, context, pushed=pushed)
    request = msgspec.structs.replace(request, managed=managing.read(form, client, context))
    for check in CHECKS:
        check(request, context)
    return request


def finish(
    valid_request: ValidRequest, context: Context, *, code: bytes = b""
) -> tuple[Change, ...]:
    """What has to be written because a request is over, by a yes or a no: it cannot come again.
    `code` is what a yes comes to, for an app that fetches it."""
    changes: tuple[Change, ...] = (
        () if valid_request.pending is None else (Remove(valid_request.pending),)
    )
    row = valid_request.decoupled
    if row is not None and row.decoupled is not None:
        answered = msgspec.structs.replace(row.decoupled, answer="yes" if code else "no")
        fetched = msgspec.structs.replace(row, contents=code, decoupled=answered)
        return (
            *changes,
            Update(fetched),
            *notify(row, valid_request.client_request.client, context),
        )
    pushed = valid_request.client_request.pushed
    if not pushed:
        return changes
    until = (
        context.env.now
        + context.installation.lifetimes.pushed_request
        + context.installation.lifetimes.interaction
    )
    return (*changes, Create(SingleUse(purpose=REQUEST_URI, value=pushed, expires=until)))


def _addressed(
    form: Form, client: Client | None, context: Context, *, pushed: str = ""
) -> ClientRequest:
    client, reply_to = address(form, client, context)
    return ClientRequest(form=form, client=client, reply_to=reply_to, pushed=pushed)


def _form(pending: Pending) -> Form:
    return Form(pending.parameters, {"resource": pending.resources})
