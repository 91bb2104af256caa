"""The examples of hosts as programs of their own, with the apps of the tests in their database."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec
from tests.attacks.play import AS_WEB, asking
from tests.browser import Browser
from tests.docs.markdown import ROOT
from tests.installation import CLIENTS, LOOPBACK, POLICIES, RESOURCE_SERVERS, SECRETS
from tests.live import free_port

from valetkey.jose import base64url
from valetkey.server.model.change import Create
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import Database, PostgresURL
from valetkey.server.store.port import Store

EXAMPLES: Final = ROOT / "examples"
PATH: Final = "/oauth"
PASSWORDS: Final = {"miko": "correct horse battery", "noor": "staple of the evening"}

_HERE: Final = ROOT / "tests" / "embedded"


def _uvicorn(app: str, folder: Path) -> Callable[[int], list[str]]:
    options = ["--no-proxy-headers", "--log-level", "warning", "--timeout-graceful-shutdown", "3"]
    return lambda port: [
        *("-m", "uvicorn", app, "--app-dir", str(folder), "--port", str(port)),
        *options,
    ]


def _flask(port: int) -> list[str]:
    program = str(EXAMPLES / "embedded-flask" / "embedded_flask.py")
    return ["-m", "flask", "--app", program, "run", "--port", str(port)]


def _django(port: int) -> list[str]:
    return [str(_HERE / "quick_django.py"), "runserver", "--noreload", f"127.0.0.1:{port}"]


COMMANDS: Final[dict[str, Callable[[int], list[str]]]] = {
    "fastapi": _uvicorn("embedded_fastapi:app", EXAMPLES / "embedded-fastapi"),
    "flask": _flask,
    "django by WSGI": _django,
    "django by ASGI": _uvicorn("quick_django:asgi", _HERE),
}
"""How each is started, by a Python that knows the project."""


class EmbeddingHost:
    """A running host. Its machine clients' `http` speaks to the server in it; `url` is the host's
    own. Its database is a file in the folder, or that of the `address` in PostgreSQL."""

    path = PATH

    def __init__(self, name: str, folder: Path, *, address: str = "") -> None:
        self.name = name
        self.address = address
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.issuer = self.url + PATH
        self.http = httpx2.Client(base_url=self.issuer, verify=False, timeout=20)
        self.environ = {
            **os.environ,
            "ISSUER": self.issuer,
            "SESSION_SECRET": "no secret of anybody's, and long enough for all",
            "PYTHONPATH": os.pathsep.join(
                map(str, (ROOT / "src", ROOT, *EXAMPLES.glob("embedded-*"), _HERE))
            ),
            "PYTHONWARNINGS": "default",
        }
        if address:
            key = base64url.encode(os.urandom(32))
            self.environ |= {"DATABASE": address, "VALETKEY_MASTER_KEY": key}

    def browser(self) -> Browser:
        return Browser(self.url)

    def sign_in(self, browser: Browser, name: str = "miko") -> None:
        """Fills in the host's own sign-in form."""
        # One form has a field `name`, the other a field `username`.
        password = PASSWORDS[name]
        if self.name.startswith("django"):
            browser.press("login", username=name, password=password)
        else:
            browser.press("login", name=name, password=password)

    @property
    def database(self) -> Path | PostgresURL:
        return PostgresURL(self.address) if self.address else self.folder / "valetkey.db"

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()


async def furnished(database: Path | PostgresURL) -> None:
    """Puts the apps and APIs of the tests into a new database. Its users are the host's."""
    store: Store = await open_store(Database(database))
    (web,) = (client for client in CLIENTS if client.id == "web")
    # A browser that runs can reach this one.
    local = msgspec.structs.replace(web, id="local", redirect_uris=(LOOPBACK,))
    records = (*CLIENTS, local, *RESOURCE_SERVERS, *POLICIES)
    await store.commit(tuple(Create(record) for record in records))
    await store.close()


def _make_django_users(host: EmbeddingHost) -> None:
    """Migrates the host's own database, and adds its users."""
    program = (
        "import quick_django, sys; from django.core.management import call_command;"
        "call_command('migrate', verbosity=0);"
        "from django.contrib.auth.models import User;"
        f"[User.objects.create_user(n, f'{{n}}@chirp.example', p, first_name=n.title())"
        f" for n, p in {PASSWORDS!r}.items()]"
    )
    command = [sys.executable, "-c", program]
    subprocess.run(command, env=host.environ, cwd=host.folder, check=True)


@contextlib.contextmanager
def embedding(
    name: str,
    folder: Path,
    run: Callable[[Any], Any],
    *,
    address: str = "",
    command: Callable[[int], list[str]] | None = None,
) -> Iterator[EmbeddingHost]:
    """The host in this framework, as a program that listens on a loopback port. `run` awaits.
    `command` starts it in another way than on its own."""
    host = EmbeddingHost(name, folder, address=address)
    run(furnished(host.database))
    if name.startswith("django"):
        _make_django_users(host)
    words = [sys.executable, *COMMANDS[name](host.port)] if command is None else command(host.port)
    with (folder / "output").open("wb") as output:
        program = subprocess.Popen(
            words, env=host.environ, cwd=folder, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait(host, program)
        yield host
    finally:
        host.http.close()
        program.terminate()
        try:
            program.wait(20)
        except subprocess.TimeoutExpired:
            program.kill()
            raise


def _wait(host: EmbeddingHost, program: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        with contextlib.suppress(httpx2.TransportError):
            httpx2.get(f"{host.url}/login")
            return
        if program.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError(f"{host.name} does not start: {host.output}")


# A user connects an app.


class Busy(AssertionError):
    """The server asked to come again: its database did not answer in time."""


def check(host: EmbeddingHost, reply: httpx2.Response, status: int) -> None:
    """The reply has the status. Raises Busy for 503."""
    if reply.status_code != status:
        kind = Busy if reply.status_code == 503 else AssertionError
        raise kind(f"{reply.status_code}: {reply.text}\n{host.output[-3000:]}")


def ask(host: EmbeddingHost, browser: Browser, **more: str) -> Browser:
    """The app sends the browser to the server."""
    browser.open(host.path + asking(AS_WEB, **more).path())
    return browser


def at_login(browser: Browser) -> bool:
    return browser.page.url.path == "/login"


def agreed(host: EmbeddingHost, browser: Browser, name: str = "miko", **more: str) -> str:
    """The code, after what is needed of sign-in and consent."""
    ask(host, browser, **more)
    if at_login(browser):
        host.sign_in(browser, name)
    if 'id="allow"' in browser.page.text:
        browser.press("allow")
    check(host, browser.page, 303)
    return browser.answer()["code"]


def token(host: EmbeddingHost, **form: str) -> dict[str, Any]:
    reply = host.http.post("/token", data=form, auth=("web", SECRETS["web"]))
    check(host, reply, 200)
    answer: dict[str, Any] = reply.json()
    return answer


def redeemed(host: EmbeddingHost, code: str) -> dict[str, Any]:
    return token(host, **AS_WEB.redemption(code))


def who(host: EmbeddingHost, tokens: dict[str, Any]) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    claims: dict[str, Any] = host.http.get("/userinfo", headers=headers).raise_for_status().json()
    return claims
