"""Sign-in at providers that are real: oidc-provider on Node, and valetkey itself."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2
import pytest
from tests.attacks.play import AS_WEB, applied, asking, every
from tests.browser import PATIENCE, Browser, forms
from tests.clients.person import agree
from tests.live import Live, caught_up, free_port
from tests.outside import outside
from tests.providers import CLIENT, away, begins, query, server_with, upstream

from valetkey.jose.seal import digest
from valetkey.server.model.user import Identity, Session, User
from valetkey.server.oauth.admin.apply_plan import DesiredRecord

HERE = Path(__file__).parent
NODE = shutil.which("node")
SECRET = "a-secret-of-the-provider"


def place(url: str) -> str:
    """The host:port of an address."""
    return urlsplit(url).netloc


@pytest.fixture
def node(tmp_path: Path) -> Iterator[tuple[str, Live]]:
    """oidc-provider, and a server at which people sign in with it."""
    if NODE is None:
        pytest.skip("Node.js is not installed")
    if not (HERE / "node/node_modules/oidc-provider").exists():
        pytest.skip("npm packages are not installed: scripts/node-packages.sh tests/clients/node")
    with outside(tmp_path) as host:
        issuer = f"https://localhost:{free_port()}"
        settings = upstream(issuer=issuer, groups="groups", scope=("openid", "profile", "email"))
        with server_with(
            tmp_path, host, settings, fetch_local=(place(issuer),), fetch_ca_file=host.ca
        ) as server:
            here = f"{server.issuer}/sign-in/with/there"
            client = {
                "client_id": CLIENT,
                "client_secret": SECRET,
                "redirect_uris": [f"{here}/callback"],
                "post_logout_redirect_uris": [f"{server.issuer}/signed-out"],
                "backchannel_logout_uri": f"{here}/backchannel-logout",
                "backchannel_logout_session_required": True,
            }
            told = {
                "port": int(issuer.rpartition(":")[2]),
                "certificate": str(tmp_path / "outside.certificate.pem"),
                "key": str(tmp_path / "outside.key.pem"),
                "clients": [client],
            }
            process = subprocess.Popen(
                [NODE, "upstream.mjs", json.dumps(told)],
                cwd=HERE / "node",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                assert process.stdout.readline().strip() == issuer
                yield issuer, server
            finally:
                process.stdin.close()
                process.wait(PATIENCE)
                process.stdout.close()


class Visitor:
    """A person's browser at a provider that others wrote."""

    def __init__(self, at: str) -> None:
        self.at = at
        self.http = httpx2.Client(base_url=at, verify=False, timeout=PATIENCE)

    def signs_in(self, url: str, login: str = "miko") -> str:
        """Signs in and agrees there; the path and query of the way back."""
        reply = self._follow(self.http.get(url))
        for _ in range(3):
            if not str(reply.headers.get("location", "")):
                (form, *_) = forms(reply.text)
                typed = {"login": login, "password": "any"} if "login" in reply.text else {}
                sent = {**form.fields, **typed}
                reply = self._follow(self.http.post(urljoin(self.at, form.action), data=sent))
        back = urlsplit(reply.headers["location"])
        return f"{back.path}?{back.query}"

    def _follow(self, reply: httpx2.Response) -> httpx2.Response:
        while reply.is_redirect:
            there = urljoin(str(reply.request.url), reply.headers["location"])
            if not there.startswith(self.at):
                return reply
            reply = self.http.get(there)
        assert reply.status_code == 200, reply.text[:2000]
        return reply


@pytest.fixture
def visitor(node: tuple[str, Live]) -> Iterator[Visitor]:
    visitor = Visitor(node[0])
    yield visitor
    visitor.http.close()


def test_oidc_provider_on_node(node: tuple[str, Live], visitor: Visitor) -> None:
    issuer, server = node
    browser = server.browser()
    url = begins(browser)
    assert url.startswith(issuer)
    browser.open(visitor.signs_in(url))
    assert 'id="allow"' in browser.page.text, browser.page.text
    (identity,) = every(server, Identity)
    assert (identity.source, identity.subject) == (issuer, "miko")
    assert identity.groups == ("admins", "staff")
    user = next(one for one in every(server, User) if one.id == identity.user)
    assert (user.email, user.email_verified) == ("miko@provider.example", True)
    assert user.display_name == "miko of the provider"
    (session,) = every(server, Session)
    assert session.way == "there"
    assert session.source_sid
    assert 0 <= time.time() - session.auth_time < 60


def test_oidc_provider_signs_in_again_and_says_when(
    node: tuple[str, Live], visitor: Visitor
) -> None:
    server = node[1]
    browser = server.browser()
    browser.open(visitor.signs_in(away(browser, "/sign-in/with/there")))
    (before,) = every(server, Session)
    time.sleep(1.1)
    url = away(browser, "/sign-in/with/there")
    assert (query(url)["prompt"], query(url)["max_age"]) == ("login", "0")
    browser.open(visitor.signs_in(url))
    (session,) = every(server, Session)
    assert session.auth_time > before.auth_time
    assert session.user == before.user


def test_oidc_provider_logs_out(node: tuple[str, Live], visitor: Visitor) -> None:
    """Signing out there ends the session here, by the back channel."""
    server = node[1]
    browser = server.browser()
    browser.open(visitor.signs_in(away(browser, "/sign-in/with/there")))
    assert every(server, Session)
    browser.open("/sign-out")
    reply = browser.send("sign-out")
    page = browser.open(reply.headers["location"])
    link = re.search(r'id="sign-out-elsewhere" href="([^"]+)"', page.text)
    assert link is not None, page.text
    # Signed in here again, and then out there.
    browser.open(visitor.signs_in(away(browser, "/sign-in/with/there")))
    assert every(server, Session)
    asked = visitor.http.get(link[1].replace("&amp;", "&"))
    (form, *_) = forms(asked.text)
    visitor.http.post(form.action, data={**form.fields, "logout": "yes"})
    until = time.monotonic() + PATIENCE
    while every(server, Session) and time.monotonic() < until:
        time.sleep(0.05)
    assert not every(server, Session)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Live, Live]]:
    """Two servers of this project: at the first one, users of the second one sign in."""
    with outside(tmp_path) as host:
        tls = (tmp_path / "outside.certificate.pem", tmp_path / "outside.key.pem")
        there = Live(tmp_path / "there.db", tls=tls, unthrottled=("127.0.0.0/8",))
        there.start()
        try:
            settings = upstream(issuer=there.issuer)
            more: dict[str, Any] = {"fetch_local": (place(there.issuer),), "fetch_ca_file": host.ca}
            with server_with(tmp_path, host, settings, password=False, **more) as here:
                back = f"{here.issuer}/sign-in/with/there"
                fields = {
                    "auth_method": "client_secret_basic",
                    "redirect_uris": (f"{back}/callback",),
                    "scope": ("openid", "profile", "email"),
                    "post_logout_redirect_uris": (f"{here.issuer}/signed-out",),
                    "verified": True,
                }
                applied(
                    there,
                    DesiredRecord(
                        place=CLIENT,
                        kind="client",
                        key=CLIENT,
                        fields=fields,
                        secret=digest(SECRET),
                    ),
                )
                caught_up()
                yield here, there
        finally:
            there.stop()


def test_valetkey_at_valetkey(two: tuple[Live, Live]) -> None:
    here, there = two
    browser, at_home = here.browser(), there.browser()
    # With no other way, the browser goes there at once.
    reply = browser.open("/sign-in?next=/apps")
    callback = agree(at_home, reply.headers["location"])
    assert "You have no" in _arrived(browser, callback) or "No connected apps" in browser.page.text
    (identity,) = every(here, Identity)
    assert identity.subject == there.users["miko"].id
    assert identity.name == "miko@example.org"


def test_silence_travels(two: tuple[Live, Live]) -> None:
    here, there = two
    browser, at_home = here.browser(), there.browser()
    browser.open("/sign-in")
    url = away(browser, asking(AS_WEB, prompt="none").path())
    assert query(url)["prompt"] == "none"
    reply = at_home.open(url)
    back = urlsplit(reply.headers["location"])
    answer = browser.open(f"{back.path}?{back.query}")
    assert "error=login_required" in answer.headers["location"]


def _arrived(browser: Browser, callback: str) -> str:
    back = urlsplit(callback)
    return browser.open(f"{back.path}?{back.query}").text
