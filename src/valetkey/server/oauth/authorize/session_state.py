"""OpenID Connect Session Management: an app's page learns that the sign-in here is not the one
that it knows any more, from a page of ours in a frame, without asking the server.

The browser's state is derived from the session's secret, so it is another one after every sign-in,
and says nothing of the session. An app gets only a salted digest of it that is bound to the app and
to its origin: two apps cannot tell by it that they have the same user.
"""

from hashlib import sha256
from typing import Final

from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.reply_address import ReplyTo
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Feature
from valetkey.spec.cite import Cite
from valetkey.wire import address

CITE: Final = Cite("OpenID Connect Session Management", "3")
PATH: Final = "/check-session"

_SALT: Final = 16


def browser_state(session_secret: str) -> str:
    """What a browser's script may know of a sign-in whose cookie holds this secret of 256 bits."""
    return sha256(b"valetkey browser state " + session_secret.encode()).hexdigest()


def session_state(client: str, reply_to: ReplyTo, browser: Browser, *, context: Context) -> str:
    """The `session_state` for the answer; "" where there is none: it is off, nobody is signed in
    by a cookie, or the app is no web page."""
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
    pages=(PATH,),
    metadata=lambda context: {"check_session_iframe": context.installation.issuer + PATH},
)
