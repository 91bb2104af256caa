"""The server under test and the clients that the suite plays, as the suite's modules meet them."""

import base64
import hashlib
import os
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import msgspec
from joserfc import jwt
from joserfc.jwk import KeySet
from tests.browser import Browser, forms
from tests.installation import secret
from tests.outside import Host

from valetkey.wire import pkce

PATH: Final = os.environ.get("CONFORMANCE_PATH", "")
"""The path of each issuer: the modules run once without, and once more with one."""


class SuiteBrowser(Browser):
    """The suite's browser, which is told paths of the issuer."""

    def __init__(self, issuer: str, trust: ssl.SSLContext) -> None:
        super().__init__(issuer.removesuffix(PATH), trust)

    def open(self, path: str) -> httpx2.Response:
        inside = path.startswith((f"{PATH}/", "https:"))
        return super().open(path if inside else PATH + path)


def issuer_at(port: int) -> str:
    """An issuer on this machine."""
    return f"https://127.0.0.1:{port}{PATH}"


def port_of(issuer: str) -> str:
    """Where it listens."""
    return str(urlsplit(issuer).port)


USER: Final = ("foo", "bar")
SECRETS: Final = {
    name: secret() for name in ("one", "two", "post", "leaving", "front", "back", "bank")
}
VERIFIER: Final = pkce.verifier(b"c" * 32)


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A client that the suite plays. `way` is how it proves who it is at the token endpoint."""

    id: str
    redirect_uri: str
    way: str = "client_secret_basic"
    scope: str = "openid"

    @property
    def secret(self) -> str:
        return SECRETS[self.id]


ONE: Final = Client(id="one", redirect_uri="https://rp.test/one/callback")
TWO: Final = Client(id="two", redirect_uri="https://rp.test/two/callback")
POST: Final = Client(
    id="post", redirect_uri="https://rp.test/post/callback", way="client_secret_post"
)


class Op(msgspec.Struct):
    """A running server: its issuer, a client for machines' calls that trusts its certificate, and
    the folder that it runs in. `more` is sent along with every authorization request; `rp` is the
    host on which the suite's clients listen."""

    issuer: str
    http: httpx2.Client
    trust: ssl.SSLContext
    folder: Path
    browsers: list[Browser] = []
    more: dict[str, str] = {}
    rp: Host | None = None

    def client(self, name: str) -> Client:
        """A client on the suite's own host, which really listens."""
        assert self.rp is not None
        return Client(id=name, redirect_uri=self.rp.url(f"/{name}/callback"))

    @property
    def document(self) -> dict[str, Any]:
        """The discovery document."""
        reply = self.http.get("/.well-known/openid-configuration")
        found: dict[str, Any] = reply.raise_for_status().json()
        return found

    def browser(self) -> Browser:
        """A fresh profile of the suite's browser, which runs no script."""
        browser = SuiteBrowser(self.issuer, self.trust)
        self.browsers.append(browser)
        return browser

    def close(self) -> None:
        """Closes every browser."""
        for browser in self.browsers:
            browser.http.close()
        self.http.close()

    # At the authorization endpoint.

    def request(self, client: Client, **changed: str | None) -> dict[str, str]:
        """The suite's authorization request, with parameters changed or, where None, left out."""
        sent: dict[str, str | None] = {
            "client_id": client.id,
            "redirect_uri": client.redirect_uri,
            "scope": client.scope,
            "state": "af0ifjsldkj",
            "nonce": "n-0S6_WzA2Mj",
            "response_type": "code",
            **self.more,
            **changed,
        }
        return {name: value for name, value in sent.items() if value is not None}

    def visit(self, browser: Browser, client: Client, **changed: str | None) -> httpx2.Response:
        """Opens the authorization endpoint, and stays on the page that shows."""
        return browser.open(f"/authorize?{urlencode(self.request(client, **changed))}")

    def authorize(
        self, browser: Browser, client: Client = ONE, **changed: str | None
    ) -> dict[str, str]:
        """The parameters of the answer, once the user has done what the pages ask for."""
        self.visit(browser, client, **changed)
        self.agree(browser)
        return answered(browser, client)

    def agree(self, browser: Browser) -> None:
        """Signs in and says yes, as far as each is asked."""
        if 'id="sign-in"' in browser.page.text:
            browser.sign_in(*USER)
        if 'id="allow"' in browser.page.text:
            browser.press("allow")

    # At the other endpoints.

    def token(self, client: Client, form: Mapping[str, str]) -> httpx2.Response:
        """A call of the token endpoint by the client."""
        match client.way:
            case "client_secret_basic":
                return self.http.post("/token", data=form, auth=(client.id, client.secret))
            case "client_secret_post":
                proof = {"client_id": client.id, "client_secret": client.secret}
                return self.http.post("/token", data={**form, **proof})
            case _:
                return self.http.post("/token", data={**form, "client_id": client.id})

    def redeem(self, client: Client, code: str, **changed: str | None) -> httpx2.Response:
        """The client brings a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_uri,
            **changed,
        }
        return self.token(client, {k: v for k, v in form.items() if v is not None})

    def tokens(
        self, browser: Browser, client: Client = ONE, **changed: str | None
    ) -> dict[str, Any]:
        """The token response of a whole flow, its ID Token checked."""
        code = self.authorize(browser, client, **changed)["code"]
        reply = self.redeem(client, code)
        assert reply.status_code == 200, reply.text
        assert reply.headers["cache-control"] == "no-store"
        found: dict[str, Any] = reply.json()
        assert found["token_type"].lower() == "bearer"
        nonce = self.request(client, **changed).get("nonce")
        self.identity(client, found["id_token"], nonce=nonce, access_token=found["access_token"])
        return found

    def userinfo(self, token: str) -> dict[str, Any]:
        """What the UserInfo endpoint tells by GET."""
        reply = self.http.get("/userinfo", headers={"authorization": f"Bearer {token}"})
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    def keys(self) -> KeySet:
        """The published keys."""
        return KeySet.import_key_set(self.http.get("/jwks").raise_for_status().json())

    def identity(
        self,
        client: Client,
        id_token: str,
        *,
        nonce: str | None = None,
        access_token: str = "",
        algorithm: str = "RS256",
    ) -> dict[str, Any]:
        """The claims of an ID Token that holds (OpenID Connect Core 3.1.3.7)."""
        header = header_of(id_token)
        assert (header["alg"], bool(header.get("kid"))) == (algorithm, True)
        claims: dict[str, Any] = jwt.decode(id_token, self.keys(), algorithms=[algorithm]).claims
        now = time.time()
        assert claims["iss"] == self.issuer
        assert claims["aud"] in (client.id, [client.id])
        assert claims["iat"] - 5 <= now < claims["exp"]
        assert 0 < len(claims["sub"]) <= 255
        assert claims["sub"].isascii()
        assert claims.get("nonce") == nonce
        if access_token:
            assert claims["at_hash"] == half_hash(access_token)
        return claims


def answered(browser: Browser, client: Client) -> dict[str, str]:
    """The parameters with which the browser was sent to the client, in the address or in a form."""
    page = browser.page
    if 'id="answer"' in page.text:
        (form,) = forms(page.text)
        assert (page.status_code, form.action) == (200, client.redirect_uri)
        assert page.headers["cache-control"] == "no-store"
        assert "continue" in form.buttons, "it has to work without script"
        return form.fields
    assert page.status_code == 303, (page.status_code, page.text)
    address = page.headers["location"]
    assert address.startswith(client.redirect_uri), address
    found = parse_qs(urlsplit(address).query, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values()), address
    return {name: values[0] for name, values in found.items()}


def filled_in(browser: Browser) -> dict[str, str]:
    """What the one form of a page would send by itself."""
    (form,) = forms(browser.page.text)
    return form.fields


def header_of(token: str) -> dict[str, Any]:
    """The header of a JWT."""
    found: dict[str, Any] = msgspec.json.decode(unpadded(token.partition(".")[0]))
    return found


def unpadded(text: str) -> bytes:
    """The bytes behind base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def half_hash(text: str) -> str:
    """OpenID Connect Core 3.1.3.6, for RS256 and ES256."""
    half = hashlib.sha256(text.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()
