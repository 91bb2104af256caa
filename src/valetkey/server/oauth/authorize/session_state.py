"""OpenID Connect Session Management: a page of an app learns from a frame of this server that the
user's session has changed, without a request to the server.

The browser state is derived from the session's secret. So it changes with every sign-in, and
reveals nothing about the session. An app gets only a salted digest of it, bound to the app and its
origin, so two apps can't use it to find out that they have the same user.
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
    pages=(PATH,),
    metadata=lambda context: {"check_session_iframe": context.installation.issuer + PATH},
)
