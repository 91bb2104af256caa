"""stefApp put together: its key, its window, a server for the window."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import uvicorn

from valetkey.client import App, FileStore, Key
from valetkey.demo.stefapp.app import StefApp
from valetkey.demo.stefapp.window import create

CLIENT_ID: Final = "stefapp"
SCOPE: Final = "openid profile offline_access chirps profile.read profile.write dms.read"


def serve(*, window: str, api: str, issuer: str, tokens: Path) -> None:
    """Serves the window until the program is told to stop."""
    registered = App(issuer=issuer, client_id=CLIENT_ID, scope=tuple(SCOPE.split()))
    app = StefApp(Key(registered, FileStore(tokens)), api=api, file=str(tokens))
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
