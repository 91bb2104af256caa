"""`valetkey serve`: the server, on uvicorn."""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

import click
import msgspec
import uvicorn

from valetkey.cli import logging, memory
from valetkey.cli.context import CommandContext, Failed, open_database
from valetkey.cli.installation import machine
from valetkey.cli.options import Command
from valetkey.cli.secrets import open_keys
from valetkey.cli.workers import Workers, listen
from valetkey.server.http import file_limit, log
from valetkey.server.http.fast.protocol import protocol_of
from valetkey.server.http.front import Front
from valetkey.server.http.sign_in_failures import PROXY_NOT_TRUSTED
from valetkey.server.http.signed_tokens import SignedTokens
from valetkey.server.http.tls import Certificate
from valetkey.server.settings import Settings
from valetkey.server.store.database import PostgresURL
from valetkey.server.store.port import Unavailable

GRACE: Final = 10
"""Seconds in which requests may end after a signal to stop."""


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
    that dies is replaced at once. SIGHUP reads a renewed certificate.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    command.flags |= {name: value for name, value in flags.items() if value is not None}
    settings = command.settings()
    for row in machine():
        if row.verdict == "fail":
            raise Failed(f"{row.what}: {row.says}")
    logging.configure()
    if (most := file_limit.raise_limit()) < file_limit.FEW:
        log.warning("few files can be opened, raise the limit (ulimit -n)", limit=most)
    if settings.hides_callers:
        log.warning(PROXY_NOT_TRUSTED)
    if settings.listens_elsewhere:
        issuer, port = settings.issuer, settings.port
        log.warning("the issuer has another port than the server", issuer=issuer, port=port)

    def ready() -> None:
        address, issuer = settings.address, settings.issuer
        line = msgspec.json.encode({"address": address, "issuer": issuer})
        click.echo(line if command.as_json else f"valetkey listens on {address}, issuer {issuer}")

    with listen(settings) as listener:
        if settings.workers == 1:
            _serve_until_stopped(settings, listener, ready=ready)
        else:
            sys.exit(_lead_workers(settings, listener, ready=ready))


def _lead_workers(settings: Settings, listener: socket.socket, *, ready: Callable[[], None]) -> int:
    """Creates everything once, in the parent, which then keeps the number of workers."""
    _import_app()
    _loop()  # imports the loop too: once, and not in each worker
    asyncio.run(_create(settings))
    signed_tokens = SignedTokens()

    def work(lifeline: int, ready: Callable[[], None]) -> None:
        def ready_with_own_heap() -> None:
            memory.collapse_heap()
            ready()

        _serve_until_stopped(
            settings,
            listener,
            ready=ready_with_own_heap,
            lifeline=lifeline,
            signed_tokens=signed_tokens,
        )

    code = Workers(work, count=settings.workers, ready=ready).run()
    log.info("all workers stopped")
    return code


async def _create(settings: Settings) -> None:
    store = await open_database(settings.database)
    try:
        await open_keys(settings, store)
    except Unavailable as error:
        raise Failed(f"the database cannot answer: {error}") from error
    finally:
        await store.close()


def _serve_until_stopped(
    settings: Settings,
    listener: socket.socket,
    *,
    ready: Callable[[], None],
    lifeline: int | None = None,
    signed_tokens: SignedTokens | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT, or until the other end of the lifeline is closed."""
    with asyncio.Runner(loop_factory=_loop()) as runner:
        runner.run(
            _serve(settings, listener, ready=ready, lifeline=lifeline, signed_tokens=signed_tokens)
        )


def _loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415
    except ModuleNotFoundError:
        return None  # It is not available on every platform.
    return uvloop.new_event_loop


class Server(uvicorn.Server):
    """Calls `ready` once it listens, and `stop` when it gets a signal to stop."""

    def __init__(
        self, config: uvicorn.Config, *, ready: Callable[[], None], stop: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._stop = stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Streams would never end; uvicorn waits for everything else.
        self._stop()
        await super().shutdown(sockets=sockets)


async def _serve(
    settings: Settings,
    listener: socket.socket,
    *,
    ready: Callable[[], None],
    lifeline: int | None = None,
    signed_tokens: SignedTokens | None = None,
) -> None:
    create = _import_app()
    # Workers start when everything exists. What is missing then was deleted: don't recreate it.
    may_make = lifeline is None or isinstance(settings.database.at, PostgresURL)
    store = await open_database(settings.database, missing="make" if may_make else "fail")
    try:
        master = await open_keys(settings, store)
        app = create(settings, store, master_key=master, signed_tokens=signed_tokens)
        pair = _pair(settings)
        server = Server(_config(app, pair), ready=ready, stop=app.stop)
        watching = None if pair is None else asyncio.create_task(pair.watch())
        for number in (signal.SIGINT, signal.SIGTERM):
            # uvicorn ends gracefully and then raises the signal again; the work is done by then.
            signal.signal(number, lambda *_: None)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _reload, pair)
        if lifeline is not None:
            _watch(lifeline)
        await server.serve(sockets=[listener])
        if watching is not None:
            watching.cancel()
    except Unavailable as error:
        raise Failed(f"the database cannot answer: {error}") from error
    finally:
        await store.close()
    log.info("stopped")


def _reload(pair: Certificate | None) -> None:
    """Handles SIGHUP: reads the files that may change while the server runs. Settings are read only
    at the start."""
    renewed = pair is not None and pair.refresh()
    log.info("files reloaded (SIGHUP)", certificate_renewed=renewed)


def _watch(lifeline: int) -> None:
    """Ends this process as SIGTERM would, once the other end is closed."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(lifeline)
        signal.raise_signal(signal.SIGTERM)

    loop.add_reader(lifeline, end)


def _import_app() -> Callable[..., Any]:
    """The composition root. It imports every endpoint, which other commands don't need. All objects
    of now stay, so the garbage collector need not look at them."""
    from valetkey.server.app import create  # noqa: PLC0415

    gc.freeze()
    return create


def _pair(settings: Settings) -> Certificate | None:
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    try:
        return Certificate(settings.tls_certificate, settings.tls_key)
    except (OSError, ValueError) as error:
        raise Failed(f"TLS cannot start: {error}") from error


def _config(app: Front, pair: Certificate | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol_of(app),
        loop="none",
        ws="none",
        lifespan="on",
        log_config=None,
        # A log line for each request would hold codes, which are in the query.
        access_log=False,
        server_header=False,
        # The application knows which proxies to trust.
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
        ssl_context_factory=None if pair is None else lambda *_: pair.context,
    )
