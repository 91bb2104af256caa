"""An application that is made when it is first needed, and made anew while it serves."""

import asyncio
from collections.abc import Callable

from valetkey.server.http.front import App
from valetkey.server.http.request import Receive, Scope, Send


class LazyApp:
    """An application that `make` makes, in a thread, at the first request for it: only requests
    for it wait."""

    def __init__(self, make: Callable[[], App]) -> None:
        self.make = make
        self._making: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._app: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if app is None:
            if self._making is None or self._making.done():
                self._making = asyncio.create_task(self._make())
            # Shielded: one of the requests that wait may be cancelled.
            await asyncio.shield(self._making)
            app = self._app
        if app is None:
            raise RuntimeError("the application was not made")
        await app(scope, receive, send)

    def make_again(self) -> None:
        """Makes it anew. Requests get the old one until then. Nothing to do if there is none."""
        if self._making is not None:
            self._making = asyncio.create_task(self._make())

    async def _make(self) -> None:
        # One after the other, so that the newest stays.
        async with self._turn:
            self._app = await asyncio.to_thread(self.make)
