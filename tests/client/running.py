"""An ASGI application on a port of its own, in a thread of the test."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from tests.live import free_port


async def _nothing() -> None:
    """Nothing is left to close."""


class Running:
    """It can be stopped, and started again on the same port."""

    def __init__(
        self,
        app: Any,
        after: Callable[[], Awaitable[None]] = _nothing,
        port: int = 0,
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        """`tls`: a certificate and its key, in PEM."""
        self.port = port or free_port()
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self._tls: dict[str, Any] = {}
        if tls is not None:
            self._tls = {"ssl_certfile": tls[0], "ssl_keyfile": tls[1]}
        self._app = app
        self._after = after
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Until it answers."""
        config = uvicorn.Config(self._app, port=self.port, log_config=None, ws="none", **self._tls)
        self._server = server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, args=(server,), daemon=True)
        self._thread.start()
        while not server.started:
            assert self._thread.is_alive(), "it ended at once"
            threading.Event().wait(0.01)

    def _run(self, server: uvicorn.Server) -> None:
        async def serve() -> None:
            await server.serve()
            await self._after()

        asyncio.run(serve())

    def stop(self) -> None:
        """Nothing to do where it is stopped already."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
            self._server = None


@contextlib.contextmanager
def running(app: Any, port: int = 0, tls: tuple[Path, Path] | None = None) -> Iterator[str]:
    """Its address, while it runs."""
    one = Running(app, port=port, tls=tls)
    one.start()
    try:
        yield one.url
    finally:
        one.stop()
