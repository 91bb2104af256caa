"""An application that is made when it is first asked for."""

import asyncio
from collections.abc import Callable

from valetkey.server.http.front import App
from valetkey.server.http.request import Receive, Scope, Send


class Later:
    """Stands for the application that `make` makes, in a thread: nobody waits but who asks."""

    def __init__(self, make: Callable[[], App]) -> None:
        self.make = make
        self._making: asyncio.Task[App] | None = None
        self._made: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._made is None:
            if self._making is None or self._making.done():
                self._making = asyncio.create_task(asyncio.to_thread(self.make))
            # Shielded: of those who wait, each may go away.
            self._made = await asyncio.shield(self._making)
        await self._made(scope, receive, send)
