"""The browser that comes back from the platform.

It brings a secret that only the platform's answer has, and the cookie of the browser that began: an
attacker who begins has one of them, a victim who follows a link the other. A wrong browser ends the
interaction.
"""

from typing import Final, TypeAlias
from urllib.parse import urlencode

import msgspec

from valetkey.server.model.client import Client
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import One, OneByAlias, Rule
from valetkey.server.model.user import Identity, identity_alias
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.reply_address import ReplyTo, address
from valetkey.server.oauth.authorize.request import AUTHORIZE
from valetkey.server.oauth.authorize.request_stages import RequestOver, find_waiting
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.sign_in.interaction import (
    WAY,
    Interaction,
    PlatformAnswer,
    UnknownInteraction,
    ended,
    find_interaction,
    is_secret_of,
)
from valetkey.server.oauth.sign_in.ticket import read_sealed, write_sealed
from valetkey.spec.errors import OAuthError
from valetkey.wire import redirect
from valetkey.wire.form import Form


class Answered(Outcome, frozen=True, kw_only=True, eq=False):
    """The platform's answer, for this browser, now used. `user` is the id of the user that it is
    about, "" for one who was never here."""

    handle: str
    interaction: Interaction
    answer: PlatformAnswer
    user: str

    def __repr__(self) -> str:
        return "Answered(…)"


class StartAgain(Outcome, frozen=True, kw_only=True, eq=False):
    """There is nothing to use: the browser may start again. `why` is for the log."""

    handle: str
    why: str


class WrongBrowser(Outcome, frozen=True, kw_only=True, eq=False):
    """This is not the browser that began, or it has lost its cookie. The interaction is over.
    `silent`: no page may be shown; the error goes to `reply_to`, if there is one, which is that of
    `client`."""

    handle: str
    silent: bool = False
    reply_to: ReplyTo | None = None
    client: Client | None = None


Returned: TypeAlias = Answered | StartAgain | WrongBrowser


def take(text: str, browser: Browser, context: Context) -> Rule[Returned]:
    """Use the answer of the interaction that a browser comes back from. `text` is what it brings.
    Raises RequestOver, for a page, if that was never issued here."""
    handle, _, secret = text.partition(".")
    try:
        row, interaction = yield from find_interaction(handle)
    except UnknownInteraction:
        raise RequestOver(detail="no such interaction") from None
    if not is_secret_of(handle, secret, context):
        raise RequestOver(detail="another secret than that of the interaction")
    if interaction.ended:
        return StartAgain(handle=handle, why=interaction.ended)
    if row.browser != browser.id:
        return (yield from _wrong_browser(row, interaction, context))
    if context.env.now >= row.expires:
        return StartAgain(handle=handle, why="lapsed")
    if interaction.answer is None:
        raise RequestOver(detail="no answer yet")
    if interaction.pending and not (yield from _waits(interaction.pending, browser, context)):
        return StartAgain(handle=handle, why="its request is over")
    identity = OneByAlias(Identity, identity_alias(WAY, interaction.answer.subject))
    known = (yield (identity,)).one(identity)
    return Answered(
        user="" if known is None else known.user,
        handle=handle,
        interaction=interaction,
        answer=interaction.answer,
        changes=(ended(row, interaction, "used"),),
    )


def _waits(name: str, browser: Browser, context: Context) -> Rule[bool]:
    try:
        yield from find_waiting(name, browser, context)
    except RequestOver:
        return False
    return True


def _wrong_browser(row: Pending, interaction: Interaction, context: Context) -> Rule[WrongBrowser]:
    silent, reply_to, client = interaction.question.silent, None, None
    if silent:
        query = One(Client, row.client)
        client = (yield (query,)).one(query)
        if client is not None:
            _, reply_to = address(_form(row), client, context)
    return WrongBrowser(
        handle=row.id,
        silent=silent,
        reply_to=reply_to,
        client=client,
        changes=(ended(row, interaction, "burned"),),
    )


# Start again: for a tab that was left for too long, a back button, a lost cookie. It changes
# nothing, and leads nowhere that a link could not.


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Where a browser starts again: its waiting request, a page of this server, or an address of an
    app, which is `verified` or not."""

    pending: str = ""
    target: str = ""
    address: str = ""
    verified: bool = False


def restart(handle: str, browser: Browser, context: Context) -> Rule[Start]:
    """Where this browser starts again. Raises RequestOver, for a page."""
    try:
        row, interaction = yield from find_interaction(handle)
    except UnknownInteraction:
        raise RequestOver(detail="no such interaction") from None
    if not interaction.pending:
        return Start(target=interaction.target)
    if row.browser == browser.id and (yield from _waits(interaction.pending, browser, context)):
        return Start(pending=interaction.pending)
    if not row.parameters:
        raise RequestOver(detail="its request came from another device")
    if not row.pushed:
        sent = [*row.parameters.items(), *(("resource", one) for one in row.resources)]
        return Start(target=f"{AUTHORIZE}?{urlencode(sent)}")
    query = One(Client, row.client)
    client = (yield (query,)).one(query)
    if client is None or client.status != "active":
        raise RequestOver(detail="its app is gone")
    return Start(address=_start_of(client, context), verified=client.verified)


def _start_of(client: Client, context: Context) -> str:
    """Where an app begins, whose requests only it can send (RFC 9126)."""
    if client.initiate_login_uri:
        # OpenID Connect Core 4: the app starts its own request.
        issuer = context.installation.issuer
        return redirect.with_parameters(client.initiate_login_uri, {"iss": issuer})
    if not client.uri.startswith("https:"):
        raise RequestOver(detail=f"{client.id} has no address to start at")
    return client.uri


def _form(row: Pending) -> Form:
    return Form(row.parameters, {"resource": row.resources})


# Signing out here, and then at the platform: the browser carries what comes afterwards, sealed.

LOGOUT_SECONDS: Final = 600
LOGOUT_PURPOSE: Final = b"sign-out at the platform"
MAX_TICKET: Final = 6000


class LogoutTicket(msgspec.Struct, frozen=True, array_like=True):
    """Where the browser `browser` goes after it has signed out at the platform: to `onward`, an
    address that was checked, "" for our own page. `led`: without a click. `expires` is in seconds
    since 1970."""

    browser: str
    onward: str
    led: bool
    expires: int


def write_ticket(onward: str, browser: Browser, context: Context, *, led: bool) -> str:
    """A ticket for the way to the platform and back."""
    ticket = LogoutTicket(browser.id, onward, led, context.env.now + LOGOUT_SECONDS)
    return write_sealed(ticket, LOGOUT_PURPOSE, context)


def read_ticket(text: str, browser: Browser, context: Context) -> LogoutTicket | None:
    """The ticket of this browser, None for any other text."""
    ticket = read_sealed(text, LogoutTicket, LOGOUT_PURPOSE, most=MAX_TICKET, context=context)
    if ticket is None or ticket.browser != browser.id or context.env.now >= ticket.expires:
        return None
    return ticket


def rejection(answer: PlatformAnswer, errors: dict[str, type[OAuthError]]) -> OAuthError:
    """The platform's no as the error for the app."""
    return errors[answer.error](answer.description, detail=f"{answer.client} rejected")
