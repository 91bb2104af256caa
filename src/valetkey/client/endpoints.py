"""The endpoints of an authorization server, as one app calls them."""

import time
from typing import Any

import httpx2

from valetkey.client import server
from valetkey.client.app import App
from valetkey.client.errors import Aborted, Denied, ServerUnavailable
from valetkey.client.holder import Holder
from valetkey.client.tokens import Received, Tokens, of_user, read
from valetkey.jose import jwt
from valetkey.wire import id_token
from valetkey.wire.metadata import ServerMetadata


class Endpoints:
    """Where they are, the server's metadata says. Safe to share among threads."""

    def __init__(self, app: App, http: httpx2.Client) -> None:
        self._app = app
        self._http = http
        self._about: ServerMetadata | None = None

    @property
    def about(self) -> ServerMetadata:
        """The server's metadata, fetched once. Raises Aborted, ServerUnavailable."""
        if self._about is None:
            self._about = server.discover(self._app.issuer, self._http)
        return self._about

    def push(self, parameters: dict[str, str]) -> dict[str, str]:
        """The parameters for the browser: only their name, where the server takes them ahead
        (RFC 9126). Raises Denied, ServerUnavailable."""
        address = self.about.pushed_authorization_request_endpoint
        if not address:
            return parameters
        answer = server.post(address, parameters, app=self._app, http=self._http)
        uri = answer.get("request_uri")
        if not isinstance(uri, str):
            raise ServerUnavailable("the server did not name the pushed request")
        return {"client_id": self._app.client_id, "request_uri": uri}

    def token(self, form: dict[str, str], holder: Holder | None = None) -> dict[str, Any]:
        """The token response to a form. Raises Denied, ServerUnavailable."""
        address = self.about.token_endpoint
        return server.post(address, form, app=self._app, http=self._http, holder=holder)

    def token_again(self, form: dict[str, str], holder: Holder | None) -> dict[str, Any]:
        """As `token`; where no answer comes, it is asked for once more."""
        try:
            return self.token(form, holder)
        except ServerUnavailable:
            return self.token(form, holder)

    def key(
        self,
        answer: dict[str, Any],
        asked: tuple[str, ...],
        *,
        nonce: str = "",
        holder: Holder | None = None,
    ) -> Tokens:
        """A new key: what a token response to `asked` brings. Raises ServerUnavailable where it
        cannot be read, Aborted where the ID Token in it does not hold."""
        received = read(answer, asked=asked, before=None, now=int(time.time()), holder=holder)
        return self._proved(received, asked, nonce=nonce)

    def revoke(self, held: Tokens) -> None:
        """Gives a key back (RFC 7009), where the server takes it. Raises Denied,
        ServerUnavailable."""
        if not self.about.revocation_endpoint:
            return
        form = {"token": held.refresh_token or held.access_token}
        server.post(self.about.revocation_endpoint, form, app=self._app, http=self._http)

    def give_back(self, before: Tokens) -> None:
        """The key that a new one replaces is not left lying about; if it cannot be given back, it
        ends by itself."""
        try:
            self.revoke(before)
        except (Denied, ServerUnavailable):
            return

    def userinfo(self, token: str, holder: Holder | None) -> dict[str, Any]:
        """What the server tells about the user behind an access token (OpenID Connect Core 5.3).
        Raises Denied, ServerUnavailable."""
        return server.get(self.about.userinfo_endpoint, token, self._http, holder=holder)

    def _proved(self, received: Received, scope: tuple[str, ...], *, nonce: str) -> Tokens:
        """The key, with the user's name in it where an ID Token proves who it is."""
        if "openid" not in scope:
            return received.tokens
        try:
            claims = id_token.verify(
                received.id_token,
                keys=server.keys(self.about, self._http),
                issuer=self._app.issuer,
                client_id=self._app.client_id,
                nonce=nonce,
                access_token=received.tokens.access_token,
                now=int(time.time()),
            ).claims
        except jwt.BadToken as error:
            raise Aborted(f"the ID Token: {error}") from error
        return of_user(received.tokens, claims.sub)
