"""Web apps that sign their users in with libraries that others wrote, each a program of its own.

Every app takes `ISSUER`, `CLIENT_ID`, `CLIENT_SECRET` and `PORT` from its environment, listens on
127.0.0.1, sends browsers to the server from its START path, and at the end answers with a text
that names the user's subject.
"""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urljoin

import httpx2
from tests.attacks.play import applied
from tests.browser import PATIENCE
from tests.clients.person import agree
from tests.live import Live, caught_up, free_port

from valetkey.jose.seal import digest
from valetkey.server.oauth.admin.apply_plan import DesiredRecord

SECRET: Final = "vk_cs_a-secret-of-a-web-app-that-its-own-tests-alone-know"


class App(NamedTuple):
    """How an app is started, and where its paths are.

    `command` is run with the environment above, whose names it may also have in braces: `{PORT}`.
    `start` is where a person begins, `callback` its redirect URI's path; `host` is the name that
    its redirect URI has. `scope` is what it asks for. `auth_method` is how it authenticates by
    default.
    """

    command: Sequence[str]
    start: str
    callback: str
    auth_method: str
    host: str = "127.0.0.1"
    scope: tuple[str, ...] = ("openid", "profile", "email")
    folder: Path | None = None
    more: Mapping[str, str] = {}
    fields: Mapping[str, object] = {}
    """What else it is registered with."""
    patience: float = PATIENCE
    """Seconds within which it listens."""


def register(server: Live, client_id: str, app: App, *, port: int, policy: str = "oidc") -> None:
    """Registers the app, as an operator would in a declared state."""
    fields = {
        "auth_method": app.auth_method,
        "redirect_uris": (f"http://{app.host}:{port}{app.callback}",),
        "scope": app.scope,
        "policy": policy,
        **app.fields,
    }
    wish = DesiredRecord(
        place=client_id, kind="client", key=client_id, fields=fields, secret=digest(SECRET)
    )
    applied(server, wish)
    caught_up()


@contextlib.contextmanager
def running(app: App, *, issuer: str, client_id: str, port: int, log: Path) -> Iterator[str]:
    """The app, started; its address. What it prints goes to `log`."""
    given = {
        "ISSUER": issuer,
        "CLIENT_ID": client_id,
        "CLIENT_SECRET": SECRET,
        "PORT": str(port),
        **app.more,
    }
    command = [part.format(**given) for part in app.command]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=app.folder, env=os.environ | given, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            _wait_until_it_listens(process, port, log, app.patience)
            yield f"http://{app.host}:{port}"
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_it_listens(
    process: "subprocess.Popen[bytes]", port: int, log: Path, patience: float
) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text(errors="replace")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("it does not listen: " + log.read_text(errors="replace"))


class Visit:
    """One person's browser at an app. `at_server` is a browser at the server, signed in or not."""

    def __init__(self, server: Live, app: str) -> None:
        self._server, self._app = server, app
        self._http = httpx2.Client(base_url=app, timeout=PATIENCE, verify=False)
        self.at_server = server.browser()

    def sign_in(self, start: str) -> httpx2.Response:
        """Begins at the app's `start`, signs in and agrees at the server, and comes back. The
        app's last page."""
        away = self._within_the_app(self._http.get(start))
        address = away.headers.get("location", "")
        assert address.startswith(self._server.issuer), (away.status_code, away.text[:2000])
        callback = agree(self.at_server, address)
        return self._within_the_app(self._http.get(callback))

    def refused(self, start: str) -> str:
        """Begins at `start`; what the server answers without asking anybody: the address to which
        it sends the browser back, or the page's text."""
        away = self._within_the_app(self._http.get(start))
        reply = self.at_server.open(away.headers["location"])
        return str(reply.headers.get("location", "")) or reply.text

    def close(self) -> None:
        self._http.close()

    def _within_the_app(self, reply: httpx2.Response) -> httpx2.Response:
        for _ in range(8):
            location = urljoin(str(reply.request.url), reply.headers.get("location", ""))
            if not reply.is_redirect or not location.startswith(self._app):
                return reply
            reply = self._http.get(location)
        raise AssertionError(f"{self._app} redirects without end")


@contextlib.contextmanager
def visiting(
    server: Live, client_id: str, app: App, log: Path, *, policy: str = "oidc"
) -> Iterator[Visit]:
    """The app, registered and running, and a person at it."""
    port = free_port()
    register(server, client_id, app, port=port, policy=policy)
    with running(app, issuer=server.issuer, client_id=client_id, port=port, log=log) as address:
        visit = Visit(server, address)
        try:
            yield visit
        finally:
            visit.close()
