"""The endpoints of an authorization server, as one app calls them."""

import time
from typing import Any

import msgspec

from valetkey.client import server
from valetkey.client.errors import Aborted, Denied, ServerUnavailable
from valetkey.client.proof_key import Prover
from valetkey.client.steps import Flow
from valetkey.client.tokens import App, TokenResponse, Tokens, read, with_user
from valetkey.jose import jwt
from valetkey.wire import id_token, metadata, token_response
from valetkey.wire.metadata import ServerMetadata
from valetkey.wire.token_response import OwnGrant


class Endpoints:
    """Where they are, the server's metadata says. Safe to share among threads and tasks."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._about: ServerMetadata | None = None

    def about(self) -> Flow[ServerMetadata]:
        """The server's metadata, fetched once. Raises Aborted, ServerUnavailable."""
        if self._about is None:
            self._about = yield from server.discover(self.app.issuer)
        return self._about

    def push(self, parameters: dict[str, str]) -> Flow[dict[str, str]]:
        """The parameters for the browser: only their name, where the server takes them ahead
        (RFC 9126). Raises Denied, ServerUnavailable."""
        address = (yield from self.about()).pushed_authorization_request_endpoint
        if not address:
            return parameters
        answer = yield from server.post(address, parameters, app=self.app)
        uri = answer.get("request_uri")
        if not isinstance(uri, str):
            raise ServerUnavailable("the server did not name the pushed request")
        return {"client_id": self.app.client_id, "request_uri": uri}

    def token(self, form: dict[str, str], prover: Prover | None = None) -> Flow[dict[str, Any]]:
        """The token response to a form. Raises Denied, ServerUnavailable."""
        address = (yield from self.about()).token_endpoint
        return (yield from server.post(address, form, app=self.app, prover=prover))

    def token_again(self, form: dict[str, str], prover: Prover | None) -> Flow[dict[str, Any]]:
        """As `token`; where no answer comes, it is asked for once more."""
        address = (yield from self.about()).token_endpoint
        return (yield from server.post_again(address, form, app=self.app, prover=prover))

    def key(
        self,
        answer: dict[str, Any],
        requested: tuple[str, ...],
        *,
        nonce: str = "",
        prover: Prover | None = None,
    ) -> Flow[Tokens]:
        """The tokens of a token response. `requested` is the scope. Raises ServerUnavailable if it
        cannot be read, Aborted if its ID Token is not valid."""
        received = read(
            answer, requested=requested, before=None, now=int(time.time()), prover=prover
        )
        return (yield from self._proved(received, requested, nonce))

    def revoke(self, tokens: Tokens) -> Flow[None]:
        """Revokes tokens (RFC 7009), if the server supports it. Raises Denied,
        ServerUnavailable."""
        address = (yield from self.about()).revocation_endpoint
        if address:
            form = {"token": tokens.refresh_token or tokens.access_token}
            yield from server.post(address, form, app=self.app)

    def manage(self, tokens: Tokens, action: str, scope: str = "") -> Flow[OwnGrant]:
        """Changes the app's own grant, and returns its new state (`wire.token_response`). Raises
        Aborted if the server does not support it, Denied, ServerUnavailable."""
        address = (yield from self.about()).grant_endpoint
        if not address or not tokens.refresh_token:
            raise Aborted(f"{self.app.issuer} lets no app change the grant of such a key")
        form = {
            token_response.REFRESH_TOKEN: tokens.refresh_token,
            token_response.ACTION: action,
            token_response.SCOPE: scope,
        }
        answer = yield from server.post_again(address, form, app=self.app, prover=tokens.prover)
        try:
            return msgspec.convert(answer, OwnGrant)
        except msgspec.ValidationError as error:
            raise ServerUnavailable("the server's answer cannot be read") from error

    def give_back(self, before: Tokens) -> Flow[None]:
        """Revokes tokens that new ones replace. If that fails, they end by themselves."""
        try:
            yield from self.revoke(before)
        except (Denied, ServerUnavailable):
            return

    def userinfo(self, token: str, prover: Prover | None) -> Flow[dict[str, Any]]:
        """The claims about the user (OpenID Connect Core 5.3). Raises Denied, ServerUnavailable."""
        address = (yield from self.about()).userinfo_endpoint
        return (yield from server.get(address, token, prover=prover))

    def _proved(self, received: TokenResponse, scope: tuple[str, ...], nonce: str) -> Flow[Tokens]:
        """The tokens, with the user's `sub` from a valid ID Token if one was requested."""
        if "openid" not in scope:
            return received.tokens
        about = yield from self.about()
        keys = yield from server.keys(about)
        try:
            claims = id_token.verify(
                received.id_token,
                keys=keys,
                issuer=self.app.issuer,
                client_id=self.app.client_id,
                nonce=nonce,
                access_token=received.tokens.access_token,
                now=int(time.time()),
                algorithms=metadata.signing_algorithms(about),
            ).claims
        except jwt.BadToken as error:
            raise Aborted(f"the ID Token: {error}") from error
        return with_user(received.tokens, claims.sub)
