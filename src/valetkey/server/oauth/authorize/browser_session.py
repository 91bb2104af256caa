"""The browser that sent a request, and the user who is signed in there, if any."""

from hashlib import sha256
from typing import Final

import msgspec

from valetkey.jose.seal import digest, same
from valetkey.server.model.query import One, Rule
from valetkey.server.model.user import Session, User, password_mark
from valetkey.server.oauth.authorize.reply_address import ReplyTo
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Feature
from valetkey.spec.names import Cite
from valetkey.wire import address


class Browser(msgspec.Struct, frozen=True, kw_only=True):
    """A browser, as its cookies identify it. `id` is the digest of the browser's own cookie;
    `session` and `session_secret` come from the session cookie, "" for none. `device` is a name of
    the browser for people, `address` its network address. `returns`: it is known to come back as
    the same browser; others may be in a frame of another site, where they have no cookies."""

    id: str
    session: str = ""
    session_secret: str = ""
    device: str = ""
    address: str = ""
    returns: bool = True

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
    idle = context.installation.lifetimes.session_idle
    if session is None or session.is_over(context.env.now, idle=idle):
        return None
    if session.epoch != context.installation.epoch:
        return None
    if not same(session.digest.encode(), digest(browser.session_secret).encode()):
        return None
    owner = One(User, session.user)
    user = (yield (owner,)).one(owner)
    if user is None or user.status != "active":
        return None
    if not session.way and session.proved != password_mark(user):
        return None
    return Person(session, user)


# OpenID Connect Session Management: a page of an app learns from a frame of this server that the
# user's session has changed, without a request to the server.
#
# The browser state is derived from the session's secret. So it changes with every sign-in, and
# reveals nothing about the session. An app gets only a salted digest of it, bound to the app and
# its origin, so two apps can't use it to find out that they have the same user.

CITE: Final = Cite("OpenID Connect Session Management", "3")
CHECK_SESSION_PATH: Final = "/check-session"

_SALT: Final = 16


def browser_state(session_secret: str) -> str:
    """The browser state for a script, from the session's secret of 256 bits."""
    return sha256(b"valetkey browser state " + session_secret.encode()).hexdigest()


def session_state(client: str, reply_to: ReplyTo, browser: Browser, *, context: Context) -> str:
    """The `session_state` for the answer; "" if the feature is off, the browser has no session, or
    the app is no web page."""
    origin = address.origin(reply_to.uri)
    on = SESSION_MANAGEMENT in context.installation.features
    if not on or not browser.session_secret or not origin:
        return ""
    salt = context.env.random_bytes(_SALT).hex()
    return state_digest(client, origin, browser_state(browser.session_secret), salt=salt)


def state_digest(client: str, origin: str, state: str, *, salt: str) -> str:
    """The digest and its salt (3.2). `static/check-session.js` has the same line."""
    return sha256(f"{client} {origin} {state} {salt}".encode()).hexdigest() + f".{salt}"


SESSION_MANAGEMENT: Final = Feature(
    name="session management",
    cites=(CITE,),
    on_by_default=False,
    requires=("authorization code",),
    pages=(CHECK_SESSION_PATH,),
    metadata=lambda context: {
        "check_session_iframe": context.installation.issuer + CHECK_SESSION_PATH
    },
)
