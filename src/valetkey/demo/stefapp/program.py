"""stefApp put together: its key, its window, a server for the window."""

import secrets
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import uvicorn

from valetkey.client import App, FileStore, Key, Tier
from valetkey.client.shard_client import Backend
from valetkey.demo.stefapp.app import StefApp
from valetkey.demo.stefapp.window import create

CLIENT_ID: Final = "stefapp"
TIER: Final = Tier(2, ("device", "backend", "recovery_code"))
SCOPE: Final = "openid profile offline_access chirps profile.read profile.write dms.read"


def serve(*, window: str, api: str, issuer: str, tokens: Path, backend: str) -> None:
    """Serves the window until the program is told to stop."""
    registered = App(
        issuer=issuer, client_id=CLIENT_ID, scope=tuple(SCOPE.split()), key_shards=TIER
    )
    headers = {"Authorization": f"Bearer {_device(tokens.with_name('device.secret'))}"}
    other = Backend(f"{backend}/shard", headers=lambda: headers)
    app = StefApp(Key(registered, FileStore(tokens), others=(other,)), api=api, file=str(tokens))
    place = urlsplit(window)
    uvicorn.run(
        create(app, window=window),
        host=place.hostname or "127.0.0.1",
        port=place.port or 0,
        # uvloop's sockets are its own, and would go past the recorder.
        loop="asyncio",
        ws="none",
        access_log=False,
        timeout_graceful_shutdown=3,
    )


def _device(file: Path) -> str:
    """What stefApp's own server knows this computer by: made once, when stefApp is installed."""
    if not file.exists():
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(secrets.token_urlsafe(32), "utf-8")
    return file.read_text("utf-8")
