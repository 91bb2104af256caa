"""`python -m valetkey.demo.stefapp.backend`: stefApp's own server, which holds the second part of
each key. It opens nothing with it, and neither does the window on its user's computer alone."""

import argparse
import hashlib
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount
from starlette.types import ASGIApp

from valetkey.client import App, Passphrase, SealedStore
from valetkey.client.holder_service import HolderService
from valetkey.wire.bearer import read_header

CLIENT_ID: Final = "stefapp-server"
PATH: Final = "/shard"


def create(issuer: str, *, secret: str, seal: str, folder: Path) -> ASGIApp:
    """The server. Each device has a sealed file in the folder."""
    words = Passphrase(seal)
    registered = App(issuer=issuer, client_id=CLIENT_ID, secret=secret, scope=())
    service = HolderService(registered, lambda name: SealedStore(folder / name, words), who=device)
    return Starlette(routes=[Mount(PATH, service)])


def device(request: Request) -> str | None:
    """The device by the secret that it made when it was installed: 256 bits, so a caller that has
    another one has another file, in which there is nothing."""
    found = read_header(request.headers.get("authorization", ""))
    return hashlib.sha256(found[1].encode()).hexdigest() if found else None


def main() -> None:
    """Serves until it is told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--issuer", required=True, help="The authorization server.")
    parser.add_argument("--secret", type=Path, required=True, help="The file with its secret.")
    parser.add_argument("--seal", type=Path, required=True, help="The file that seals the others.")
    parser.add_argument("--folder", type=Path, required=True, help="The folder for what it holds.")
    options = parser.parse_args()
    app = create(
        options.issuer,
        secret=options.secret.read_text("utf-8"),
        seal=options.seal.read_text("utf-8"),
        folder=options.folder,
    )
    uvicorn.run(app, host="127.0.0.1", port=options.port, ws="none", access_log=False)


if __name__ == "__main__":
    main()
