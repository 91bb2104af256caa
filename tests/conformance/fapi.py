"""FAPI 2.0: the clients that the suite plays, by the two ways in which tokens are bound."""

import json
import os
import ssl
import time
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import msgspec
from tests.browser import Browser
from tests.conformance.op import USER, SuiteBrowser
from tests.jose.forge import b64, signed
from tests.mtls import Pair
from tests.proofs import Wish, proof

from valetkey.jose.jwk import PrivateKey
from valetkey.wire import pkce
from valetkey.wire.assertion import ASSERTION_TYPE

VERIFIER: Final = pkce.verifier(b"f" * 32)
TIMEOUT: Final = 30.0
HONEST: Final[dict[str, Any]] = {}
"""Nothing is changed."""

NO_HEADER: Final = "none"
"""In place of a scheme: the token does not stand in the header."""


class Rp(msgspec.Struct, frozen=True, kw_only=True):
    """A client. `way` is how it authenticates, `sender` what its tokens are bound to."""

    id: str
    way: Literal["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"]
    sender: Literal["dpop", "mtls"]
    signing: PrivateKey
    holder: PrivateKey
    pair: Pair | None = None
    profile: str = "fapi2"
    more: dict[str, Any] = {}

    @property
    def redirect_uri(self) -> str:
        return f"https://rp.test/{self.id}/callback"

    def table(self, folder: Path) -> str:
        """How it is declared."""
        jwks = folder / f"{self.id}.jwks.json"
        jwks.write_text(json.dumps({"keys": [self.signing.public().jwk()]}))
        second = f"{self.redirect_uri}?dummy1=lorem&dummy2=ipsum"
        fields: dict[str, Any] = {
            "id": self.id,
            "name": f"Client {self.id}",
            "auth_method": self.way,
            "redirect_uris": [self.redirect_uri, second],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "scope": "openid profile email offline_access",
            "policy": self.profile,
            "jwks_file": str(jwks),
            "dpop_bound_access_tokens": self.sender == "dpop",
            "tls_client_certificate_bound_access_tokens": self.sender == "mtls",
            **self.more,
        }
        if self.way == "tls_client_auth":
            fields.setdefault("tls_client_auth_subject_dn", f"CN={self.id}")
        lines = (f"{name} = {json.dumps(value)}" for name, value in fields.items())
        return "[[client]]\n" + "\n".join(lines) + "\n"


class Answer(msgspec.Struct, frozen=True):
    """What the browser brought back: the parameters, or a page that says which error."""

    parameters: dict[str, str] = {}
    page: int = 0


class Fapi(msgspec.Struct):
    """The server under test. `mtls` is where certificates are asked for, `api` the protected
    resource, where that is not the server's own."""

    issuer: str
    mtls: str
    trust: ssl.SSLContext
    http: httpx2.Client
    clients: dict[str, httpx2.Client] = {}
    browsers: list[Browser] = []
    api: str = ""

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/.well-known/openid-configuration").json()
        return found

    def browser(self) -> Browser:
        browser = SuiteBrowser(self.issuer, self.trust)
        self.browsers.append(browser)
        return browser

    def close(self) -> None:
        for one in (self.http, *self.clients.values(), *(each.http for each in self.browsers)):
            one.close()

    # Calls of the client's.

    def wire(self, rp: Rp, pair: Pair | None = None) -> httpx2.Client:
        """The connection that the client calls by: with a certificate where it has one."""
        shown = pair or rp.pair
        if shown is None:
            return self.http
        if shown.certificate.name not in self.clients:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.load_cert_chain(*shown.files)
            self.clients[shown.certificate.name] = httpx2.Client(
                base_url=self.mtls, verify=context, timeout=TIMEOUT
            )
        return self.clients[shown.certificate.name]

    def envelope(self, rp: Rp) -> dict[str, Any]:
        """Of a signed request, who makes it, for whom, and for how long."""
        now = int(time.time())
        return {
            "iss": rp.id,
            "aud": self.issuer,
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "jti": b64(os.urandom(12)),
        }

    def assertion(self, rp: Rp, **changed: Any) -> str:
        """A client assertion, its claims changed; None leaves one out."""
        by, alg = changed.pop("by", rp.signing), changed.pop("alg", "")
        now = int(time.time())
        claims = {
            "iss": rp.id,
            "sub": rp.id,
            "aud": self.issuer,
            "jti": b64(os.urandom(12)),
            "iat": now,
            "nbf": now,
            "exp": now + 60,
            **changed,
        }
        payload = json.dumps({k: v for k, v in claims.items() if v is not None}).encode()
        return signed({"alg": alg or by.algorithm, "kid": by.kid}, payload, by)

    def post(
        self,
        rp: Rp,
        path: str,
        form: dict[str, str],
        *,
        auth: dict[str, Any] | None = HONEST,
        dpop: dict[str, Any] | None = HONEST,
        pair: Pair | None = None,
    ) -> httpx2.Response:
        """A form of the client's. `auth` changes its assertion, None leaves authentication out;
        `dpop` changes its proof, None leaves it out."""
        wire = self.wire(rp, pair)
        sent = dict(form)
        if auth is not None and rp.way == "private_key_jwt":
            sent |= {
                "client_assertion": self.assertion(rp, **auth),
                "client_assertion_type": ASSERTION_TYPE,
            }
        elif auth is not None:
            sent["client_id"] = rp.id
        headers = {}
        if rp.sender == "dpop" and dpop is not None:
            headers["DPoP"] = self.proof(rp, "POST", f"{wire.base_url}".rstrip("/") + path, **dpop)
        return wire.post(path, data=sent, headers=headers)

    def proof(self, rp: Rp, method: str, address: str, **changed: Any) -> str:
        wish = Wish(method=method, address=address, by=changed.pop("by", rp.holder))
        return proof(wish, **changed)

    def request(self, rp: Rp, **changed: str | None) -> dict[str, str]:
        """The parameters of an authorization request; None leaves one out."""
        given: dict[str, str | None] = {
            "client_id": rp.id,
            "response_type": "code",
            "redirect_uri": rp.redirect_uri,
            "scope": "openid offline_access",
            "state": "st-1",
            "nonce": "no-1",
            "code_challenge": pkce.challenge(VERIFIER),
            "code_challenge_method": "S256",
            **changed,
        }
        return {name: value for name, value in given.items() if value is not None}

    def pushed(self, rp: Rp, **changed: Any) -> httpx2.Response:
        """A pushed request, its parameters changed. `auth`, `dpop` and `pair` as for `post`."""
        how = {name: changed.pop(name) for name in ("auth", "dpop", "pair") if name in changed}
        how.setdefault("dpop", None)
        return self.post(rp, "/par", self.request(rp, **changed), **how)

    def uri(self, rp: Rp, **changed: Any) -> str:
        """The name of a pushed request."""
        reply = self.pushed(rp, **changed)
        assert reply.status_code == 201, reply.text
        document = reply.json()
        assert document["expires_in"] >= 5
        return str(document["request_uri"])

    def visit(self, browser: Browser, rp: Rp, uri: str, **more: str) -> Answer:
        """Opens the authorization endpoint, and does what the pages ask for."""
        browser.open(f"/authorize?{urlencode({'client_id': rp.id, 'request_uri': uri, **more})}")
        return self.agree(browser)

    def agree(self, browser: Browser) -> Answer:
        """Signs in and says yes, as far as each is asked."""
        if 'id="sign-in"' in browser.page.text:
            browser.sign_in(*USER)
        if 'id="allow"' in browser.page.text:
            browser.press("allow")
        return self.answer(browser)

    def answer(self, browser: Browser) -> Answer:
        """What the browser was sent back with."""
        return answered(browser)

    def code(self, rp: Rp, *, browser: Browser | None = None, **changed: Any) -> str:
        """A code, by a pushed request with these changes."""
        answer = self.visit(browser or self.browser(), rp, self.uri(rp, **changed))
        assert answer.parameters.get("iss") == self.issuer, answer
        return answer.parameters["code"]

    def redeem(
        self, rp: Rp, code: str, *, form: dict[str, Any] = HONEST, **how: Any
    ) -> httpx2.Response:
        """The client brings a code."""
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": rp.redirect_uri,
            "code_verifier": VERIFIER,
            **form,
        }
        sent = {name: value for name, value in given.items() if value is not None}
        return self.post(rp, "/token", sent, **how)

    def tokens(self, rp: Rp, **changed: Any) -> dict[str, Any]:
        """The token response of a whole flow."""
        reply = self.redeem(rp, self.code(rp, **changed))
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        kind = "DPoP" if rp.sender == "dpop" else "Bearer"
        assert found["token_type"].lower() == kind.lower()
        return found

    def refreshed(self, rp: Rp, token: str, **how: Any) -> httpx2.Response:
        """The client refreshes."""
        form = {"grant_type": "refresh_token", "refresh_token": token}
        return self.post(rp, "/token", form, **how)

    def protected(self, rp: Rp) -> str:
        """The address at which the client shows its tokens."""
        return self.api or f"{self.wire(rp).base_url}".rstrip("/") + "/userinfo"

    def resource(
        self,
        rp: Rp,
        token: str,
        *,
        scheme: str = "",
        dpop: dict[str, Any] | None = HONEST,
        pair: Pair | None = None,
        query: str = "",
    ) -> httpx2.Response:
        """The client calls the protected resource."""
        kind = scheme or ("DPoP" if rp.sender == "dpop" else "Bearer")
        headers = {"Authorization": f"{kind} {token}"} if kind != NO_HEADER else {}
        address = self.protected(rp)
        if rp.sender == "dpop" and dpop is not None:
            headers["DPoP"] = self.proof(rp, "GET", address, token=token, **dpop)
        return self.wire(rp, pair).get(f"{address}{query}", headers=headers)


def answered(browser: Browser) -> Answer:
    """What the browser was sent back with, or the page where it stayed."""
    page = browser.page
    if "location" not in page.headers:
        return Answer(page=page.status_code)
    found = parse_qs(urlsplit(page.headers["location"]).query, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values())
    return Answer(parameters={name: values[0] for name, values in found.items()})
