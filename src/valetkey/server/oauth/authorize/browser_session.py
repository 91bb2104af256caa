"""The browser that sent a request, and the user who is signed in there, if any."""

import msgspec

from valetkey.jose.seal import digest, same
from valetkey.server.model.query import One, Rule
from valetkey.server.model.user import Session, User, password_mark
from valetkey.server.oauth.core.context import Context


class Browser(msgspec.Struct, frozen=True, kw_only=True):
    """A browser, as its cookies identify it. `id` is the digest of the browser's own cookie;
    `session` and `session_secret` come from the session cookie, "" for none. `device` is a name of
    the browser for people, `address` its network address."""

    id: str
    session: str = ""
    session_secret: str = ""
    device: str = ""
    address: str = ""

    def __repr__(self) -> str:
        return "Browser(…)"


class Person(msgspec.Struct, frozen=True):
    """A signed-in user and their session."""

    session: Session
    user: User


def person(browser: Browser, context: Context) -> Rule[Person | None]:
    """The active user of the browser's live session, or None."""
    if not browser.session:
        return None
    query = One(Session, browser.session)
    session = (yield (query,)).one(query)
    if session is None or context.env.now >= session.expires:
        return None
    if session.epoch != context.installation.epoch:
        return None
    if not same(session.digest.encode(), digest(browser.session_secret).encode()):
        return None
    owner = One(User, session.user)
    user = (yield (owner,)).one(owner)
    if user is None or user.status != "active" or session.proved != password_mark(user):
        return None
    return Person(session, user)
