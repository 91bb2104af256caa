"""A small Starlette host in the process of the test, whose users are what the test says."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from tests.browser import Browser
from tests.client.running import Running
from tests.embedded.hosts import PATH, furnished
from tests.live import free_port

from valetkey.embedded import SignedInUser, Valetkey


class Inside:
    """The running host. `user` is signed in at it, in every browser; a sign-out makes it nobody.
    `calls` counts how often the host was asked."""

    def __init__(self, folder: Path, *, can_sign_out: bool, **options: Any) -> None:
        self.user: SignedInUser | None = None
        self.calls = 0
        self._browsers: list[Browser] = []
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.issuer = self.url + PATH
        self.vk = Valetkey(
            issuer=self.issuer,
            name="Chirp",
            database=str(folder / "valetkey.db"),
            signed_in=self._signed_in,
            sign_in_page=options.pop("sign_in_page", "/login?theme=dark"),
            sign_out=self._sign_out if can_sign_out else None,
            **options,
        )
        app = Starlette(
            routes=[Route("/login", self._login), Route("/{rest:path}", self._anything)]
        )
        self.vk.install(app, PATH)
        self.running = Running(app, port=port)
        self.http = httpx2.Client(base_url=self.issuer, timeout=20)

    async def _signed_in(self, request: Request) -> SignedInUser | None:
        self.calls += 1
        return self.user

    def _sign_out(self, request: Request) -> None:
        self.user = None

    async def _login(self, request: Request) -> Response:
        return PlainTextResponse("sign in at the host")

    async def _anything(self, request: Request) -> Response:
        return PlainTextResponse("the host's")

    def browser(self) -> Browser:
        """A fresh browser profile, closed with the host."""
        browser = Browser(self.url)
        self._browsers.append(browser)
        return browser

    def close(self) -> None:
        """Closes what speaks to it, and ends it."""
        for client in (self.http, *(browser.http for browser in self._browsers)):
            client.close()
        self.running.stop()


@contextlib.contextmanager
def inside(folder: Path, *, can_sign_out: bool = False, **options: Any) -> Iterator[Inside]:
    """The host, for the time of a test."""
    host = Inside(folder, can_sign_out=can_sign_out, **options)
    asyncio.run(furnished(folder / "valetkey.db"))
    host.running.start()
    try:
        yield host
    finally:
        host.close()
