"""The real server on a loopback port, in a thread of the test, over a real database file."""

import asyncio
import contextlib
import fcntl
import functools
import itertools
import os
import random
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import uvicorn
from tests.browser import PATIENCE, Browser
from tests.installation import furnish
from tests.keys import lent

from valetkey.server.app import create
from valetkey.server.http.fast.protocol import protocol_of
from valetkey.server.http.installation import FRESH
from valetkey.server.model.user import User
from valetkey.server.settings import Settings
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import Database, PostgresURL
from valetkey.server.store.keyring import ensure_keys
from valetkey.server.store.port import Store


def caught_up() -> None:
    """Waits until running servers know what was just written: of catalogs, policies and keys they
    may be a second behind, and nothing tells when they have looked."""
    time.sleep(FRESH + 0.1)


class Live:
    """A running server. `url` is where it listens, `issuer` what it says it is called: `url` and
    the `path`, unless told otherwise. `http` is a client for machines' calls. Its database is the
    file, or the PostgreSQL `at`. Without `fast`, every request takes the ordinary path. `tls` are
    the files of a certificate and its key."""

    def __init__(self, database: Path, **settings: Any) -> None:
        self.port: int = settings.pop("port", 0) or free_port()
        self._tls: tuple[Path, Path] | None = settings.pop("tls", None)
        host = settings.pop("host", "localhost" if self._tls else "127.0.0.1")
        self.url = f"{'https' if self._tls else 'http'}://{host}:{self.port}"
        self.path: str = settings.pop("path", "")
        self.issuer: str = settings.pop("issuer", self.url + self.path)
        self.database = database
        self.master_key: bytes = settings.pop("master_key", None) or os.urandom(32)
        at: Path | PostgresURL = settings.pop("at", database)
        self._fast: bool = settings.pop("fast", True)
        self.settings = Settings(
            issuer=self.issuer, port=self.port, database=Database(at), **settings
        )
        self.store: Store
        self.users: dict[str, User] = {}
        self.http = httpx2.Client(base_url=self.url + self.path, verify=False, timeout=PATIENCE)
        self._browsers: list[Browser] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self, *, furnished: bool = True) -> None:
        """Starts it, on a furnished database unless told otherwise."""
        self._thread.start()
        self.run(self._open(furnished=furnished))

    def stop(self) -> None:
        """Stops it, and closes the database. Nothing to do where it is stopped already."""
        if self._loop.is_closed():
            return
        for client in (self.http, *(browser.http for browser in self._browsers)):
            client.close()
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def browser(self, **headers: str) -> Browser:
        """A fresh browser profile, closed with the server."""
        browser = Browser(self.url, **headers)
        self._browsers.append(browser)
        return browser

    def run(self, work: Any) -> Any:
        """Awaits something on the server's loop, such as a call of its store."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _opened(self) -> Store:
        return await open_store(self.settings.database)

    async def _open(self, *, furnished: bool) -> None:
        self.store = await self._opened()
        with lent():
            await ensure_keys(self.store, self.master_key)
        if furnished:
            self.users = await furnish(self.store)
        self._app = app = create(self.settings, self.store, master_key=self.master_key)
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=self.port,
            http=protocol_of(app, fast=self._fast),
            log_config=None,
            proxy_headers=False,
            ssl_certfile=self._tls and self._tls[0],
            ssl_keyfile=self._tls and self._tls[1],
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve())
        while not self._server.started:
            if self._serving.done():
                await self._serving
            await asyncio.sleep(0.01)

    async def _close(self) -> None:
        self._app.stop()
        self._server.should_exit = True
        await self._serving


@contextlib.contextmanager
def live(folder: Path, **settings: Any) -> Iterator[Live]:
    """A furnished server for the time of a test."""
    server = Live(folder / "valetkey.db", **settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


_PORTS: Final = range(20_000, 32_000)
_turns: Final = itertools.count(random.randrange(len(_PORTS)))
_drawn: Final = set[int]()
_LOCKS: Final = Path(tempfile.gettempdir()) / f"valetkey-ports-{os.getuid()}"


@functools.cache
def _locks() -> int:
    # Never closed: with any descriptor of a file, a process gives up all its locks on it.
    return os.open(_LOCKS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def free_port() -> int:
    """A port that nobody listens on, none of those that the system lends to clients: it stays free
    while a server is down. No port is drawn twice: not by this process, and not by another one
    until this one has ended, as a port that was drawn is not listened on yet."""
    for _ in _PORTS:
        port = _PORTS[next(_turns) % len(_PORTS)]
        if port not in _drawn and _is_lockable(port) and _is_free(port):
            _drawn.add(port)
            return port
    raise AssertionError("every port is taken")


def _is_lockable(port: int) -> bool:
    with contextlib.suppress(OSError):
        fcntl.lockf(_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        return True
    return False


def _is_free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False
