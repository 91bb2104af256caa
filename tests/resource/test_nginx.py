"""The guard behind Debian's nginx, as the guide has it: an API in any language follows live."""

import contextlib
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx2
import pytest
from tests.attacks.play import change, claims, find
from tests.cli.test_serve import environ
from tests.docs.markdown import ROOT, blocks
from tests.installation import CHIRP, SECRETS
from tests.live import Live, free_port, live
from tests.resource.test_kit import bearer, key

from valetkey.client import LimitReached, PermissionMissing, raise_for_refusal
from valetkey.server.model.grant import Grant
from valetkey.server.model.limits import Bounds, limits

NGINX: Final = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
MINE: Final = "c770aef3-6784-41f7-8e0e-ff5f97bddb3a"
GUIDE: Final = ROOT / "docs" / "howto" / "guard.md"

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


class Echo(BaseHTTPRequestHandler):
    """The API: says who calls, as the proxy tells it."""

    def do_GET(self) -> None:
        text = f"{self.headers.get('X-User')} by {self.headers.get('X-App')}".encode()
        self.send_response(int(self.path.partition("?status=")[2] or 200))
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def block_of(kind: str) -> str:
    (text,) = [one.text for one in blocks(kind) if one.page == GUIDE]
    return text


@contextlib.contextmanager
def api() -> Iterator[int]:
    serving = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=serving.serve_forever, args=(0.05,), daemon=True).start()
    yield serving.server_port
    serving.shutdown()
    serving.server_close()


@contextlib.contextmanager
def running(command: list[str], port: int, folder: Path) -> Iterator[None]:
    with (folder / f"{port}.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ({}), stdout=log, stderr=log)
    try:
        until = time.monotonic() + 30
        while True:
            with contextlib.suppress(httpx2.HTTPError):
                httpx2.get(f"http://127.0.0.1:{port}/")
                break
            text = (folder / f"{port}.log").read_text()
            assert process.poll() is None, text
            assert time.monotonic() < until, text
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("nginx")) as one:
        yield one


@pytest.fixture(scope="module")
def proxy(server: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with behind(tmp_path_factory.mktemp("proxy"), server.issuer) as front:
        yield front


@contextlib.contextmanager
def behind(folder: Path, issuer: str) -> Iterator[str]:
    """The address of nginx, which asks a guard of that issuer."""
    guard, front = free_port(), free_port()
    (folder / "chirp.secret").write_text(SECRETS["chirp"])
    text = block_of("toml").replace("https://id.chirp.example", issuer)
    (folder / "guard.toml").write_text(text)
    (folder / "catalog.toml").write_text(
        f'resource = "{CHIRP}"\nname = "Chirp"\n'
        'permissions = [{id = "chirps.read", can = "read"},'
        ' {id = "chirps.write", can = "post", counted = true}]\n'
    )
    with api() as upstream:
        site = block_of("nginx").replace("127.0.0.1:8010", f"127.0.0.1:{guard}")
        site = site.replace("127.0.0.1:8080", f"127.0.0.1:{upstream}")
        site = site.replace("listen 80;", f"listen 127.0.0.1:{front};")
        (folder / "nginx.conf").write_text(
            f"daemon off; pid {folder}/pid; error_log stderr;\nevents {{}}\n"
            f"http {{ access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;"
            f" fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d;"
            f" scgi_temp_path {folder}/e;\n{site}\n}}\n"
        )
        command = [sys.executable, "-m", "valetkey", "guard", "guard.toml", "--port", str(guard)]
        nginx = [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf")]
        with running(command, guard, folder), running(nginx, front, folder):
            yield f"http://127.0.0.1:{front}"


def test_who_calls_is_told_to_the_api(server: Live, proxy: str) -> None:
    token = key(server, "openid chirps")
    lying = {**bearer(token), "X-User": "somebody", "X-App": "some app"}
    answer = httpx2.get(f"{proxy}/chirps", headers=lying)
    assert (answer.status_code, answer.text) == (200, f"{server.users['miko'].id} by stefapp")
    named = {**lying, "x-fapi-interaction-id": MINE}
    assert httpx2.get(f"{proxy}/chirps", headers=named).headers["x-fapi-interaction-id"] == MINE


def test_what_does_not_pass_never_reaches_the_api(server: Live, proxy: str) -> None:
    without = httpx2.get(f"{proxy}/chirps")
    assert without.status_code == 401
    assert len(str(UUID(without.headers["x-fapi-interaction-id"]))) == 36
    assert "resource_metadata" in without.headers["www-authenticate"]
    token = key(server, "openid chirps.read")
    assert httpx2.post(f"{proxy}/chirps", headers=bearer(token)).status_code == 403
    lying = {**bearer(token), "X-Original-Method": "GET", "X-Original-URI": "/chirps"}
    assert httpx2.post(f"{proxy}/chirps", headers=lying).status_code == 403
    assert httpx2.get(f"{proxy}/admin", headers=lying).status_code == 403
    assert httpx2.get(f"{proxy}/verify", headers=lying).status_code == 404


def test_a_403_says_what_is_lacking(server: Live, proxy: str) -> None:
    token = key(server, "openid chirps.read")
    answer = httpx2.post(f"{proxy}/chirps", headers=bearer(token))
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert len(str(UUID(answer.headers["x-fapi-interaction-id"]))) == 36
    assert answer.json() == {
        "error": "insufficient_scope",
        "error_description": "the access token does not open this",
        "scope": "chirps.write",
        "allowed": "chirps.read",
    }
    with pytest.raises(PermissionMissing) as missing:
        raise_for_refusal(answer)
    assert missing.value.permissions == {"chirps.write"}
    assert missing.value.allowed == {"chirps.read"}


def test_a_403_says_which_limit_was_reached(server: Live, proxy: str) -> None:
    token = key(server, "openid chirps")
    bounds = {"chirps.write": Bounds(often={"total": 1})}
    grant = find(server, Grant, claims(token)["grant_id"])
    change(server, grant, limits=limits(permissions=bounds))
    token = key(server, "openid chirps")
    assert httpx2.post(f"{proxy}/chirps", headers=bearer(token)).status_code == 200
    answer = httpx2.post(f"{proxy}/chirps", headers=bearer(token))
    assert answer.status_code == 403
    told = answer.json()
    assert (told["error"], told["permission"], told["limit"], told["most"]) == (
        "limit_reached",
        "chirps.write",
        "often",
        1,
    )
    with pytest.raises(LimitReached):
        raise_for_refusal(answer)


def test_a_401_has_one_challenge_and_a_body(proxy: str) -> None:
    answer = httpx2.get(f"{proxy}/chirps", headers=bearer("nonsense"))
    assert answer.status_code == 401
    assert len(answer.headers.get_list("www-authenticate")) == 1
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["error"] == "invalid_token"


def test_what_no_route_fits_says_so(server: Live, proxy: str) -> None:
    answer = httpx2.get(f"{proxy}/admin", headers=bearer(key(server, "openid chirps")))
    assert answer.status_code == 403
    assert answer.json() == {"error": "access_denied", "error_description": "no route fits"}


def test_what_the_api_answers_stays_as_it_is(server: Live, proxy: str) -> None:
    token = key(server, "openid chirps")
    for status in (401, 403, 500):
        answer = httpx2.get(f"{proxy}/chirps?status={status}", headers=bearer(token))
        assert (answer.status_code, answer.text) == (
            status,
            f"{server.users['miko'].id} by stefapp",
        )


def test_it_follows_live(server: Live, proxy: str) -> None:
    token = key(server, "openid chirps")
    assert httpx2.get(f"{proxy}/chirps", headers=bearer(token)).status_code == 200
    change(server, find(server, Grant, claims(token)["grant_id"]), status="paused")
    until = time.monotonic() + 2
    requests = 0.0
    while (answer := httpx2.get(f"{proxy}/chirps", headers=bearer(token))).status_code == 200:
        assert requests < until
        requests = time.monotonic()
    assert answer.status_code == 401
    assert 'reason="paused"' in answer.headers["www-authenticate"]


def test_while_nobody_can_be_asked_it_says_so(tmp_path: Path) -> None:
    with behind(tmp_path, "http://127.0.0.1:9") as front:
        answer = httpx2.get(f"{front}/chirps", headers=bearer("a.b.c"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["error"] == "temporarily_unavailable"
