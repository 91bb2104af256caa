"""The stages of an authorization request: received, pushed, waiting for its user, finished."""

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
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.message_delivery import notify
from valetkey.spec.errors import (
    InvalidRequest,
    InvalidRequestUri,
    OAuthError,
)
from valetkey.spec.names import REQUEST_URI_PREFIX
from valetkey.wire.form import Form

REQUEST_URI: Final = "request_uri"
"""The purpose of single-use values for completed pushed requests."""


class RequestOver(InvalidRequest):
    """The request is over, or was started in another browser."""

    says = "this request is over: start again from the app"


class ClientRequest(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A request with a known client and address. `pushed` is the id of the pushed request, "" for
    none; `flaw` is the error to send to the address, if the request can't be read."""

    form: Form
    client: Client
    reply_to: ReplyTo
    pushed: str = ""
    flaw: OAuthError | None = None


class ValidRequest(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A request that has passed every check. `pending` is its row, None before it has one;
    `decoupled` is the row of the app on another device that waits for the answer."""

    client_request: ClientRequest
    request: AuthorizationRequest
    pending: Pending | None = None
    decoupled: Pending | None = None

    @property
    def confirmed(self) -> bool:
        """Whether the user has confirmed that they mean this request."""
        return self.decoupled is None or (self.pending is not None and self.pending.confirmed)

    @property
    def of(self) -> str:
        """The user who has to answer, "" for any."""
        row = self.decoupled
        return "" if row is None or row.decoupled is None else row.decoupled.user

    @property
    def fresh(self) -> str:
        """The session that was made for this request, "" for none."""
        return "" if self.pending is None else self.pending.session

    @property
    def chosen(self) -> str:
        """The session that the user chose, "" for none yet."""
        return "" if self.pending is None else self.pending.chosen


def read_request(form: Form, context: Context, *, address: str = "") -> Rule[ClientRequest]:
    """The request of a form, or the pushed one that it refers to (RFC 9126 4: other parameters
    don't count then). Raises OAuthError, for a page, as there is no address yet."""
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
    """The request, with the signed parameters if there are any."""
    if client is None:
        return _addressed(form, client, context)
    try:
        inside = yield from effective_parameters(form, client, context)
    except OAuthError as flaw:
        try:
            its = _addressed(form, client, context)
        except OAuthError:
            # Without the object there is no address to send the error to.
            raise flaw from None
        return msgspec.structs.replace(its, flaw=flaw)
    return _addressed(inside, client, context)


def find_waiting(
    name: str, browser: Browser, context: Context
) -> Rule[tuple[ValidRequest, Pending]]:
    """The request that waits for this browser, checked again (ATTACKS A65, A80). Raises OAuthError,
    for a page, if it is over or was started in another browser."""
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
    """The request of an app on another device, which this interaction answers."""
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
    """Raises RequestOver if the request was answered since it was read."""
    query = One(Pending, pending.id)
    found = (yield (query,)).one(query)
    if found is None or found.kind != pending.kind:
        raise RequestOver


_WITHOUT_A_USER: Final = frozenset({"interaction", "pushed", "device", "handoff"})


def forget(name: str) -> Rule[Outcome]:
    """Deletes a waiting request, unless a user has signed in for it or answered it."""
    query = One(Pending, name)
    pending = (yield (query,)).one(query)
    if pending is None or pending.kind not in _WITHOUT_A_USER or pending.session or pending.answers:
        return Outcome()
    if pending.decoupled is not None and pending.decoupled.answer:
        return Outcome()
    if pending.kind == "handoff" and pending.confirmed:
        return Outcome()
    return Outcome(changes=(Remove(pending),))


def remember_sign_in(
    name: str, browser: Browser, session: str, *, context: Context
) -> Rule[Outcome]:
    """Stores the session that was made for a waiting request."""
    _, pending = yield from find_waiting(name, browser, context)
    noted = msgspec.structs.replace(pending, session=session)
    return Outcome(changes=(Update(noted),))


def remember_choice(name: str, browser: Browser, chosen: str, *, context: Context) -> Rule[Outcome]:
    """Stores the session that the user chose for a waiting request."""
    _, pending = yield from find_waiting(name, browser, context)
    return Outcome(changes=(Update(msgspec.structs.replace(pending, chosen=chosen)),))


def understand_and_check(
    form: Form, client: Client, context: Context, *, pushed: bool = False
) -> AuthorizationRequest:
    """Parses the request and makes every check. Raises OAuthError with a registered code."""
    request = understand(form, client, context, pushed=pushed)
    request = msgspec.structs.replace(request, managed=managing.read(form, client, context))
    for check in CHECKS:
        check(request, context)
    return request


def finish(
    valid_request: ValidRequest, context: Context, *, code: bytes = b""
) -> tuple[Change, ...]:
    """The changes that end a request after a yes or a no, so that it can't be used again. `code`
    has the contents of the code after a yes, for an app that fetches it."""
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
