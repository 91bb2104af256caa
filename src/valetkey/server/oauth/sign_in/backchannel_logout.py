"""Back-channel logout by a provider: the user signed out there, so sessions here end (OpenID
Connect Back-Channel Logout 2.5 to 2.8)."""

from typing import Any, Final

import msgspec

from valetkey.jose import jws, jwt
from valetkey.jose.objects import read_object
from valetkey.server.model.change import Create
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.query import Many, OneByAlias, Rule
from valetkey.server.model.user import Identity, Session, identity_alias, session_alias
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.single_use import is_used
from valetkey.server.oauth.logout.sessions import EVENT, TYPE, Ended, end_all
from valetkey.server.oauth.sign_in.identity import keys_for
from valetkey.server.oauth.sign_in.provider import find_provider
from valetkey.server.oauth.sign_in.upstream import SignInFailed, Upstream
from valetkey.spec.errors import InvalidRequest, TemporarilyUnavailable
from valetkey.spec.names import Cite
from valetkey.wire import id_token

CITE: Final = Cite("OpenID Connect Back-Channel Logout", "2.6")
USED: Final = "upstream logout"
"""The purpose of single-use values for logout tokens."""

LONGEST: Final = 600
"""Seconds for which a logout token may be valid, at the most, and how old it may be."""

_MAX_JTI: Final = 255


class LogoutClaims(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of a logout token."""

    iss: str
    aud: str | tuple[str, ...]
    iat: float
    exp: float | None = None
    jti: str
    events: dict[str, Any]
    sub: str = ""
    sid: str = ""
    nonce: Any = None


def log_out(token: str, upstream: Upstream, context: Context) -> Rule[Ended]:
    """Ends the sessions that the token names, and notifies their apps. A token that comes again
    ends nothing. Raises InvalidRequest for a bad token, TemporarilyUnavailable if the provider's
    keys can't be fetched."""
    try:
        claims = yield from _claims(token, upstream, context)
    except SignInFailed as failed:
        if failed.why == "down":
            raise TemporarilyUnavailable(detail=failed.detail) from failed
        raise InvalidRequest("the logout token is not valid", detail=failed.detail) from failed
    except (jwt.BadToken, ValueError, msgspec.ValidationError) as bad:
        raise InvalidRequest("the logout token is not valid", detail=f"logout: {bad}") from bad
    marker = SingleUse(
        purpose=USED,
        value=f"{upstream.name} {claims.jti}",
        expires=context.env.now + LONGEST + jwt.SKEW,
    )
    if (yield from is_used(marker)):
        return Ended()
    sessions = yield from _sessions(claims, upstream)
    ended = yield from end_all(sessions, by="server", note="elsewhere", context=context)
    return msgspec.structs.replace(ended, changes=(Create(marker), *ended.changes))


def _claims(token: str, upstream: Upstream, context: Context) -> Rule[LogoutClaims]:
    provider = yield from find_provider(upstream)
    issuer = upstream.issuer_of(id_token.unverified_claims(token))
    keys = yield from keys_for(token, provider)
    payload = jws.verify(token, keys, algorithms=provider.algorithms, typ=(TYPE, "jwt", ""))
    claims = msgspec.convert(read_object(payload), LogoutClaims)
    audience = (claims.aud,) if isinstance(claims.aud, str) else claims.aud
    rules = (
        (claims.iss == issuer, "issued by another"),
        (upstream.client_id in audience, "meant for another client"),
        (isinstance(claims.events.get(EVENT), dict), "no logout event"),
        (claims.sub or claims.sid, "neither sub nor sid"),
        # 2.4: so that an ID Token never passes for one.
        (claims.nonce is None, "a nonce"),
        (0 < len(claims.jti) <= _MAX_JTI, "jti is empty or too long"),
    )
    why = next((why for holds, why in rules if not holds), "") or jwt.why_not(
        context.env.now, exp=claims.exp, iat=claims.iat, longest=LONGEST
    )
    if why:
        raise jwt.BadToken(why)
    return claims


def _sessions(claims: LogoutClaims, upstream: Upstream) -> Rule[tuple[Session, ...]]:
    """The sessions: that of the `sid`, or all that the user opened by this provider."""
    sessions: tuple[Session, ...] = ()
    if claims.sid:
        of_sid = OneByAlias(Session, session_alias(upstream.name, claims.sid))
        one = (yield (of_sid,)).one(of_sid)
        sessions = () if one is None else (one,)
        if not claims.sub:
            return sessions
    source = upstream.source_of(claims.iss)
    of_sub = OneByAlias(Identity, identity_alias(source, claims.sub))
    identity = (yield (of_sub,)).one(of_sub)
    if identity is None:
        return ()
    if claims.sid:
        return tuple(one for one in sessions if one.user == identity.user)
    every = Many(Session, "user", identity.user)
    return tuple(one for one in (yield (every,)).many(every) if one.way == upstream.name)
