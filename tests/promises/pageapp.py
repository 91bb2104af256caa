"""A page app of a user who has consented: codes and tokens come without further questions."""

from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
from tests.browser import Asking, Browser, authorize
from tests.installation import SECRETS
from tests.promises.ledger import Violation
from tests.promises.wire import Connection, Reply, get, post

ASKING = Asking(
    client_id="spa", redirect_uri="https://spa.example/callback", scope="openid chirps.read"
)


class PageApp(msgspec.Struct):
    """Its requests, as bytes. `cookie` is that of the user's browser."""

    cookie: str

    def code_wanted(self, **more: str) -> bytes:
        """An authorization request, which is answered by a code."""
        return self._authorize({**ASKING.parameters(), **more})

    def pushed_wanted(self, request_uri: str) -> bytes:
        """An authorization request that was pushed."""
        return self._authorize({"client_id": ASKING.client_id, "request_uri": request_uri})

    def _authorize(self, parameters: dict[str, str]) -> bytes:
        return get(f"/authorize?{urlencode(parameters)}", cookie=self.cookie)


def signed_in(url: str, username: str = "miko") -> PageApp:
    """The user has signed in and said yes once."""
    browser = Browser(url)
    with browser.http:
        authorize(browser, ASKING, username=username)
        cookie = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
    return PageApp(cookie)


def push() -> bytes:
    """The request, pushed ahead."""
    return post("/par", ASKING.parameters())


def redeem(code: str, *, proof: str = "") -> bytes:
    """Tokens for a code."""
    return post("/token", ASKING.redemption(code), proof=proof)


def refresh(token: str, *, proof: str = "") -> bytes:
    """Tokens for a refresh token."""
    form = {"grant_type": "refresh_token", "client_id": "spa", "refresh_token": token}
    return post("/token", form, proof=proof)


def revoke(token: str) -> bytes:
    """Gives a token back."""
    return post("/revoke", {"client_id": "spa", "token": token})


def introspect(token: str) -> bytes:
    """What the API asks about a token."""
    return post("/introspect", {"token": token}, basic=("chirp", SECRETS["chirp"]))


def code_in(reply: Reply) -> str:
    """The code in an answer to the browser, "" where there is none."""
    query = urlsplit(reply.headers.get("location", "")).query
    return parse_qs(query).get("code", [""])[0]


async def connect(app: PageApp, node: Connection) -> dict[str, str]:
    """The tokens of a fresh code. Raises Violation."""
    code = code_in(await node.insist(app.code_wanted()))
    reply = await node.insist(redeem(code))
    if reply.status != 200:
        raise Violation(f"a fresh code was answered by {reply}")
    return reply.document
