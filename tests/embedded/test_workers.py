"""Hosts in several processes, as platforms run them: forked workers that share a database."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx2
import pytest
from tests.attacks.play import AS_WEB
from tests.browser import Browser
from tests.embedded.hosts import Busy, EmbeddingHost, agreed, embedding, redeemed, token, who
from tests.installation import SECRETS
from tests.integration.tools import tool
from tests.postgres import MISSING, cluster

T = TypeVar("T")

WORKERS: Final = 2
SOON: Final = 120.0
"""Seconds in which another worker takes the place of one that was killed, on a busy machine."""

WSGI: Final = "in_workers:application"


def _gunicorn(*more: str) -> Callable[[int], list[str]]:
    words = (sys.executable, "-m", "gunicorn", WSGI, f"--workers={WORKERS}", "--threads=4", *more)
    return lambda port: [*words, f"--bind=127.0.0.1:{port}", "--graceful-timeout=5"]


def _uvicorn(port: int) -> list[str]:
    words = (sys.executable, "-m", "uvicorn", "in_workers:asgi", f"--workers={WORKERS}")
    options = ("--no-proxy-headers", "--log-level=warning", "--timeout-graceful-shutdown=3")
    return [*words, f"--port={port}", *options]


def _uwsgi(port: int) -> list[str]:
    options = ("--master", f"--processes={WORKERS}", "--threads=4", "--die-on-term", "--need-app")
    home = f"--virtualenv={sys.prefix}"
    # It closes each connection after a reply, and does not say so by itself.
    address = (f"--http-socket=127.0.0.1:{port}", "--add-header=Connection: close")
    return [str(tool("uwsgi")), *address, f"--module={WSGI}", home, *options]


HERE: Final = str(Path(__file__).parent)
needs_postgres = pytest.mark.skipif(bool(MISSING), reason=MISSING)
heavy = pytest.mark.integration
FLASK, DJANGO, FASTAPI = "embedded_flask:app", "quick_django:django_wsgi", "embedded_fastapi:app"
WAYS: Final = [
    pytest.param(("flask", FLASK, "sqlite", _gunicorn("--preload")), id="gunicorn, SQLite"),
    pytest.param(
        ("django by WSGI", DJANGO, "postgres", _gunicorn()),
        id="gunicorn, PostgreSQL",
        marks=needs_postgres,
    ),
    pytest.param(
        ("fastapi", FASTAPI, "postgres", _uvicorn),
        id="uvicorn, PostgreSQL",
        marks=[heavy, needs_postgres],
    ),
    pytest.param(("flask", FLASK, "sqlite", _uwsgi), id="uWSGI, SQLite", marks=heavy),
    pytest.param(
        ("django by WSGI", DJANGO, "postgres", _uwsgi),
        id="uWSGI, PostgreSQL",
        marks=[heavy, needs_postgres],
    ),
]


@pytest.fixture(scope="module", params=WAYS)
def host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddingHost]:
    name, app, kind, command = request.param
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(cluster()).url if kind == "postgres" else ""
        folder = tmp_path_factory.mktemp("host")
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("HOST", app)
        running = stack.enter_context(
            embedding(name, folder, asyncio.run, address=address, command=command)
        )
        yield running
    assert "Traceback" not in running.output, running.output


def browser_of(host: EmbeddingHost) -> Browser:
    """A browser whose requests each reach a worker anew."""
    return Browser(host.url, connection="close")


def process_of(connection: HTTPConnection) -> int:
    with contextlib.closing(connection):
        reply = connection.getresponse()
        assert reply.status == 200
        return int(reply.headers["x-process"])


def processes(host: EmbeddingHost) -> set[int]:
    """The workers, as requests that come together find them."""
    found: set[int] = set()
    until = time.monotonic() + SOON
    while len(found) < WORKERS:
        assert time.monotonic() < until, found
        connections = [HTTPConnection("127.0.0.1", host.port, timeout=SOON) for _ in range(24)]
        for connection in connections:
            connection.request("GET", f"{host.path}/healthz", headers={"connection": "close"})
        with contextlib.suppress(OSError, HTTPException):  # Their worker was killed.
            found |= {process_of(connection) for connection in connections}
    return found


def patiently(ask: Callable[[], T]) -> T:
    """On a machine that is busy with other tests, the server may ask to come again."""
    until = time.monotonic() + SOON
    while True:
        try:
            return ask()
        except Busy:
            if time.monotonic() > until:
                raise
            time.sleep(1)


def code_of(host: EmbeddingHost, name: str = "miko") -> str:
    """A code, after sign-in at the host and consent."""

    def ask() -> str:
        browser = browser_of(host)
        try:
            return agreed(host, browser, name)
        finally:
            browser.http.close()

    return patiently(ask)


def connect(host: EmbeddingHost, name: str = "miko") -> dict[str, Any]:
    """A user of the host connects an app: sign-in, consent, code and token."""
    return patiently(lambda: redeemed(host, code_of(host, name)))


def test_what_one_worker_began_another_ends(host: EmbeddingHost) -> None:
    assert len(processes(host)) == WORKERS

    def subjects(name: str) -> set[object]:
        return {who(host, connect(host, name))["sub"] for _ in range(3)}

    with ThreadPoolExecutor(2) as pool:
        miko, noor = pool.map(subjects, ("miko", "noor"))
    assert len(miko) == len(noor) == 1
    assert miko != noor


def test_a_code_is_redeemed_once_by_whichever_worker(host: EmbeddingHost) -> None:
    code = code_of(host)

    def redeem(_: int) -> int:
        reply = httpx2.post(
            f"{host.issuer}/token",
            data=AS_WEB.redemption(code),
            auth=("web", SECRETS["web"]),
            headers={"connection": "close"},
            timeout=SOON,
        )
        return reply.status_code

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(redeem, range(16)))
    # 503: its outcome is unknown.
    assert set(replies) <= {200, 400, 503}, host.output[-4000:]
    assert replies.count(200) == 1 or (503 in replies and 200 not in replies)


def test_a_killed_worker_is_replaced_nothing_is_lost(host: EmbeddingHost) -> None:
    tokens = connect(host)
    before = processes(host)
    os.kill(min(before), signal.SIGKILL)
    until = time.monotonic() + SOON
    after = before
    while min(before) in after:
        assert time.monotonic() < until
        after = processes(host)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    again = patiently(lambda: token(host, **form))
    assert who(host, again)["sub"] == who(host, connect(host))["sub"]


@heavy
def test_uwsgi_without_threads_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", FLASK)

    def command(port: int) -> list[str]:
        return [one for one in _uwsgi(port) if not one.startswith("--threads")]

    with embedding("flask", tmp_path, asyncio.run, command=command) as host:
        assert httpx2.get(f"{host.issuer}/healthz", timeout=SOON).status_code == 500
        assert "start it with --enable-threads" in host.output
