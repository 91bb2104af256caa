"""`valetkey serve`: the server, on uvicorn."""

import asyncio
import os
import signal
import sys
from typing import Any

import click
import msgspec

from valetkey.cli import logging, memory
from valetkey.cli.checks.installation import machine
from valetkey.cli.context import CommandContext, open_database
from valetkey.cli.master_key.file import open_installation
from valetkey.cli.options import Command
from valetkey.cli.output.errors import Failed, invalid_usage
from valetkey.cli.serving import Service, import_app, loop_factory, serve_until_stopped
from valetkey.cli.systemd import Reports, ServiceManager
from valetkey.cli.workers import Workers, listen
from valetkey.server.http import file_limit, log
from valetkey.server.http.shared_counts import SharedCounts
from valetkey.server.http.sign_in_failures import PROXY_NOT_TRUSTED
from valetkey.server.http.signed_tokens import SignedTokens
from valetkey.server.settings import Settings
from valetkey.server.store.port import Unavailable


@click.command(cls=Command)
@click.option("--issuer", help="The address by which people and apps reach it.")
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=int, help="The port to listen on.")
@click.option("--workers", type=int, help="The number of processes that serve.")
@click.pass_obj
def serve(command: CommandContext, /, **flags: Any) -> None:
    """Run the server until it gets a signal to stop (SIGTERM, Ctrl-C).

    The first start creates the database, the master key next to an SQLite file, and the server's
    keys; a newer version migrates the schema. The server prints a line when it is ready. A worker
    that dies is replaced at once. SIGHUP reads the settings again, and a renewed certificate.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    command.flags |= {name: value for name, value in flags.items() if value is not None}
    loaded = command.loaded()
    settings = loaded.settings
    if settings.brand.texts_file or settings.brand.templates:
        _check_brand(command)
    for row in machine():
        if row.verdict == "fail":
            raise Failed(f"{row.what}: {row.says}")
    logging.configure(as_=settings.log_format)
    logging.set_level(settings.log_level)
    if (most := file_limit.raise_limit()) < file_limit.FEW:
        log.warning("few files can be opened, raise the limit (ulimit -n)", limit=most)
    if settings.hides_callers:
        log.warning(PROXY_NOT_TRUSTED)
    listener, address = listen(settings)
    if settings.listens_elsewhere and address == settings.address:
        issuer, port = settings.issuer, settings.port
        log.warning("the issuer has another port than the server", issuer=issuer, port=port)

    def say_ready() -> None:
        issuer = settings.issuer
        line = msgspec.json.encode({"address": address, "issuer": issuer})
        click.echo(line if command.as_json else f"valetkey listens on {address}, issuer {issuer}")

    manager = ServiceManager(os.environ, say_ready=say_ready)
    service = Service(settings, listener, read_settings=command.loaded, origins=loaded.origins)
    with listener:
        if settings.workers == 1:
            serve_until_stopped(service, manager)
        else:
            sys.exit(_lead_workers(service, manager))


def _check_brand(command: CommandContext) -> None:
    """Refuse texts and templates with a mistake. Raises InvalidUsage."""
    # Imported here: a start without them need not wait for the pages.
    from valetkey.cli.brand import read_named  # noqa: PLC0415
    from valetkey.server.pages.contract import judge  # noqa: PLC0415

    named = read_named(command, None)
    # The result is remembered: neither this process nor a worker has to check them again.
    if mistakes := (*named.mistakes, *judge(named.look)):
        raise invalid_usage("mistakes in the brand", mistakes)


def _lead_workers(service: Service, manager: ServiceManager) -> int:
    """Creates everything once, in the parent, which then keeps the number of workers."""
    import_app()
    loop_factory()  # imports the loop too: once, and not in each worker
    asyncio.run(_create(service.settings))
    signed_tokens, counts = SignedTokens(), SharedCounts()

    def work(lifeline: int, reports: Reports) -> None:
        of_worker = service._replace(lifeline=lifeline, signed_tokens=signed_tokens, counts=counts)
        serve_until_stopped(of_worker, reports, on_ready=memory.collapse_heap)

    settings = service.settings
    crew = Workers(
        work, count=settings.workers, reports=manager, drain_seconds=settings.drain_seconds
    )
    code = crew.run()
    log.info("all workers stopped")
    return code


async def _create(settings: Settings) -> None:
    store = await open_database(settings.database)
    try:
        master = await open_installation(settings, store)
        for token in master.tokens:
            token.close()  # A connection to it does not survive a fork.
    except Unavailable as error:
        raise Failed(f"the database cannot answer: {error}") from error
    finally:
        await store.close()
