"""An app whose key is in shards: as it is registered, and its backend on a port of its own."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount
from tests.installation import SECRETS
from tests.live import Live, free_port
from tests.oauth.shards.app import HARBOUR, SERVER

from valetkey.client import App, Passphrase, SealedStore
from valetkey.client.holder_service import HolderService, ProofOfKey, Who
from valetkey.client.holders import Backend
from valetkey.model.change import Create
from valetkey.wire.key_shards import Tier

SCOPE = ("openid", "offline_access", "chirps")


def register(server: Live) -> None:
    """The app and its backend, as two clients."""
    mine = replace(HARBOUR, redirect_uris=("http://127.0.0.1/callback",))
    server.run(server.store.commit((Create(mine), Create(SERVER))))


def app(server: Live, tier: Tier, **fields: Any) -> App:
    """The app on a phone."""
    return App(issuer=server.issuer, client_id=HARBOUR.id, scope=SCOPE, key_shards=tier, **fields)


class Server:
    """The app's backend, in a thread: it can be stopped and started again, and knows its users'
    devices by a header, or by the key that they prove."""

    def __init__(self, issuer: str, folder: Path, *, by_proof: bool = False) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}/shard"
        self.folder = folder
        self.asked: list[str] = []
        registered = App(issuer=issuer, client_id=SERVER.id, secret=SECRETS[SERVER.id], scope=())
        words = Passphrase("of the backend")
        who: Who = ProofOfKey(self.address) if by_proof else self._who
        self.service = HolderService(
            registered, lambda name: SealedStore(folder / name, words), who=who
        )
        self._running: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def _who(self, request: Request) -> str | None:
        self.asked.append(request.url.path)
        name = request.headers.get("x-device", "")
        return name if name.startswith("miko") else None

    def start(self) -> None:
        mounted = Starlette(routes=[Mount("/shard", self.service)])
        config = uvicorn.Config(mounted, port=self.port, log_config=None, ws="none")
        self._running = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, args=(self._running,), daemon=True)
        self._thread.start()
        while not self._running.started:
            threading.Event().wait(0.01)

    def _run(self, server: uvicorn.Server) -> None:
        async def serve() -> None:
            await server.serve()
            await self.service.aclose()

        asyncio.run(serve())

    def stop(self) -> None:
        if self._running is not None and self._thread is not None:
            self._running.should_exit = True
            self._thread.join()
            self._running = None

    def seen_as(self, device: str) -> Backend:
        """The holder, as that device has it."""
        return Backend(self.address, headers=lambda: {"X-Device": device})


@contextlib.contextmanager
def backend(server: Live, folder: Path, *, by_proof: bool = False) -> Iterator[Server]:
    """A running backend, for the time of a test."""
    one = Server(server.issuer, folder, by_proof=by_proof)
    one.start()
    try:
        yield one
    finally:
        one.stop()
