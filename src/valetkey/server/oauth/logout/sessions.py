"""The end of sessions, and the logout messages to apps.

An app takes part in a session if it got an ID Token in it. Its grants stay: they don't end with the
browser's session (see `explanation/grant`).
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

import msgspec

from valetkey.jose import base64url, jwt
from valetkey.jose.jwk import PrivateKey
from valetkey.server.model.change import Change, Create, Remove
from valetkey.server.model.client import Client
from valetkey.server.model.event import By, event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.query import Many, One, Rule, existing
from valetkey.server.model.stream import LEASE, Job
from valetkey.server.model.user import Session
from valetkey.server.oauth.core import message_delivery
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.feature import Feature
from valetkey.server.oauth.core.message_delivery import Delivery, Message, signed_message
from valetkey.server.oauth.core.subjects import session, subject
from valetkey.server.oauth.core.subjects import session as known_as
from valetkey.spec import names
from valetkey.spec.names import Cite
from valetkey.wire import redirect

BACKCHANNEL: str = "back-channel logout"
FRONTCHANNEL: str = "front-channel logout"
"""The names of the two features. The first one is also the kind of its messages."""


class SignedInApp(msgspec.Struct, frozen=True):
    """An app that takes part in a session, and the `sid`."""

    client: Client
    user: str
    sid: str


Apps: TypeAlias = tuple[SignedInApp, ...]


class Ended(Outcome, frozen=True, kw_only=True, eq=False):
    """The session has ended, perhaps before. `frames` are the logout pages of apps that the browser
    has to load, `jobs` the messages to apps, which the caller may deliver at once."""

    frames: tuple[str, ...] = ()
    jobs: tuple[Job, ...] = ()


def apps(user: str, context: Context, *, sids: Iterable[str] = ()) -> Rule[Apps]:
    """The apps that take part in sessions of the user: in those of `sids`, or in any."""
    grants = Many(Grant, "user", user)
    theirs = (yield (grants,)).many(grants)
    if not theirs:
        return ()
    queries = {grant.id: Many(TokenFamily, "grant", grant.id) for grant in theirs}
    results = yield tuple(queries.values())
    families = [family for want in queries.values() for family in results.many(want)]
    return (yield from _apps(families, frozenset(sids)))


def _apps(families: Sequence[TokenFamily], sids: frozenset[str]) -> Rule[Apps]:
    triples = {
        (family.client, family.user, family.session): None
        for family in families
        if family.session and names.OPENID in family.permissions
        if not sids or family.session in sids
    }
    clients = yield from existing({name: One(Client, name) for name, _, _ in triples})
    return tuple(
        SignedInApp(clients[name], user, sid) for name, user, sid in triples if name in clients
    )


def end(name: str, context: Context) -> Rule[Ended]:
    """Ends a session, and notifies its apps."""
    query = One(Session, name)
    session = (yield (query,)).one(query)
    if session is None:
        return Ended()
    signed_in = yield from apps(session.user, context, sids=(session.sid,))
    messages = logout_messages(signed_in, context, wait=LEASE)
    return Ended(
        changes=(Remove(session), *messages),
        events=(event(context.env, "signed-out", by="user", user=session.user),),
        frames=_frames(signed_in, context),
        jobs=tuple(change.record for change in messages if isinstance(change.record, Job)),
    )


def everywhere(user: str, *, by: By, context: Context, reason: str = "") -> Rule[Ended]:
    """Ends all sessions of the user, and notifies their apps. The user reads the reason."""
    query = Many(Session, "user", user)
    theirs = (yield (query,)).many(query)
    return (yield from end_all(theirs, by=by, note="everywhere", context=context, reason=reason))


def end_elsewhere(user: str, *, current: str, only: str = "", context: Context) -> Rule[Ended]:
    """Ends the user's session with the id `only`, or all but `current`, and notifies their apps.
    `current` stays, and so do sessions of other users."""
    query = Many(Session, "user", user)
    theirs = (yield (query,)).many(query)
    selected = [one for one in theirs if one.id != current and only in ("", one.id)]
    return (yield from end_all(selected, by="user", note="elsewhere", context=context))


def end_all(
    theirs: Sequence[Session], *, by: By, note: str, context: Context, reason: str = ""
) -> Rule[Ended]:
    """Ends these sessions of one user, and notifies their apps. `note` and `reason` are those of
    the event."""
    if not theirs:
        return Ended()
    user = theirs[0].user
    signed_in = yield from apps(user, context, sids=(one.sid for one in theirs))
    return Ended(
        changes=(*(Remove(one) for one in theirs), *logout_messages(signed_in, context)),
        events=(event(context.env, "signed-out", by=by, user=user, note=note, reason=reason),),
    )


def logout_messages(signed_in: Apps, context: Context, *, wait: int = 0) -> tuple[Create, ...]:
    """The back-channel logout messages to apps."""
    if BACKCHANNEL not in message_delivery.deliveries(context):
        return ()
    return tuple(
        message_delivery.enqueue(
            BACKCHANNEL,
            one.client.backchannel_logout_uri,
            context=context,
            user=one.user,
            client=one.client.id,
            facts={"sid": one.sid},
            wait=wait,
        )
        for one in signed_in
        if one.client.backchannel_logout_uri
    )


def sign_out_everywhere(
    user: str, context: Context, *, client: str = ""
) -> Rule[tuple[Change, ...]]:
    """Signs the user out of all apps, or of one."""
    signed_in = yield from apps(user, context)
    return logout_messages(
        tuple(one for one in signed_in if client in ("", one.client.id)), context
    )


def _frames(signed_in: Apps, context: Context) -> tuple[str, ...]:
    """OpenID Connect Front-Channel Logout 2: always with `iss` and `sid`."""
    if FRONTCHANNEL not in context.installation.enabled_features:
        return ()
    issuer, keyring = context.installation.issuer, context.installation.keyring
    return tuple(
        redirect.with_parameters(
            one.client.frontchannel_logout_uri,
            {"iss": issuer, "sid": known_as(one.sid, one.client, keyring)},
        )
        for one in signed_in
        if one.client.frontchannel_logout_uri
    )


# Back-channel logout: the server notifies an app that a session has ended.

CITE: Final = Cite("OpenID Connect Back-Channel Logout", "2.5")
TOKEN: Final = Cite("OpenID Connect Back-Channel Logout", "2.4")
TYPE: Final = "logout+jwt"
EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
SECONDS: Final = 120
"""The lifetime of a logout token: it is made when it is sent."""


class LogoutToken(jwt.Claims, frozen=True, kw_only=True):
    """The claims of a logout token: a session of a user is over, as `events` says. Without a nonce
    it cannot pass for an ID Token."""

    sub: str
    aud: str
    jti: str
    sid: str
    events: dict[str, dict[str, Any]]


def write(job: Job, context: Context) -> Rule[Message | None]:
    """The message, if the app still has this logout address."""
    query = One(Client, job.client)
    client = (yield (query,)).one(query)
    if client is None or client.backchannel_logout_uri != job.url:
        return None
    keyring = context.installation.keyring
    token = LogoutToken(
        iss=context.installation.issuer,
        iat=context.env.now,
        exp=context.env.now + SECONDS,
        sub=subject(job.user, client, keyring),
        aud=client.id,
        # The same for each attempt, so that the app can recognize a repeated message.
        jti=base64url.encode(job.id.encode()),
        sid=session(job.facts["sid"], client, keyring),
        events={EVENT: {}},
    )
    sign = partial(_body, token, context.id_token_key(client))
    return signed_message(sign, keyring, content_type="application/x-www-form-urlencoded")


def _body(token: LogoutToken, key: PrivateKey) -> bytes:
    return urlencode({"logout_token": jwt.sign(token, key=key, typ=TYPE)}).encode()


BACKCHANNEL_LOGOUT: Final = Feature(
    name=BACKCHANNEL,
    cites=(CITE, TOKEN),
    deliveries=(Delivery(kind=BACKCHANNEL, cite=CITE, write=write),),
    metadata=lambda _: {
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    },
)
