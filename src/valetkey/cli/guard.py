"""`valetkey guard`: the kit as a program of its own, which a proxy asks."""

import tomllib
from pathlib import Path
from typing import Final

import click
import msgspec
import uvicorn

from valetkey.cli import logging
from valetkey.cli.context import Desk, Failed, Wrong, wrong
from valetkey.cli.options import PATH, Command
from valetkey.resource import ResourceServer
from valetkey.resource.guard import Guard
from valetkey.resource.routes import Guarded, mistakes
from valetkey.wire.catalog import Catalog

GRACE: Final = 5


@click.command(cls=Command)
@click.argument("file", type=PATH)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=int, default=8010, show_default=True, help="The port to listen on.")
@click.pass_obj
def guard(desk: Desk, file: Path, *, host: str, port: int) -> None:
    """Answer a proxy's questions whether a call may pass, for an API in any language.

    FILE says which routes need what (TOML). nginx, Traefik and Envoy ask at /verify.
    """
    app = read(file)
    logging.configure()
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    server = uvicorn.Server(config)
    click.echo(
        msgspec.json.encode({"address": f"http://{host}:{port}"})
        if desk.as_json
        else f"valetkey guard listens on http://{host}:{port}"
    )
    try:
        server.run()
    except (OSError, SystemExit) as error:
        raise Failed(f"cannot listen on {host} port {port}") from error


def read(file: Path) -> Guard:
    """The application that the file describes. Raises Wrong, with everything that is wrong."""
    try:
        said = msgspec.convert(tomllib.loads(file.read_text("utf-8")), Guarded)
        text = (file.parent / said.catalog).read_text("utf-8")
        catalog = msgspec.convert(tomllib.loads(text), Catalog)
        secret = (file.parent / said.secret_file).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise Wrong(f"{file}: {error}") from error
    if found := mistakes(said.routes, catalog):
        raise wrong(f"{file} will not do", found)
    try:
        server = ResourceServer(
            issuer=said.issuer,
            catalog=catalog,
            credentials=(said.id, secret),
            live="follow",
            bound=said.bound,
            split=said.split,
        )
    except ValueError as error:
        raise Wrong(f"{file}: {error}") from error
    return Guard(server, said.routes, said.proxy)
