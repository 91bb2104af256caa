"""What the authorization endpoint and its pages can come to."""

from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec

from valetkey.jose.seal import digest
from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create
from valetkey.server.model.client import Client
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant
from valetkey.server.model.limits import Bounds
from valetkey.server.model.pending import Pending
from valetkey.server.model.user import User
from valetkey.server.oauth.authorize.browser_session import Browser, Person, session_state
from valetkey.server.oauth.authorize.interaction import Why
from valetkey.server.oauth.authorize.reply_address import ReplyTo
from valetkey.server.oauth.authorize.request_stages import ValidRequest, finish
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.offer import Locked
from valetkey.server.oauth.tokens import code as codes
from valetkey.server.oauth.tokens.code import Code, CodeReference
from valetkey.spec.errors import OAuthError
from valetkey.wire.catalog import Permission
from valetkey.wire.key_shards import Tier


class Deny(Outcome, frozen=True, kw_only=True, eq=False):
    """The request is denied. `reply_to` is None if the error is only for the user. `interstitial`:
    ask the user before a redirect to an unverified app (RFC 9700 4.11.2). `person` reads why, if
    it is their organizations that don't allow the app (`AppNotAllowed`), and may ask them for
    `permissions`; None if there is nothing to read, or nobody to read it."""

    error: OAuthError
    reply_to: ReplyTo | None = None
    client: Client | None = None
    interstitial: bool = False
    person: Person | None = None
    permissions: tuple[str, ...] = ()


class Login(Outcome, frozen=True, kw_only=True, eq=False):
    """The user has to sign in. `user` is the user who is signed in already and has to sign in
    again; `anew`: from the first stage on. `create`: the app requests a new account. `level` is the
    level that the sign-in has to reach, `preferred` the one that the app would like, "" for any;
    `fresh`: it is for permissions of high risk, so a device that the user trusts is not enough."""

    pending: Pending
    client: Client
    reply_to: ReplyTo
    login_hint: str = ""
    user: User | None = None
    anew: bool = False
    create: bool = False
    level: str = ""
    preferred: str = ""
    fresh: bool = False


class Choose(Outcome, frozen=True, kw_only=True, eq=False):
    """The user has to choose an account: `user`, who is signed in, or another one."""

    pending: Pending
    client: Client
    reply_to: ReplyTo
    user: User


class Row(msgspec.Struct, frozen=True):
    """A permission on the consent page. `required`: the app does not work without it. `reason` is
    the app's own text. `refused`: the user refused it before. `ticked` is the initial state of the
    checkbox; `implied` are the permissions that it includes."""

    permission: Permission
    required: bool
    reason: str
    refused: bool
    ticked: bool = True
    implied: tuple[Permission, ...] = ()


class Consent(Outcome, frozen=True, kw_only=True, eq=False):
    """The user has to be asked. `new` is to be decided, `kept` stands already, `cannot` is all the
    rest of the platform, by API; `bounds` are the limits that the app proposes for what is new,
    `lasts` for how many seconds it wants the key (0 for until it is stopped), `once`: for just
    once. `ends` is when a key that is there ends by itself, 0 for never. `broad`: the app asks for
    so much that nothing risky is ticked.
    `tier`: the key is to be held in so many parts.
    `sheet_digest` is a digest of all that the page displays: an answer to another page doesn't
    count."""

    pending: Pending
    client: Client
    user: User
    reply_to: ReplyTo
    why: Why
    new: tuple[Row, ...]
    broad: bool = False
    sheet_digest: str
    already_granted: tuple[Permission, ...]
    cannot: tuple[Locked, ...]
    bounds: Mapping[str, Bounds] = {}
    lasts: int = 0
    once: bool = False
    ends: int = 0
    tier: Tier | None = None


class Confirm(Outcome, frozen=True, kw_only=True, eq=False):
    """The user has to say whether they mean this request, which another device made: `asked` is
    its row, `code` what that device shows (RFC 8628 5.4)."""

    pending: Pending
    client: Client
    waiting: Pending
    code: str


class Permit(Outcome, frozen=True, kw_only=True, eq=False):
    """The request is permitted: the code goes back to the app. It is "" if the app fetches the
    answer. `session_state` is for session management, "" for none."""

    reply_to: ReplyTo
    code: str = ""
    session_state: str = ""

    def __repr__(self) -> str:
        return f"Permit(to={self.reply_to.uri!r})"


AuthorizeDecision: TypeAlias = Deny | Login | Choose | Confirm | Consent | Permit


# The authorization response: a code for the app (RFC 6749 4.1.2).


def permit(
    valid_request: ValidRequest,
    person: Person,
    grant: Grant,
    *,
    browser: Browser,
    context: Context,
    changes: tuple[Change, ...] = (),
    events: tuple[Event, ...] = (),
) -> Permit:
    """Permits the request under this grant. `changes` and `events` are those of the grant."""
    if valid_request.decoupled is not None:
        fetched = _contents(valid_request, person, grant, browser=browser, context=context)
        raw = msgspec.msgpack.encode(fetched)
        closing = finish(valid_request, context, code=raw)
        return Permit(
            reply_to=valid_request.client_request.reply_to,
            changes=(*changes, *closing),
            events=events,
        )
    code, stored = _code(valid_request, person, grant, browser=browser, context=context)
    client, reply_to = valid_request.request.client.id, valid_request.client_request.reply_to
    return Permit(
        reply_to=reply_to,
        code=code,
        session_state=(
            session_state(client, reply_to, browser, context=context)
            if "openid" in valid_request.request.scope
            else ""
        ),
        changes=(*changes, *stored, *finish(valid_request, context)),
        events=events,
    )


def repeat_permit(code: str, reply_to: ReplyTo, *, session_state: str = "") -> Permit:
    """The same answer again, with the same code (see `repeated_answer`)."""
    return Permit(reply_to=reply_to, code=code, session_state=session_state)


def _code(
    valid_request: ValidRequest, person: Person, grant: Grant, *, browser: Browser, context: Context
) -> tuple[str, tuple[Change, ...]]:
    """The code, and the change that stores its contents if they are too large for it."""
    code = _contents(valid_request, person, grant, browser=browser, context=context)
    raw = msgspec.msgpack.encode(code)
    if len(raw) <= codes.MAX_BYTES:
        return codes.write(raw, context.installation.keyring, context.env), ()
    pending = _stored_code(code, raw, context)
    reference = msgspec.msgpack.encode(CodeReference(pending=pending.id))
    return codes.write(reference, context.installation.keyring, context.env), (Create(pending),)


def _contents(
    valid_request: ValidRequest, person: Person, grant: Grant, *, browser: Browser, context: Context
) -> Code:
    """The contents of the code. An app on another device may fetch it until its request expires."""
    request, row = valid_request.request, valid_request.decoupled
    return Code(
        client=request.client.id,
        redirect_uri=digest(valid_request.client_request.reply_to.uri),
        redirect_sent=request.redirect_sent,
        challenge=request.challenge,
        nonce=request.nonce,
        user=person.user.id,
        grant=grant.id,
        family=ids.owned_id(context.env, owner=person.user.id),
        session=person.session.sid,
        auth_time=person.session.auth_time,
        scope=request.scope,
        permissions=grant.allows(request.permissions),
        resources=request.resources,
        device=browser.device if row is None or row.decoupled is None else row.decoupled.agent,
        # RFC 8628 3.2: what another device fetches ends with its request.
        expires=context.env.now + context.installation.lifetimes.code
        if row is None
        else row.expires,
        jkt=request.jkt,
        amr=person.session.amr,
        acr=person.session.acr,
        userinfo_claims=request.requested_claims.userinfo,
        id_token_claims=request.requested_claims.id_token,
        renews=bool(request.managed.grant),
        details=request.rich.types,
        instance=request.instance,
        tier=request.tier,
        browser=browser.id[:_BROWSER] if _has_one_family(valid_request) else "",
    )


_BROWSER: Final = 32
"""Hex digits of the browser id in a code: enough to distinguish the browsers of a user."""


def _has_one_family(valid_request: ValidRequest) -> bool:
    """Whether the client has one family for each browser: it doesn't rotate refresh tokens, and the
    request is neither for another device, nor for a sharded key, nor for grant management."""
    request = valid_request.request
    elsewhere = valid_request.decoupled is not None
    return not (
        request.client.is_public or elsewhere or request.tier is not None or request.managed.grant
    )


def _stored_code(code: Code, raw: bytes, context: Context) -> Pending:
    return Pending(
        id=ids.free_id(context.env),
        kind="code",
        client=code.client,
        contents=raw,
        created=context.env.now,
        # Stored longer than the code is valid, so that the server recognizes a replay.
        expires=code.expires + 600,
    )
