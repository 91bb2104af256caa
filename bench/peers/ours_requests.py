"""What the load sends to our own server, by operation."""

import os
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final
from urllib.parse import urlencode

import msgspec

from bench.load import form_request
from bench.peers.people import BROWSER_SECRET, OPENID, REDIRECT, WEB, Person, people_of
from bench.population import API, SECRET
from bench.subject import VERIFIER, Subject, basic
from bench.wrk import ACTIVE, JSON_REFRESH_TOKEN, Load, chain
from valetkey.jose import base64url, jwk, jwt
from valetkey.jose.seal import digest
from valetkey.model import ids
from valetkey.model.env import Env
from valetkey.oauth.issue import code
from valetkey.oauth.issue.code import Code
from valetkey.spec import names
from valetkey.wire import access_token, dpop, pkce
from valetkey.wire.access_token import AccessToken, Confirmation

MANY: Final = 30_000
"""Requests of a round, where each is sent once: more than are answered."""

BOUND: Final = 1500
"""The same, where each has a proof of its own."""

LIVE: Final = 2000
"""Tokens that are asked about in turn."""

KEY: Final = jwk.generate("ES256")


class Requests:
    """The loads of a server that has what `people.furnish` filled in."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._people = people_of(subject.kept)
        self._turn = 0
        self._chain: Load | None = None

    def load(self, operation: str) -> Load:
        """What a round of the operation sends."""
        return OPERATIONS[operation](self)

    def credentials(self, client: str) -> Load:
        """Client credentials."""
        form = {"grant_type": names.CLIENT_CREDENTIALS, "scope": "chirps.read"}
        return Load(requests=[self._post("/token", form, auth=client)])

    def refresh(self) -> Load:
        """Refresh tokens of public clients, each of which gives the next."""
        if self._chain is None:
            tokens = [self._subject.refresh_token() for _ in range(LIVE)]
            form = f"grant_type=refresh_token&client_id={tokens[0][0]}&refresh_token={{}}"
            same = [token.encode() for client, token in tokens if client == tokens[0][0]]
            pieces = chain(self._subject.port, "/token", form)
            self._chain = Load(requests=[*pieces, *same], mode="chain", pattern=JSON_REFRESH_TOKEN)
        return self._chain

    def bound_refresh(self) -> Load:
        """Refresh tokens that are bound to a key."""
        requests = [
            self._post("/token", self._refresh_form(), proof=self._proof("/token"))
            for _ in range(BOUND)
        ]
        return Load(requests=requests, mode="once")

    def codes(self, count: int, *, scope: tuple[str, ...], bound: bool = False) -> Load:
        """Codes, each for a new device."""
        return Load(requests=list(islice(self._exchanges(scope, bound=bound), count)), mode="once")

    def introspection(self) -> Load:
        """Tokens that are live, in turn."""
        tokens = [self._subject.token(self._subject.visitor()) for _ in range(LIVE)]
        requests = [self._post("/introspect", {"token": one}, auth=API.id) for one in tokens]
        return Load(requests=requests, holds=ACTIVE)

    def introspection_once(self) -> Load:
        """Tokens that the server has never seen."""
        requests = [self._subject.introspection() for _ in range(MANY // 2)]
        return Load(requests=requests, mode="once", holds=ACTIVE)

    def revocation(self) -> Load:
        """Refresh tokens that are given back."""
        requests = []
        for _ in range(BOUND):
            client, token = self._subject.refresh_token()
            requests.append(self._post("/revoke", {"client_id": client, "token": token}))
        return Load(requests=requests, mode="once")

    def userinfo(self) -> Load:
        """Who is it?"""
        return Load(
            requests=[
                self._get("/userinfo", f"Authorization: Bearer {self._token(one)}")
                for one in self._people
            ]
        )

    def bound_userinfo(self) -> Load:
        """Who is it? By tokens that are bound to a key."""
        requests = []
        for number in range(BOUND):
            who = self._people[number % len(self._people)]
            token = self._token(who, cnf=Confirmation(jkt=KEY.public().thumbprint()))
            proof = self._proof("/userinfo", method="GET", token=token)
            requests.append(
                self._get("/userinfo", f"Authorization: DPoP {token}", f"DPoP: {proof}")
            )
        return Load(requests=requests, mode="once")

    def pushed(self) -> Load:
        """Authorization requests by PAR."""
        return Load(requests=[self._post("/par", _request())], status=201)

    def authorize(self) -> Load:
        """The redirect of somebody who has said yes before."""
        requests = []
        for who in self._people:
            cookie = f"Cookie: vk_session={who.session.id}.{BROWSER_SECRET}"
            requests.append(self._get(f"/authorize?{urlencode(_request())}", cookie))
        return Load(requests=requests, status=303)

    def exchange(self) -> Load:
        """A service passes a user's key on."""
        requests = []
        for who in self._people:
            form = {
                "grant_type": names.TOKEN_EXCHANGE,
                "subject_token": self._token(who),
                "subject_token_type": names.TYPE_ACCESS_TOKEN,
                "scope": "chirps.read",
            }
            requests.append(self._post("/token", form, auth="agent"))
        return Load(requests=requests)

    def document(self, path: str) -> Load:
        """What is published."""
        return Load(requests=[self._get(path)])

    def _exchanges(self, scope: tuple[str, ...], *, bound: bool) -> Iterator[bytes]:
        if scope != OPENID:
            while True:
                yield self._subject.exchange()
        while True:
            form = self._web_form(self._people[self._turn % len(self._people)])
            self._turn += 1
            yield self._post("/token", form, proof=self._proof("/token") if bound else "")

    def _web_form(self, who: Person) -> dict[str, str]:
        millisecond = time.time_ns() // 1_000_000
        env = Env(millisecond // 1000, os.urandom, millisecond % 1000)
        yes = Code(
            client=WEB.id,
            redirect_uri=digest(REDIRECT),
            redirect_sent=True,
            challenge=pkce.challenge(VERIFIER),
            nonce="of the app's own",
            user=who.user.id,
            grant=who.grant.id,
            family=ids.owned_id(env, owner=who.user.id),
            session=who.session.id,
            auth_time=env.now,
            scope=OPENID,
            permissions=OPENID,
            resources=(),
            device=who.family.device,
            expires=env.now + 60,
        )
        return {
            "grant_type": names.AUTHORIZATION_CODE,
            "client_id": WEB.id,
            "code": code.write(msgspec.msgpack.encode(yes), self._subject.keyring, env),
            "code_verifier": VERIFIER,
            "redirect_uri": REDIRECT,
        }

    def _refresh_form(self) -> dict[str, str]:
        client, token = self._subject.refresh_token()
        return {"grant_type": "refresh_token", "client_id": client, "refresh_token": token}

    def _token(self, who: Person, *, cnf: Confirmation | None = None) -> str:
        now = int(time.time())
        token = AccessToken(
            iss=self._subject.issuer,
            sub=who.user.id,
            aud=(self._subject.issuer, API.catalog.resource),
            client_id=WEB.id,
            jti=base64url.encode(os.urandom(16)),
            scope=" ".join(OPENID),
            iat=now,
            exp=now + 300,
            auth_time=who.family.auth_time,
            grant_id=who.grant.id,
            grant_version=1,
            family_id=who.family.id,
            cnf=cnf,
        )
        return jwt.sign(token, key=self._subject.keyring.signing["ES256"], typ=access_token.TYPE)

    def _proof(self, path: str, *, method: str = "POST", token: str = "") -> str:
        return dpop.make(
            KEY,
            method=method,
            address=self._subject.issuer + path,
            now=int(time.time()),
            jti=base64url.encode(os.urandom(12)),
            access_token=token,
        )

    def _post(self, path: str, form: dict[str, str], *, auth: str = "", proof: str = "") -> bytes:
        plain = form_request(
            self._subject.port, path, form, basic=basic(auth, SECRET) if auth else ""
        )
        return plain.replace(b"\r\n", f"\r\nDPoP: {proof}\r\n".encode(), 1) if proof else plain

    def _get(self, path: str, *headers: str) -> bytes:
        lines = (f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{self._subject.port}", *headers)
        return "\r\n".join((*lines, "", "")).encode()


def _request() -> dict[str, str]:
    return {
        "client_id": WEB.id,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": " ".join(OPENID),
        "state": "of the app's own",
        "nonce": "of the app's own",
        "code_challenge": pkce.challenge(VERIFIER),
        "code_challenge_method": "S256",
    }


OPERATIONS: Final[dict[str, Callable[[Requests], Load]]] = {
    "client credentials": lambda on: on.credentials("machine"),
    "client credentials, RS256": lambda on: on.credentials("machine-rsa"),
    "introspection": Requests.introspection,
    "introspection, first time": Requests.introspection_once,
    "refresh": Requests.refresh,
    "refresh, DPoP": Requests.bound_refresh,
    "code": lambda on: on.codes(MANY, scope=()),
    "code, openid": lambda on: on.codes(MANY, scope=OPENID),
    "code, DPoP": lambda on: on.codes(BOUND, scope=OPENID, bound=True),
    "userinfo": Requests.userinfo,
    "userinfo, DPoP": Requests.bound_userinfo,
    "revocation": Requests.revocation,
    "pushed request": Requests.pushed,
    "authorize": Requests.authorize,
    "token exchange": Requests.exchange,
    "jwks": lambda on: on.document("/jwks"),
    "discovery": lambda on: on.document("/.well-known/openid-configuration"),
}
