"""Polling: an app on another device asks for the user's answer (RFC 8628 3.4, 3.5; CIBA Core 10.1,
11)."""

from typing import Final

import msgspec

from valetkey.jose.seal import digest, same
from valetkey.server.model.change import Update
from valetkey.server.model.pending import DecoupledRequest, Kind, Pending
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Issue, Refuse
from valetkey.server.oauth.core.feature import Authenticated
from valetkey.server.oauth.grant_types import authorization_code, narrowing
from valetkey.server.oauth.tokens import code as codes
from valetkey.server.oauth.tokens.code import Code
from valetkey.spec.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InvalidGrant,
    OAuthError,
    SlowDown,
)
from valetkey.wire import opaque

INTERVAL: Final = 5
"""Seconds between two polls, at first."""

STEP: Final = 5
"""Seconds added for a client that polls too soon (RFC 8628 3.5)."""

LEEWAY: Final = 1
"""Seconds by which a poll may come too soon, because the poll before was slow on its way."""

ID: Final = 16


class PollRequest(msgspec.Struct, frozen=True):
    """The parameters of a poll: the handle of the client's request."""

    handle: str
    narrowing: narrowing.Narrowing

    def __repr__(self) -> str:
        return "Visiting(…)"


def handle(kind: opaque.Kind, name: str, secret: bytes) -> str:
    """The handle of a request: the name of its row (32 hex digits) and the app's secret."""
    return opaque.write(kind, bytes.fromhex(name) + secret)


def secret_digest(secret: bytes) -> str:
    """The digest of the secret that the row stores."""
    return digest(secret.hex())


def poll(
    request: PollRequest,
    caller: Authenticated,
    context: Context,
    *,
    kind: Kind,
    prefix: opaque.Kind,
) -> Rule[Issue | Refuse]:
    """Issue tokens after the user allowed the request. Until then, answer with the registered
    codes."""
    name, secret = _read(request.handle, prefix)
    wanted = One(Pending, name)
    row = (yield (wanted,)).one(wanted)
    if row is None or row.kind != kind or row.decoupled is None:
        raise InvalidGrant(detail="no such request")
    if not same(row.decoupled.digest.encode(), secret_digest(secret).encode()):
        raise InvalidGrant(detail="another secret")
    if row.client != caller.client.id:
        # ATTACKS A37, A50: another party may have the handle.
        raise InvalidGrant(detail="another client's request")
    if context.env.now >= row.expires:
        # RFC 8628 3.2, CIBA Core 7.3: a request expires when the answer said, answered or not.
        return Refuse(error=ExpiredToken())
    if row.decoupled.answer != "yes":
        return _not_yet(row, row.decoupled, context)
    code = codes.contents(row.contents)
    if not isinstance(code, Code):
        raise InvalidGrant(detail="the answer has no contents")
    redemption = authorization_code.Redemption("", "", "", request.narrowing)
    return (yield from authorization_code.redeem(code, redemption, caller, context=context))


def _not_yet(row: Pending, at: DecoupledRequest, context: Context) -> Refuse:
    if at.answer == "no":
        return Refuse(error=AccessDenied(status=400))
    if at.polled and context.env.now + LEEWAY < at.polled + at.interval:
        slower = msgspec.structs.replace(at, polled=context.env.now, interval=at.interval + STEP)
        return _noted(row, slower, SlowDown())
    seen = msgspec.structs.replace(at, polled=context.env.now)
    return _noted(row, seen, AuthorizationPending())


def _noted(row: Pending, at: DecoupledRequest, error: OAuthError) -> Refuse:
    return Refuse(error=error, changes=(Update(msgspec.structs.replace(row, decoupled=at)),))


def _read(text: str, prefix: opaque.Kind) -> tuple[str, bytes]:
    try:
        raw = opaque.read(prefix, text)
    except opaque.NotOpaque as error:
        raise InvalidGrant(detail=f"handle: {error}") from error
    return raw[:ID].hex(), raw[ID:]
