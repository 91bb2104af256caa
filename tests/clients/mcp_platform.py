"""A platform whose API is the example's MCP server, at an address of its own, and where anybody may
register. One of its tools wants a permission of high risk."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import msgspec
from tests.docs.markdown import ROOT
from tests.installation import SECRETS, users
from tests.live import Live, caught_up, free_port

from valetkey.jose.seal import digest
from valetkey.server.model.change import Create
from valetkey.server.model.client import StoredSecret
from valetkey.server.model.resource import ResourceServer
from valetkey.wire.catalog import Catalog

EXAMPLES: Final = ROOT / "examples"


class Platform(msgspec.Struct, frozen=True):
    """The authorization server, and the address of the MCP server."""

    server: Live
    mcp: str


@contextlib.contextmanager
def platform(folder: Path) -> Iterator[Platform]:
    """Both, running."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/mcp"
    api = folder / "api-mcp"
    shutil.copytree(EXAMPLES / "api-mcp", api)
    own = (EXAMPLES / "catalog.toml").read_text()
    text = own.replace('resource = "https://api.chirp.example"', f'resource = "{address}"')
    assert text != own
    (folder / "catalog.toml").write_text(text)
    catalog = msgspec.toml.decode(text, type=Catalog)
    server = Live(
        folder / "valetkey.db",
        enable=("registration", "client id metadata documents"),
        registration="open",
    )
    server.start(furnished=False)
    try:
        server.users = {one.username: one for one in users()}
        secrets = (StoredSecret(digest(SECRETS["chirp"]), 0),)
        records = (ResourceServer(id="chirp", catalog=catalog, secrets=secrets),)
        changes = [Create(one) for one in (*records, *server.users.values())]
        server.run(server.store.commit(changes))
        caught_up()
        with _serving(api, port, issuer=server.issuer, log=folder / "api.log"):
            yield Platform(server, address)
    finally:
        server.stop()


@contextlib.contextmanager
def _serving(api: Path, port: int, *, issuer: str, log: Path) -> Iterator[None]:
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    told = {"ISSUER": issuer, "CHIRP_SECRET": SECRETS["chirp"], "PYTHONPATH": path}
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(api), "api_mcp:app"]
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [*command, "--port", str(port), "--log-level", "warning"],
            env={**os.environ, **told},
            stdout=out,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            _wait(process, port, log)
            yield
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(600):
        with contextlib.suppress(httpx2.TransportError):
            httpx2.get(f"http://127.0.0.1:{port}/nothing", timeout=20)
            return
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(log.read_text())
