"""`valetkey guard`: the API kit as a separate program that a proxy calls."""

import tomllib
from pathlib import Path
from typing import Final

import click
import msgspec
import uvicorn

from valetkey.cli import logging
from valetkey.cli.context import CommandContext
from valetkey.cli.options import PATH, Command
from valetkey.cli.output.errors import Failed, InvalidUsage, invalid_usage
from valetkey.resource import ResourceServer
from valetkey.resource.guard import Guard
from valetkey.resource.routes import GuardFile, mistakes
from valetkey.resource.token_status import NotSeconds
from valetkey.wire.catalog import Catalog

GRACE: Final = 5


@click.command(cls=Command)
@click.argument("file", type=PATH)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=int, default=8010, show_default=True, help="The port to listen on.")
@click.pass_obj
def guard(command: CommandContext, file: Path, *, host: str, port: int) -> None:
    """Decide for a proxy which calls may pass, for an API in any language.

    FILE (TOML) says which permissions each route needs. nginx, Traefik and Envoy call /verify.
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
        if command.as_json
        else f"valetkey guard listens on http://{host}:{port}"
    )
    try:
        server.run()
    except (OSError, SystemExit) as error:
        raise Failed(f"cannot listen on {host} port {port}") from error


def read(file: Path) -> Guard:
    """Build the application that the file describes. Raises InvalidUsage with every mistake."""
    try:
        config_file = msgspec.convert(tomllib.loads(file.read_text("utf-8")), GuardFile)
        text = (file.parent / config_file.catalog).read_text("utf-8")
        catalog = msgspec.convert(tomllib.loads(text), Catalog)
        secret = (file.parent / config_file.secret_file).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise InvalidUsage(f"{file}: {error}") from error
    if found := mistakes(config_file.routes, catalog):
        raise invalid_usage(f"{file} has mistakes", found)
    try:
        server = ResourceServer(
            issuer=config_file.issuer,
            catalog=catalog,
            credentials=(config_file.id, secret),
            live="follow",
            max_staleness=config_file.max_staleness,
            split=config_file.split,
        )
    except NotSeconds as error:
        raise InvalidUsage(f"{file}: {NotSeconds(error.value, name='bound')}") from error
    except ValueError as error:
        raise InvalidUsage(f"{file}: {error}") from error
    return Guard(server, config_file.routes, config_file.proxy)
