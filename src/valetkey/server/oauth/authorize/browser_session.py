"""Who stands before us: a browser, and perhaps a user who is signed in there."""

import msgspec

from valetkey.jose.seal import digest, same
from valetkey.server.model.query import One, Rule
from valetkey.server.model.user import Session, User, password_mark
from valetkey.server.oauth.core.context import Context


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """A browser's visit, as its cookies tell. `browser` is the digest of the browser's own cookie;
    `session` and `session_secret` come from the cookie that signing in gave it, "" for none.
    `device` says in words what browser it is, `address` where it is."""

    browser: str
    session: str = ""
    session_secret: str = ""
    device: str = ""
    address: str = ""

    def __repr__(self) -> str:
        return "Visit(…)"


class Person(msgspec.Struct, frozen=True):
    """A user who is signed in, and the session that says so."""

    session: Session
    user: User


def person(visit: Visit, context: Context) -> Rule[Person | None]:
    """The active user of a live session, or None."""
    if not visit.session:
        return None
    wanted = One(Session, visit.session)
    session = (yield (wanted,)).one(wanted)
    if session is None or context.env.now >= session.expires:
        return None
    if session.epoch != context.installation.epoch:
        return None
    if not same(session.digest.encode(), digest(visit.session_secret).encode()):
        return None
    owner = One(User, session.user)
    user = (yield (owner,)).one(owner)
    if user is None or user.status != "active" or session.proved != password_mark(user):
        return None
    return Person(session, user)
