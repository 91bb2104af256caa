"""stefApp's requests to the endpoints for programs."""

from collections.abc import Callable
from typing import Any, Final

import httpx2
import msgspec
from tests.browser import Asking
from tests.installation import SECRETS
from tests.promises.ledger import Refused, Unavailable, Violation

OPTIONAL: Final = ("chirps.write", "profile.write")
"""The permissions that the user gives and takes."""


class Code(msgspec.Struct):
    """A code that the app has got, and the request that it answers."""

    text: str
    asking: Asking
    asked: frozenset[str]
    grant: int
    got: float


class Device(msgspec.Struct):
    """What descends from one code. `opens` is what the access token was issued for. The newest
    refresh token is the last; there is none where the reply never came."""

    key: str
    code: Code
    access: str = ""
    opens: frozenset[str] = frozenset()
    refresh: list[str] = []


class App:
    """The app on all of the user's devices."""

    def __init__(self, url: str) -> None:
        self.http = client(url)

    def redeem(self, code: Code) -> dict[str, Any]:
        """The tokens for a code. Raises Refused."""
        return self._token(code.asking.redemption(code.text))

    def refresh(self, token: str) -> dict[str, Any]:
        """The tokens for a refresh token. Raises Refused."""
        form = {"grant_type": "refresh_token", "client_id": "stefapp", "refresh_token": token}
        return self._token(form)

    def revoke(self, token: str) -> None:
        """Gives a token back."""
        form = {"client_id": "stefapp", "token": token}
        expect(self.http.post("/revoke", data=form), 200)

    def worth(self, device: Device) -> frozenset[str] | None:
        """The optional permissions that the device's token opens, as the API learns by
        introspection; None where it opens nothing."""
        reply = self.http.post(
            "/introspect", data={"token": device.access}, auth=("chirp", SECRETS["chirp"])
        )
        told = expect(reply, 200).json()
        return frozenset(told["scope"].split()) & set(OPTIONAL) if told["active"] else None

    def _token(self, form: dict[str, str]) -> dict[str, Any]:
        reply = self.http.post("/token", data=form)
        if reply.status_code == 400:
            raise Refused(reply.text)
        tokens: dict[str, Any] = expect(reply, 200).json()
        return tokens


def client(url: str) -> httpx2.Client:
    """Keeps a connection for a shorter time than the server, which else might close it just when
    something is asked."""
    return httpx2.Client(base_url=url, timeout=30, limits=httpx2.Limits(keepalive_expiry=2))


def expect(reply: httpx2.Response, status: int) -> httpx2.Response:
    """The reply, which has this status. Raises Unavailable for a 503, else Violation."""
    path, got = reply.request.url.path, reply.status_code
    if got == 503:
        raise Unavailable(f"{path}: {reply.text[:200]}")
    if got != status:
        raise Violation(f"{path} answered {got}: {reply.text[:200]}")
    return reply


def never(asking: Callable[[], object], what: str) -> None:
    """Asks for what has to be refused. Raises Violation where it is not."""
    try:
        asking()
    except Refused:
        return
    raise Violation(f"{what} was taken")
