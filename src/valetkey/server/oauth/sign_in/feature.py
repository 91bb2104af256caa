"""The hand-off: a platform with a sign-in page of its own signs users in, and ends their sessions.

The endpoints are this server's own. The clients that call them authenticate as at the token
endpoint (RFC 6749 2.3).
"""

from collections.abc import Callable
from typing import Final

from valetkey.server.model.query import Many, OneByAlias, Rule
from valetkey.server.model.user import Identity, Session, identity_alias, session_alias
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Refuse
from valetkey.server.oauth.core.feature import Call, ClientScopes, Endpoint, Feature
from valetkey.server.oauth.logout.sessions import end_all
from valetkey.server.oauth.sign_in.answer import SCOPE, accept, answering_client, read, reject
from valetkey.server.oauth.sign_in.interaction import FORM_POST, RESTART, RETURN, WAY
from valetkey.spec.errors import InvalidRequest
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 6749", "2.3")

NAME: Final = "hand-off"


def end_sessions(call: Call, context: Context) -> Rule[Answer | Refuse]:
    """End the sessions that began at the platform: one by the platform's id of it, or all of a
    user. Apps are notified as at any sign-out. Grants stay."""
    yield from answering_client(call, context)
    subject, sid = call.form.get("subject", ""), call.form.get("sid", "")
    if not subject and not sid:
        raise InvalidRequest("subject or sid is missing")
    sessions = yield from _sessions(subject, sid)
    ended = yield from end_all(sessions, by="server", note=WAY, context=context)
    return Answer(document={"ended": len(sessions)}, changes=ended.changes, events=ended.events)


def _sessions(subject: str, sid: str) -> Rule[tuple[Session, ...]]:
    """The sessions that are meant. With both names, the session has to be that user's."""
    user = ""
    if subject:
        identity = OneByAlias(Identity, identity_alias(WAY, subject))
        owner = (yield (identity,)).one(identity)
        if owner is None:
            return ()
        user = owner.user
    if sid:
        session = OneByAlias(Session, session_alias(WAY, sid))
        one = (yield (session,)).one(session)
        return () if one is None or user not in ("", one.user) else (one,)
    query = Many(Session, "user", user)
    return tuple(one for one in (yield (query,)).many(query) if one.way == WAY)


def _endpoint(path: str, rule: Callable[[Call, Context], Rule[Answer | Refuse]]) -> Endpoint:
    # No member of the discovery document: a platform knows its own server.
    return Endpoint(
        path=path,
        metadata="",
        cite=CITE,
        rule=rule,
        cross_origin=False,
    )


HAND_OFF: Final = Feature(
    name=NAME,
    cites=(CITE,),
    on_by_default=False,
    client_scopes=(ClientScopes(names=(SCOPE,), may_use=lambda client, _: False, registered=True),),
    pages=(RETURN, RESTART, FORM_POST),
    endpoints=(
        _endpoint("/interaction", read),
        _endpoint("/interaction/accept", accept),
        _endpoint("/interaction/reject", reject),
        _endpoint("/sessions/end", end_sessions),
    ),
)
