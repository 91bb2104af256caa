"""Where may the answer go? Only `address` makes a `ReplyTo`; nothing else becomes a redirect."""

from typing import Final

import msgspec

from valetkey.model.client import Client
from valetkey.spec.cite import Cite
from valetkey.spec.errors import InvalidClient, InvalidRequest
from valetkey.wire import redirect
from valetkey.wire.form import Form

CITE: Final = Cite("RFC 6749", "3.1.2")


class ReplyTo(msgspec.Struct, frozen=True):
    """A redirect URI that the client registered, and the `state` to send back byte for byte.

    `uri` is "" where nobody is sent anywhere: the app is on another device, and comes for the
    answer.
    """

    uri: str
    state: str
    issuer: str

    @property
    def is_elsewhere(self) -> bool:
        """Whether the app comes for the answer."""
        return not self.uri

    def location(self, **parameters: str) -> str:
        """The URI with the answer in its query; `iss` and `state` are always there (RFC 9207)."""
        state = {"state": self.state} if self.state else {}
        return redirect.with_parameters(self.uri, {**parameters, **state, "iss": self.issuer})


class WrongAddress(InvalidRequest):
    """The redirect URI is missing, or not one of the client's: nobody may be sent there."""


def elsewhere(*, issuer: str) -> ReplyTo:
    """The answer waits for an app on another device."""
    return ReplyTo("", "", issuer)


def address(form: Form, client: Client | None, *, issuer: str) -> tuple[Client, ReplyTo]:
    """The app, and where its answer goes. Raises OAuthError, for a page and never a redirect."""
    if client is None or client.status != "active":
        raise InvalidClient("no such app is registered here", status=400)
    if not client.redirect_uris:
        raise InvalidRequest("this app is not registered for signing people in")
    uri = form.get("redirect_uri")
    if uri is None:
        if len(client.redirect_uris) > 1 or "openid" in form.get("scope", "").split():
            raise WrongAddress("redirect_uri is missing")
        uri = client.redirect_uris[0]
    elif not any(redirect.matches(registered, uri) for registered in client.redirect_uris):
        raise WrongAddress("redirect_uri is not one that this app registered")
    return client, ReplyTo(uri, form.get("state", ""), issuer)
