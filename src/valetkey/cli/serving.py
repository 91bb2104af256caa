"""One process that serves: the application on uvicorn, from its start to its end."""

import asyncio
import gc
import signal
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import uvicorn

from valetkey.cli import logging
from valetkey.cli.context import open_database
from valetkey.cli.master_key.file import open_installation
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.cli.systemd import Reports
from valetkey.server.http import log
from valetkey.server.http.fast.protocol import protocol_of
from valetkey.server.http.shared_counts import SharedCounts
from valetkey.server.http.signed_tokens import SignedTokens
from valetkey.server.http.tls import Certificate
from valetkey.server.settings import Loaded, Settings, changes
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.port import Unavailable

if TYPE_CHECKING:
    from valetkey.server.app import Application

HANDSHAKE: Final = 10.0
"""Seconds that a TLS handshake may take."""

GRACE: Final = 10
"""Seconds in which requests may end after a signal to stop."""


class Service(NamedTuple):
    """What a process serves, and where. `origins` says where each setting comes from. A worker has
    a lifeline, whose other end is closed when its parent ends."""

    settings: Settings
    listener: socket.socket
    read_settings: Callable[[], Loaded]
    origins: Mapping[str, str]
    lifeline: int | None = None
    signed_tokens: SignedTokens | None = None
    counts: SharedCounts | None = None


def serve_until_stopped(
    service: Service, reports: Reports, *, on_ready: Callable[[], None] = lambda: None
) -> None:
    """Serves until SIGTERM or SIGINT, or until the other end of the lifeline is closed."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(service, reports, on_ready))


class BoundHandshakes:
    """Makes an event loop end TLS handshakes after HANDSHAKE seconds. Only then are connections
    counted by address, and uvicorn leaves the 60 seconds of the loop."""

    async def create_server(self, *arguments: Any, **options: Any) -> Any:
        if options.get("ssl") is not None:
            options["ssl_handshake_timeout"] = HANDSHAKE
        base: Any = super()
        return await base.create_server(*arguments, **options)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Makes the event loop: that of uvloop, or asyncio's own."""
    base: type[asyncio.AbstractEventLoop] = asyncio.SelectorEventLoop
    # It is not available on every platform.
    with suppress(ModuleNotFoundError):
        import uvloop  # noqa: PLC0415

        base = uvloop.Loop
    return type("ServingLoop", (BoundHandshakes, base), {})


def import_app() -> "Callable[..., Application]":
    """The composition root. It imports every endpoint, which other commands don't need. All objects
    of now stay, so the garbage collector need not look at them."""
    from valetkey.server.app import create  # noqa: PLC0415

    gc.freeze()
    return create


class Server(uvicorn.Server):
    """Calls `ready` once it listens. After the first signal to stop it drains: it goes on for some
    seconds, while its readiness check fails. A second signal ends that."""

    def __init__(
        self,
        config: uvicorn.Config,
        app: "Application",
        *,
        ready: Callable[[], None],
        drain: "Drain",
    ) -> None:
        super().__init__(config)
        self._app = app
        self._ready = ready
        self._drain = drain
        self._stop_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._stop_at is not None:
            super().handle_exit(sig, frame)
            return
        self._captured_signals.append(sig)
        self._stop_at = time.monotonic() + self._drain.seconds
        self._app.drain()
        self._drain.begin()

    async def on_tick(self, counter: int) -> bool:
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Streams would never end; uvicorn waits for everything else.
        self._app.stop()
        await super().shutdown(sockets=sockets)


class Drain(NamedTuple):
    """The time between a signal to stop and the end of accepting connections, and what begins
    it."""

    seconds: float
    begin: Callable[[], None]


async def _serve(service: Service, reports: Reports, on_ready: Callable[[], None]) -> None:
    settings = service.settings
    create = import_app()
    # Workers start when everything exists. What is missing then was deleted: don't recreate it.
    may_make = service.lifeline is None or isinstance(settings.database.at, PostgresURL)
    store = await open_database(settings.database, missing="make" if may_make else "fail")
    try:
        master = await open_installation(settings, store)
        app = create(
            settings,
            store,
            master_key=master,
            signed_tokens=service.signed_tokens,
            counts=service.counts,
            origins=service.origins,
        )
        pair = _pair(settings)

        def ready() -> None:
            on_ready()
            reports.ready()

        drain = Drain(settings.drain_seconds, reports.stopping)
        server = Server(_config(app, pair), app, ready=ready, drain=drain)
        tasks = [asyncio.create_task(_give_signs_of_life(reports))]
        if pair is not None:
            tasks.append(asyncio.create_task(pair.watch()))
        for number in (signal.SIGINT, signal.SIGTERM):
            # uvicorn ends gracefully and then raises the signal again; the work is done by then.
            signal.signal(number, lambda *_: None)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, Reload(service, reports, app, pair=pair))
        if service.lifeline is not None:
            _watch(service.lifeline)
        await server.serve(sockets=[service.listener])
        for task in tasks:
            task.cancel()
    except Unavailable as error:
        raise Failed(f"the database cannot answer: {error}") from error
    finally:
        await store.close()
    log.info("stopped")


async def _give_signs_of_life(reports: Reports) -> None:
    """The loop runs, as long as these come."""
    while reports.seconds:
        reports.alive()
        await asyncio.sleep(reports.seconds)


class Reload:
    """Handles SIGHUP: reads the settings and the certificate again. What cannot change while the
    server runs is logged; settings with mistakes are logged too, and the old ones stay."""

    def __init__(
        self, service: Service, reports: Reports, app: "Application", *, pair: Certificate | None
    ) -> None:
        self._settings = service.settings
        self._read = service.read_settings
        self._app, self._pair, self._reports = app, pair, reports

    def __call__(self) -> None:
        self._reports.reloading()
        renewed = self._pair is not None and self._pair.refresh()
        try:
            loaded = self._read()
        except InvalidUsage as error:
            log.warning("settings not reloaded", detail=error.message)
        else:
            self._apply(loaded)
            self._app.read_files_again()
        log.info("files reloaded (SIGHUP)", certificate_renewed=renewed)
        self._reports.reloaded()

    def _apply(self, loaded: Loaded) -> None:
        difference = changes(self._settings, loaded.settings)
        if difference.at_restart:
            log.warning("settings need a restart", settings=list(difference.at_restart))
        if difference.now:
            self._settings = difference.settings
            logging.set_level(difference.settings.log_level)
            origins = {name: loaded.origins[name] for name in difference.now}
            self._app.reload(difference.settings, origins)
            log.info("settings changed", settings=list(difference.now))


def _watch(lifeline: int) -> None:
    """Ends this process as SIGTERM would, once the other end is closed."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(lifeline)
        signal.raise_signal(signal.SIGTERM)

    loop.add_reader(lifeline, end)


def _pair(settings: Settings) -> Certificate | None:
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    try:
        return Certificate(settings.tls_certificate, settings.tls_key)
    except (OSError, ValueError) as error:
        raise Failed(f"TLS cannot start: {error}") from error


def _config(app: "Application", pair: Certificate | None) -> uvicorn.Config:
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
