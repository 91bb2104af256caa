"""An app whose key is in shards: as it is registered, and its backend on a port of its own."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount
from tests.client.running import Running
from tests.installation import SECRETS
from tests.live import Live
from tests.server.oauth.shards.app import HARBOUR, SERVER

from valetkey.client import App, Passphrase, SealedStore
from valetkey.client.holder_service import HolderService, ProofOfKey, Who
from valetkey.client.shard_client import Backend
from valetkey.server.model.change import Create
from valetkey.wire.key_shards import Tier

SCOPE = ("openid", "offline_access", "chirps")


def register(server: Live) -> None:
    """The app and its backend, as two clients."""
    mine = replace(HARBOUR, redirect_uris=("http://127.0.0.1/callback",))
    server.run(server.store.commit((Create(mine), Create(SERVER))))


def app(server: Live, tier: Tier, **fields: Any) -> App:
    """The app on a phone."""
    return App(issuer=server.issuer, client_id=HARBOUR.id, scope=SCOPE, key_shards=tier, **fields)


class Server(Running):
    """The app's backend: it knows its users' devices by a header, or by the key that they prove."""

    def __init__(self, issuer: str, folder: Path, *, by_proof: bool = False) -> None:
        registered = App(issuer=issuer, client_id=SERVER.id, secret=SECRETS[SERVER.id], scope=())
        words = Passphrase("of the backend")
        self.folder = folder
        self.asked: list[str] = []
        self.service = HolderService(
            registered,
            lambda name: SealedStore(folder / name, words),
            who=self._asks,
        )
        mounted = Starlette(routes=[Mount("/shard", self.service)])
        super().__init__(mounted, after=self.service.aclose)
        self.address = f"{self.url}/shard"
        self._who: Who = ProofOfKey(self.address) if by_proof else self._by_header

    def _asks(self, request: Request) -> Any:
        return self._who(request)

    def _by_header(self, request: Request) -> str | None:
        self.asked.append(request.url.path)
        name = request.headers.get("x-device", "")
        return name if name.startswith("miko") else None

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
