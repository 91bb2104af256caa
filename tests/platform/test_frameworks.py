"""The kit in each framework, and a platform without it: the examples as they stand, as programs, in
front of a running server. Miko has an account at the platform, and none at the server."""

import contextlib
import html
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx2
import pytest
from tests.browser import PATIENCE, Asking, forms
from tests.docs.markdown import ROOT
from tests.installation import SECRETS, WEB, secret
from tests.live import Live, caught_up, free_port

from valetkey.jose.seal import digest
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.settings.ways import HandoffSettings, SignInSettings

NODE: Final = shutil.which("node")
PACKAGES: Final = ROOT / "tests/clients/node/node_modules"
EXAMPLES: Final = ROOT / "examples"
PASSWORD: Final = "the platform's own password"
DJANGO: Final = EXAMPLES / "platform-django" / "platform_django.py"


def _uvicorn(port: int, folder: Path) -> list[str]:
    where = ["--app-dir", str(EXAMPLES / "platform-fastapi"), "--port", str(port)]
    return [sys.executable, "-m", "uvicorn", "platform_fastapi:app", *where]


def _flask(port: int, folder: Path) -> list[str]:
    program = str(EXAMPLES / "platform-flask" / "platform_flask.py")
    return [sys.executable, "-m", "flask", "--app", program, "run", "--port", str(port)]


def _django(port: int, folder: Path) -> list[str]:
    return [sys.executable, str(DJANGO), "runserver", "--noreload", f"127.0.0.1:{port}"]


def _express(port: int, folder: Path) -> list[str]:
    # Node looks for packages beside the program.
    program = folder / "platform-express.mjs"
    program.write_bytes((EXAMPLES / "platform-express" / program.name).read_bytes())
    (folder / "node_modules").symlink_to(PACKAGES)
    return [str(NODE), str(program)]


COMMANDS: Final[dict[str, Callable[[int, Path], list[str]]]] = {
    "fastapi": _uvicorn,
    "flask": _flask,
    "django": _django,
    "express": _express,
}


def asking(**more: str) -> Asking:
    """A web app's request, and `more`."""
    return Asking(client_id="web", redirect_uri=WEB, scope="openid chirps.read", more=more)


class Visitor:
    """A browser that goes from one site to the other, until it is sent to an app."""

    def __init__(self) -> None:
        self.http = httpx2.Client(timeout=PATIENCE)
        self.url = ""
        self.page = httpx2.Response(204)
        self.seen: list[str] = []

    def open(self, url: str) -> None:
        self._go(httpx2.Request("GET", url))

    def press(self, button: str, **fields: str) -> None:
        form = next(one for one in forms(self.page.text) if button in one.buttons)
        name, value = form.buttons[button]
        boxes = [("permission", one) for one in form.boxes]
        sent = [*(form.fields | fields).items(), *boxes, *([(name, value)] if name else [])]
        parts = urlsplit(self.url)
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "origin": f"{parts.scheme}://{parts.netloc}",
        }
        self._go(
            httpx2.Request(
                "POST",
                urljoin(self.url, form.action),
                content=urlencode(sent).encode(),
                headers=headers,
            )
        )

    @property
    def answer(self) -> dict[str, str]:
        """What the app was sent."""
        assert self.url.startswith(WEB), (self.url, self.page.status_code, self.page.text)
        query = parse_qs(urlsplit(self.url).query)
        return {name: values[0] for name, values in query.items()}

    def _go(self, request: httpx2.Request) -> None:
        for _ in range(12):
            self.url = str(request.url)
            self.seen.append(self.url)
            if self.url.startswith(WEB):
                return
            built = self.http.build_request(
                request.method, request.url, content=request.content, headers=request.headers
            )
            self.page = self.http.send(built)
            if not self.page.has_redirect_location:
                return
            request = httpx2.Request("GET", urljoin(self.url, self.page.headers["location"]))
        raise AssertionError(f"sent around without end: {self.seen[-4:]}")


class Site:
    """A running platform, and the server that leads its users there."""

    def __init__(self, server: Live, url: str, output: Path) -> None:
        self.server = server
        self.url = url
        self.output = output

    def asks(self, **more: str) -> str:
        return self.server.url + asking(**more).path()

    def token(self, code: str) -> dict[str, Any]:
        """What the API learns about the token that the app gets."""
        tokens = self.server.http.post(
            "/token", data=asking().redemption(code), auth=("web", SECRETS["web"])
        )
        assert tokens.status_code == 200, tokens.text
        answer: dict[str, Any] = self.server.http.post(
            "/introspect",
            data={"token": tokens.json()["access_token"]},
            auth=("chirp", SECRETS["chirp"]),
        ).json()
        return answer


@pytest.fixture(
    scope="module",
    params=[
        *(name for name in COMMANDS if name != "express"),
        pytest.param(
            "express",
            marks=[
                pytest.mark.node,
                pytest.mark.skipif(NODE is None, reason="Node.js is not installed"),
                pytest.mark.skipif(
                    not (PACKAGES / "express").exists(), reason="express is not installed"
                ),
            ],
        ),
    ],
)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder, own, port = tmp_path_factory.mktemp("platform"), secret(), free_port()
    url = f"http://127.0.0.1:{port}"
    handoff = HandoffSettings(url=f"{url}/valetkey-login")
    server = Live(folder / "valetkey.db", sign_in=SignInSettings(password=False, handoff=handoff))
    server.start()
    answering = Client(
        id="chirp-website",
        name="Chirp",
        auth_method="client_secret_basic",
        secrets=(StoredSecret(digest(own), 0),),
        grant_types=(),
        scope=("interactions.answer",),
    )
    server.run(server.store.commit([Create(answering)]))
    caught_up()
    with _running(request.param, folder, port, ISSUER=server.issuer, SECRET=own) as output:
        yield Site(server, url, output)
    server.stop()


@contextlib.contextmanager
def _running(name: str, folder: Path, port: int, **settings: str) -> Iterator[Path]:
    environ = {
        **os.environ,
        **settings,
        "PASSWORD": PASSWORD,
        "PORT": str(port),
        "DATABASE": str(folder / "platform.sqlite3"),
        "DJANGO_SECRET": "for the time of a test",
        "PYTHONPATH": str(ROOT / "src"),
    }
    output = folder / "output"
    with output.open("wb") as file:
        if name == "django":
            for line in (["migrate", "-v0"], ["shell", "-v0", "-c", MIKO]):
                command = [sys.executable, str(DJANGO), *line]
                subprocess.run(command, env=environ, check=True, stdout=file, stderr=file)
        program = subprocess.Popen(
            COMMANDS[name](port, folder), env=environ, stdout=file, stderr=file
        )
    try:
        _wait(port, program, output)
        yield output
    finally:
        program.terminate()
        program.wait(20)


MIKO: Final = f"""
from django.contrib.auth.models import User
User.objects.create_user("miko", "miko@chirp.example", {PASSWORD!r}, id=17)
"""


def _wait(port: int, program: subprocess.Popen[bytes], output: Path) -> None:
    for _ in range(1200):
        with contextlib.suppress(httpx2.TransportError):
            httpx2.get(f"http://127.0.0.1:{port}/")
            return
        if program.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError(f"the platform does not start: {output.read_text()}")


@pytest.fixture
def visitor() -> Iterator[Visitor]:
    visitor = Visitor()
    yield visitor
    visitor.http.close()


def sign_in(visitor: Visitor) -> None:
    visitor.press("sign-in", username="miko", password=PASSWORD)


def test_the_whole_way(site: Site, visitor: Visitor) -> None:
    """Sign-in at the platform, consent here, and the API knows the user by the platform's id."""
    visitor.open(site.asks())
    assert visitor.url.startswith(f"{site.url}/login"), (visitor.page.text, site.output.read_text())
    sign_in(visitor)
    assert visitor.url.startswith(site.server.url), site.output.read_text()
    if 'id="allow"' in visitor.page.text:
        visitor.press("allow")
    assert site.token(visitor.answer["code"])["sub_id"] == {"format": "opaque", "id": "17"}

    # Who is signed in is not asked again, and a silent request needs no page.
    visitor.open(site.asks(prompt="none"))
    assert "code" in visitor.answer

    # A new sign-in is one at the platform.
    visitor.open(site.asks(prompt="login"))
    assert visitor.url.startswith(f"{site.url}/login")
    sign_in(visitor)
    if 'id="allow"' in visitor.page.text:
        visitor.press("allow")
    assert "code" in visitor.answer

    # Signing out at the platform is signing out here.
    visitor.open(f"{site.server.url}/apps")
    assert visitor.url == f"{site.server.url}/apps"
    visitor.open(site.url)
    visitor.press("sign-out")
    visitor.open(f"{site.server.url}/apps")
    assert visitor.url.startswith(f"{site.url}/login")


def test_a_silent_request_of_a_stranger_fails_without_a_page(site: Site, visitor: Visitor) -> None:
    visitor.open(site.asks(prompt="none"))
    assert visitor.answer["error"] == "login_required"


def test_a_user_cancels(site: Site, visitor: Visitor) -> None:
    visitor.open(site.asks())
    handle = next(filter(None, (re.search("interaction=([^&]+)", one) for one in visitor.seen)))[1]
    visitor.open(f"{site.url}/valetkey-login?interaction={handle}&cancel=1")
    if not visitor.url.startswith(WEB):
        link = re.search(rf'href="({re.escape(WEB)}[^"]*)"', visitor.page.text)
        assert link is not None, visitor.page.text
        visitor.open(html.unescape(link[1]))
    assert visitor.answer["error"] == "access_denied"


@pytest.mark.parametrize("handle", ["", "no-such-handle", "a" * 65])
def test_an_unknown_handle_leads_nowhere(site: Site, visitor: Visitor, handle: str) -> None:
    visitor.open(f"{site.url}/valetkey-login?interaction={handle}")
    assert visitor.url.startswith(site.url)
    assert visitor.page.status_code == 400
    assert "start again" in visitor.page.text
