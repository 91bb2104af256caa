"""A program that acts for itself, or passes a user's key on (RFC 6749 4.4; RFC 8693)."""

import threading
import time
from collections.abc import Iterable
from typing import Final

import httpx2

from valetkey.client import server
from valetkey.client.app import App
from valetkey.client.endpoints import Endpoints
from valetkey.client.errors import ClientError
from valetkey.client.tokens import Tokens, read
from valetkey.wire.metadata import ServerMetadata

EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"


class Machine:
    """A confidential client without a user. Safe to share among threads."""

    def __init__(self, app: App, *, http: httpx2.Client | None = None) -> None:
        """Raises ValueError for an app without a secret."""
        if not app.secret:
            raise ValueError("a program that acts for itself needs a secret")
        self.app = app
        self._http = http or httpx2.Client(timeout=server.TIMEOUT)
        self._server = Endpoints(app, self._http)
        self._own: Tokens | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Machine({self.app!r})"

    def close(self) -> None:
        """Lets go of connections."""
        self._http.close()

    @property
    def about(self) -> ServerMetadata:
        """The server's metadata, fetched once. Raises Aborted, ServerUnavailable."""
        return self._server.about

    def access_token(self) -> str:
        """A token of its own that is good for a while, fetched when it is needed. Raises Denied,
        ServerUnavailable."""
        with self._lock:
            held = self._own
            if held is None or held.is_over(time.time()):
                held = self._own = self._asked({"grant_type": "client_credentials"}, self.app.scope)
            return held.access_token

    def exchange(
        self, token: str, *, scope: Iterable[str] = (), audience: str = "", kind: str = ACCESS_TOKEN
    ) -> Tokens:
        """A smaller key for the one that was brought, to pass on or to use: for `audience`, within
        `scope`. It says that this client acts. Raises Denied, ServerUnavailable."""
        form = {
            "grant_type": EXCHANGE,
            "subject_token": token,
            "subject_token_type": kind,
            "audience": audience,
        }
        return self._asked(form, tuple(scope))

    def _asked(self, form: dict[str, str], scope: tuple[str, ...]) -> Tokens:
        sent = {**form, "scope": " ".join(scope), "resource": self.app.resource}
        try:
            answer = self._server.token(sent)
        except ClientError:
            self._own = None
            raise
        return read(answer, asked=scope, before=None, now=int(time.time())).tokens
