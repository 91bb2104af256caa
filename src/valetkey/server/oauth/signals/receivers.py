"""Receivers of shared signals: APIs, which authenticate with their secret, and apps that opted in,
which use client authentication or a token of their own."""

from typing import Final

import msgspec

from valetkey.server.model.client import Client, Extension
from valetkey.server.model.query import One, Rule
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.stream import Signal, Stream
from valetkey.server.oauth.clients.authentication import authenticate, authenticate_resource_server
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Call
from valetkey.server.oauth.core.subjects import session, subject
from valetkey.server.oauth.senders.binding import check_presented
from valetkey.server.oauth.tokens.state import Dead, token_state
from valetkey.spec.errors import InsufficientScope, InvalidToken
from valetkey.wire import security_event
from valetkey.wire.security_event import VERIFICATION, Subject

NAME: Final = "shared signals"
"""The name of the feature in settings, and the kind of its messages."""

EXTENSION: Final[Extension] = "shared_signals"

READ: Final = "ssf.read"
MANAGE: Final = "ssf.manage"

SCOPES: Final = (READ, MANAGE)
"""Scopes of an app's own token (CAEP Interoperability Profile). They are no permissions."""


def receives(client: Client, context: Context) -> bool:
    """Whether the app has opted in, and is allowed to: it has to be a confidential client."""
    if EXTENSION not in client.understands or client.is_public:
        return False
    return NAME in context.installation.enabled_features


class Receiver(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A receiver: the name of its stream, and the client or API."""

    name: str
    party: Client | ResourceServer

    @property
    def audience(self) -> str:
        """The `aud` of its tokens."""
        party = self.party
        return party.id if isinstance(party, Client) else party.catalog.resource


def receiver(call: Call, scope: str, context: Context) -> Rule[Receiver]:
    """The calling receiver. Raises InvalidClient, InvalidToken, InsufficientScope."""
    if call.request.token:
        return (yield from _by_token(call, scope, context))
    server = yield from authenticate_resource_server(call, context)
    if server is not None:
        return Receiver(name=f"resource {server.id}", party=server)
    by = yield from authenticate(call, context)
    return _app(by.client, context)


def _by_token(call: Call, scope: str, context: Context) -> Rule[Receiver]:
    yield from check_presented(call.scheme, call.request, context)
    live = yield from token_state(call.request.token, context)
    if isinstance(live, Dead):
        raise InvalidToken(detail=live.why)
    # A user's token is not accepted here, whatever its scope.
    if live.standing is not None or live.token.aud != (context.installation.issuer,):
        raise InvalidToken(detail="not a client's own token for this server")
    if live.token.scopes.isdisjoint((scope, MANAGE)):
        raise InsufficientScope
    return _app(live.client, context)


def _app(client: Client, context: Context) -> Receiver:
    if not receives(client, context):
        raise InsufficientScope("this app has not opted into shared signals")
    return Receiver(name=f"client {client.id}", party=client)


def of(stream: Stream, context: Context) -> Rule[Receiver | None]:
    """The receiver of a stream; None if it was removed, is suspended, or opted out."""
    kind, _, name = stream.receiver.partition(" ")
    if kind == "resource":
        server = One(ResourceServer, name)
        found = (yield (server,)).one(server)
        return None if found is None else Receiver(name=stream.receiver, party=found)
    client = One(Client, name)
    app = (yield (client,)).one(client)
    if app is None or app.status != "active" or not receives(app, context):
        return None
    return Receiver(name=stream.receiver, party=app)


def about(signal: Signal, to: Receiver, context: Context) -> Subject:
    """The subject of a signal, as its receiver knows it."""
    if signal.event == VERIFICATION:
        # Shared Signals Framework 8.1.4.1: the stream itself.
        return security_event.opaque(signal.stream)
    members: dict[str, Subject] = {}
    if signal.user:
        members["user"] = security_event.user(
            context.installation.issuer, known_as(signal.user, to, context)
        )
    for name, value in (
        ("application", signal.client),
        ("device", signal.family),
        ("session", _session(signal.sid, to, context)),
    ):
        if value:
            members[name] = security_event.opaque(value)
    return security_event.whole(members)


def known_as(user: str, to: Receiver, context: Context) -> str:
    """The `sub` by which a receiver knows a user."""
    party = to.party
    return subject(user, party, context.installation.keyring) if isinstance(party, Client) else user


def _session(sid: str, to: Receiver, context: Context) -> str:
    return (
        session(sid, to.party, context.installation.keyring) if isinstance(to.party, Client) else ""
    )
