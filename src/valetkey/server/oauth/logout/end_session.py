"""RP-initiated logout: an app sends its user here to sign out, and may get them back afterwards.

Only an ID Token of this server identifies the app: without one, there is no redirect. The page asks
for confirmation unless the ID Token is of the browser's own session: other requests could come from
anyone's link (ATTACKS A92).
"""

from typing import Final

import msgspec

from valetkey.server.model.client import Client
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core import subjects
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Feature
from valetkey.server.oauth.core.subjects import session, subject
from valetkey.server.oauth.logout.sessions import FRONTCHANNEL
from valetkey.spec.errors import InvalidRequest
from valetkey.spec.names import Cite
from valetkey.wire import redirect
from valetkey.wire.form import Form
from valetkey.wire.id_token import IdToken

CITE: Final = Cite("OpenID Connect RP-Initiated Logout", "2")
PATH: Final = "/logout"
PARAMETERS: Final = (
    "id_token_hint",
    "client_id",
    "post_logout_redirect_uri",
    "state",
    "ui_locales",
)
"""The parameters of a request. `logout_hint` is not needed: the session says more."""


class Leaving(msgspec.Struct, frozen=True, kw_only=True):
    """A request to sign out. `client` is the app, None if nothing proves it; `onward` is the
    redirect afterwards, "" for the server's own page."""

    id_token: IdToken | None = None
    client: Client | None = None
    onward: str = ""

    @property
    def is_vouched_for(self) -> bool:
        """Whether a link of anyone may redirect to the app (RFC 9700 4.11.2): a user knows their
        own ID Token."""
        return self.client is not None and self.client.verified

    def is_of(self, person: Person, context: Context) -> bool:
        """Whether the request is about the session of this browser."""
        if self.id_token is None or self.client is None:
            return False
        keyring = context.installation.keyring
        called = subject(person.user.id, self.client, keyring)
        known = session(person.session.sid, self.client, keyring)
        return (self.id_token.sub, self.id_token.sid) == (called, known)


class NotRegistered(InvalidRequest):
    """The app did not register this address."""

    says = "post_logout_redirect_uri is not one that this app registered"


def understand(form: Form, context: Context) -> Rule[Leaving]:
    """Parses and checks the request. Raises OAuthError, for a page, never for a redirect."""
    text = form.get("id_token_hint", "")
    if not text:
        yield from ()
        return Leaving()
    id_token = subjects.read(text, context)
    if form.get("client_id", id_token.aud) != id_token.aud:
        raise InvalidRequest("client_id and id_token_hint speak of different apps")
    query = One(Client, id_token.aud)
    client = (yield (query,)).one(query)
    if client is None or client.status != "active":
        raise InvalidRequest("no such app is registered here")
    return Leaving(id_token=id_token, client=client, onward=_onward(form, client))


def _onward(form: Form, client: Client) -> str:
    uri = form.get("post_logout_redirect_uri", "")
    if not uri:
        return ""
    # RFC 3986 6.2.1: simple string comparison.
    if uri not in client.post_logout_redirect_uris:
        raise NotRegistered
    state = form.get("state", "")
    return redirect.with_parameters(uri, {"state": state}) if state else uri


END_SESSION: Final = Feature(
    name="RP-initiated logout",
    cites=(CITE,),
    pages=(PATH,),
    metadata=lambda context: {"end_session_endpoint": context.installation.issuer + PATH},
)

FRONTCHANNEL_LOGOUT: Final = Feature(
    name=FRONTCHANNEL,
    cites=(Cite("OpenID Connect Front-Channel Logout", "2"),),
    metadata=lambda _: {
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
    },
)
