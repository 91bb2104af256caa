"""What the load sends to our own server, by operation."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from typing import Final
from urllib.parse import urlencode

import msgspec

from bench.load import fetch_all
from bench.peers.asking import JKT, get, introspect, post
from bench.peers.people import (
    BROWSER_SECRET,
    DEVICES,
    OPENID,
    REDIRECT,
    SERVER,
    TELEVISION,
    WEB,
    Person,
    device_code,
    people_of,
)
from bench.population import API, APPS, SECRET
from bench.subject import VERIFIER, Subject
from bench.wrk import ACTIVE, PENDING, Chain, Load
from valetkey.jose import base64url, jwt
from valetkey.jose.seal import digest
from valetkey.server.model import ids
from valetkey.server.model.environment import Env
from valetkey.server.oauth.tokens import code
from valetkey.server.oauth.tokens.code import Code
from valetkey.spec import names
from valetkey.wire import access_token, pkce
from valetkey.wire.access_token import AccessToken, Confirmation

MANY: Final = 5000
"""Requests of a round, where each is sent once."""

BOUND_COUNT: Final = 2000
"""The same, where each has a proof of its own, or a family of its own that is there already."""

LIVE: Final = 2000
"""Tokens that are asked about in turn."""

GOOD: Final = 150
"""Seconds for which the same tokens are asked about: half of the time that they live."""

APP: Final = APPS[0].id
"""Whose refresh tokens follow one another."""


class Requests:
    """The loads of a server that has what `people.furnish` filled in."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._people = people_of(subject.kept)
        self._port = subject.port
        self._turn = 0
        self._devices = cycle(range(DEVICES))
        self._drawn: dict[str, tuple[float, Load]] = {}
        self._chain = Chain(
            self._port,
            "/token",
            f"grant_type=refresh_token&client_id={APP}&refresh_token={{}}",
            draw=self._refresh_tokens,
        )

    def load(self, operation: str) -> Load:
        """What a round of the operation sends."""
        return OPERATIONS[operation](self)

    def credentials(self, client: str) -> Load:
        """Client credentials."""
        form = {"grant_type": names.CLIENT_CREDENTIALS, "scope": "chirps.read"}
        return Load(requests=[self._post("/token", form, by=(client, SECRET))])

    def refresh(self) -> Load:
        """Refresh tokens of a public client, each of which gives the next."""
        return self._chain.load()

    def bound_refresh(self) -> Load:
        """Refresh tokens that are bound to a key."""
        forms = [self._refresh_form() for _ in range(BOUND_COUNT)]
        return self._once("/token", forms, proved=True)

    def codes(self, count: int, *, scope: tuple[str, ...], dpop_bound: bool = False) -> Load:
        """Codes, each for a new device."""
        return Load(
            requests=list(islice(self._exchanges(scope, dpop_bound=dpop_bound), count)), mode="once"
        )

    def introspection(self) -> Load:
        """Tokens that are live, in turn."""
        return self._again("introspection", self._introspections)

    def _introspections(self) -> Load:
        tokens = [self._subject.token(self._subject.visitor()) for _ in range(LIVE)]
        by = API.id, SECRET
        requests = [self._post("/introspect", {"token": one}, by=by) for one in tokens]
        return Load(requests=requests, holds=ACTIVE)

    def introspection_once(self) -> Load:
        """Tokens that the server gave a moment ago, and was never asked about."""
        tokens = fetch_all(self._port, (self._subject.exchange() for _ in range(MANY)))
        by = API.id, SECRET
        requests = [self._post("/introspect", {"token": one}, by=by) for one in tokens]
        return Load(requests=requests, mode="once", holds=ACTIVE)

    def introspection_elsewhere(self) -> Load:
        """Tokens that another node gave: their signatures have to be checked."""
        requests = [self._subject.introspection() for _ in range(MANY)]
        return Load(requests=requests, mode="once", holds=ACTIVE)

    def revocation(self) -> Load:
        """Refresh tokens that are given back."""
        values = [self._subject.refresh_token() for _ in range(BOUND_COUNT)]
        return self._once(
            "/revoke", [{"client_id": client, "token": token} for client, token in values]
        )

    def userinfo(self) -> Load:
        """Who is it?"""
        return self._again("userinfo", self._questions)

    def _questions(self) -> Load:
        tokens = [self._token(one) for one in self._people]
        return Load(requests=[introspect(self._port, "/userinfo", one) for one in tokens])

    def bound_userinfo(self) -> Load:
        """Who is it? By tokens that are bound to a key."""
        to = Confirmation(jkt=JKT)
        people = islice(cycle(self._people), BOUND_COUNT)
        tokens = [self._token(one, cnf=to) for one in people]
        requests = [introspect(self._port, "/userinfo", one, proved=True) for one in tokens]
        return Load(requests=requests, mode="once")

    def pushed(self) -> Load:
        """Authorization requests by PAR."""
        form = _request() | {"client_id": SERVER.id}
        return Load(requests=[self._post("/par", form, by=(SERVER.id, SECRET))], status=201)

    def authorize(self) -> Load:
        """The redirect of somebody who has said yes before."""
        requests = []
        for who in self._people:
            cookie = f"Cookie: vk_session={who.session.id}.{BROWSER_SECRET}"
            requests.append(get(self._port, f"/authorize?{urlencode(_request())}", cookie))
        return Load(requests=requests, status=303, holds=r"[?&]code=")

    def device(self) -> Load:
        """Devices that come for an answer which nobody has given yet."""
        form = {"grant_type": names.DEVICE_CODE, "client_id": TELEVISION.id}
        forms = [
            form | {"device_code": device_code(next(self._devices))} for _ in range(BOUND_COUNT)
        ]
        return self._once("/token", forms, status=400, holds=PENDING)

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
            requests.append(self._post("/token", form, by=("agent", SECRET)))
        return Load(requests=requests)

    def document(self, path: str) -> Load:
        """What is published."""
        return Load(requests=[get(self._port, path)])

    def _again(self, what: str, draw: Callable[[], Load]) -> Load:
        """The tokens of the round before, while they are good. What a token costs that was never
        seen before is an operation of its own: in short rounds it would be a part of every one, as
        large as the round is short."""
        now = time.monotonic()
        values = self._drawn.get(what)
        if values is None or now - values[0] >= GOOD:
            values = self._drawn[what] = now, draw()
        return values[1]

    def _exchanges(self, scope: tuple[str, ...], *, dpop_bound: bool) -> Iterator[bytes]:
        if scope != OPENID:
            while True:
                yield self._subject.exchange()
        while True:
            form = self._web_form(self._people[self._turn % len(self._people)])
            self._turn += 1
            yield self._post("/token", form, proved=dpop_bound)

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

    def _refresh_tokens(self, count: int) -> list[str]:
        theirs = (
            token for client, token in iter(self._subject.refresh_token, None) if client == APP
        )
        return list(islice(theirs, count))

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

    def _once(
        self,
        path: str,
        forms: Sequence[dict[str, str]],
        *,
        proved: bool = False,
        status: int = 200,
        holds: str = "\r\n\r\n",
    ) -> Load:
        requests = [self._post(path, form, proved=proved) for form in forms]
        return Load(requests=requests, mode="once", status=status, holds=holds)

    def _post(
        self,
        path: str,
        form: dict[str, str],
        *,
        by: tuple[str, str] | None = None,
        proved: bool = False,
    ) -> bytes:
        return post(self._port, path, form, by=by, proved=proved)


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
    "client credentials, opaque": lambda on: on.credentials("machine"),
    "introspection": Requests.introspection,
    "introspection, first time": Requests.introspection_once,
    "introspection, of another node": Requests.introspection_elsewhere,
    "refresh": Requests.refresh,
    "refresh, JWT": Requests.refresh,
    "refresh, DPoP": Requests.bound_refresh,
    "code": lambda on: on.codes(MANY, scope=()),
    "code, openid": lambda on: on.codes(MANY, scope=OPENID),
    "code, two signatures": lambda on: on.codes(MANY, scope=OPENID),
    "code, DPoP": lambda on: on.codes(BOUND_COUNT, scope=OPENID, dpop_bound=True),
    "userinfo": Requests.userinfo,
    "userinfo, DPoP": Requests.bound_userinfo,
    "revocation": Requests.revocation,
    "pushed request": Requests.pushed,
    "authorize": Requests.authorize,
    "device polling": Requests.device,
    "token exchange": Requests.exchange,
    "jwks": lambda on: on.document("/jwks"),
    "discovery": lambda on: on.document("/.well-known/openid-configuration"),
}
