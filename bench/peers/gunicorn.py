"""Peers in Python, under gunicorn, from the bench's own environment."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx2

from bench.machine import free_port
from bench.peers.asking import post
from bench.peers.peer import Running, program
from bench.subject import VERIFIER, basic
from bench.wrk import ACTIVE, Chain, Load
from valetkey.wire import pkce

ROOT: Final = Path(__file__).parents[2]
GUNICORN: Final = ROOT / "build/bench/bin/gunicorn"
APPS: Final = Path(__file__).parent / "apps"
SECRET: Final = "a-secret-of-the-bench-and-of-nobody-else"
REDIRECT: Final = "https://web.example/callback"
LIVE: Final = 500
"""Tokens that are asked about in turn."""

MANY: Final = 1000
"""Requests of a round, where each is sent once."""

Make = Callable[["Requests"], Load]


class Gunicorn:
    """One worker with threads, so that connections are kept alive."""

    def __init__(self, name: str, app: str, operations: Mapping[str, Make]) -> None:
        self.name = name
        self.operations: Sequence[str] = tuple(operations)
        self._app = app
        self._made = operations

    def missing(self) -> str:
        return "" if GUNICORN.exists() else "not installed (make bench does it)"

    @contextlib.contextmanager
    def serving(self, operation: str, folder: Path) -> Iterator[Running]:
        """The application under gunicorn."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [str(GUNICORN), "--bind", f"127.0.0.1:{port}", "--workers", "1"]
        command += ["--worker-class", "gthread", "--threads", "8", "--keep-alive", "75"]
        command += ["--worker-connections", "1000", "--log-level", "warning"]
        command += ["--chdir", str(APPS), f"{self._app}:app"]
        environment = {
            **os.environ,
            "BENCH_ISSUER": url,
            "BENCH_DATABASE": str(folder / "django.db"),
            "BENCH_CHALLENGE": pkce.challenge(VERIFIER),
            "PYTHONPATH": "",
        }
        with program(command, folder=folder, health=f"{url}/jwks", environment=environment) as (
            pid,
            first,
        ):
            requests = Requests(port)
            yield Running(
                pid=pid, port=port, first=first, load=lambda: self._made[operation](requests)
            )


class Requests:
    """What is sent to such an application."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._chain: Chain | None = None

    def fetch_values(self, what: str, count: int) -> list[str]:
        """So many fresh codes or tokens."""
        url = f"http://127.0.0.1:{self._port}/drawn/{what}?count={count}"
        return httpx2.get(url, timeout=60).raise_for_status().text.split()

    def credentials(self, path: str) -> Load:
        """Client credentials."""
        form = {"grant_type": "client_credentials", "scope": "chirps"}
        return Load(requests=[self._post(path, form, auth="machine")])

    def introspection(self, path: str, by: str) -> Load:
        """Tokens that are live, in turn."""
        tokens = self.fetch_values("access", LIVE)
        requests = [self._post(path, {"token": one}, auth=by) for one in tokens]
        return Load(requests=requests, holds=ACTIVE)

    def refresh(self, path: str, *, public: bool) -> Load:
        """Refresh tokens, each of which gives the next."""
        if self._chain is None:
            self._chain = Chain(
                self._port,
                path,
                "client_id=web&" * public + "grant_type=refresh_token&refresh_token={}",
                draw=lambda count: self.fetch_values("refresh", count),
                headers=[] if public else [f"Authorization: Basic {basic('web', SECRET)}"],
            )
        return self._chain.load()

    def revocation(self, path: str) -> Load:
        """Refresh tokens that are given back."""
        forms = [{"client_id": "web", "token": one} for one in self.fetch_values("refresh", MANY)]
        return Load(requests=[self._post(path, form) for form in forms], mode="once")

    def codes(self, path: str) -> Load:
        """Codes, each once."""
        form = {
            "grant_type": "authorization_code",
            "client_id": "web",
            "code_verifier": VERIFIER,
            "redirect_uri": REDIRECT,
        }
        codes = self.fetch_values("code", MANY)
        return Load(requests=[self._post(path, form | {"code": one}) for one in codes], mode="once")

    def _post(self, path: str, form: dict[str, str], *, auth: str = "") -> bytes:
        return post(self._port, path, form, by=(auth, SECRET) if auth else None)


DJANGO: Final = Gunicorn(
    "django-oauth-toolkit",
    "django_app",
    {
        "client credentials, opaque": lambda on: on.credentials("/o/token/"),
        "introspection": lambda on: on.introspection("/o/introspect/", "chirp"),
        "refresh": lambda on: on.refresh("/o/token/", public=True),
        "code": lambda on: on.codes("/o/token/"),
        "revocation": lambda on: on.revocation("/o/revoke_token/"),
    },
)

AUTHLIB: Final = Gunicorn(
    "Authlib",
    "authlib_app",
    {
        "client credentials": lambda on: on.credentials("/token"),
        "introspection": lambda on: on.introspection("/introspect", "web"),
        "refresh": lambda on: on.refresh("/token", public=False),
    },
)
