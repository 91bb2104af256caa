"""The composition root: settings and a store become the ASGI application."""

import asyncio
import contextlib
import functools
import ipaddress
import ssl
import time
from collections.abc import AsyncIterator, Collection, Coroutine, Iterable
from typing import Final

from valetkey.jose.objects import read_object
from valetkey.server.endpoints.driver import endpoints
from valetkey.server.endpoints.health import health
from valetkey.server.http import expired_counters, file_limit, log, verified_names
from valetkey.server.http.client_certificate import Certificates
from valetkey.server.http.connections import Connections
from valetkey.server.http.fetch import Fetcher
from valetkey.server.http.front import App, Front, Network, within
from valetkey.server.http.hashing import Passwords
from valetkey.server.http.installation import Installations
from valetkey.server.http.lazy_app import Later
from valetkey.server.http.outbox import Outbox
from valetkey.server.http.shell import Shell
from valetkey.server.http.signed_tokens import SignedTokens
from valetkey.server.oauth.authorize.session_state import SESSION_MANAGEMENT
from valetkey.server.oauth.clients.documents import CLIENT_DOCUMENTS
from valetkey.server.oauth.core.context import Registration
from valetkey.server.oauth.core.feature import Feature
from valetkey.server.oauth.endpoints.registration import REGISTRATION
from valetkey.server.oauth.features import pages_off, switched
from valetkey.server.settings import Settings
from valetkey.server.store.port import Store, Unavailable

SWEEP_SECONDS: Final = 10.0
"""How often it is looked for what has expired."""

SWEEP_PAUSE: Final = 0.05
"""Seconds between the small steps of forgetting."""


def create(
    settings: Settings,
    store: Store,
    *,
    master_key: bytes,
    signed_tokens: SignedTokens | None = None,
) -> Front:
    """The application over an open store, whose keys are there (`store.keyring.ensure_keys`).
    `signed_tokens` is what the workers of one server share, None for a memory of its own."""
    features = switched(settings.enabled, settings.disable)
    proxies = _networks(settings.certificate_proxies)
    certificates = Certificates(proxies, settings.client_authorities)
    installations = Installations(
        store,
        issuer=settings.issuer,
        lifetimes=settings.lifetimes,
        features=features,
        master_key=master_key,
        registration=registration(settings),
        mtls_address=settings.mtls_address,
        signed_tokens=signed_tokens or SignedTokens(),
    )
    fetch = fetcher(settings)
    shell = Shell(store, installations, fetch=fetch.documents)
    outbox = Outbox(shell, fetch.post)
    shell.goes_out = outbox.nudge
    passwords = Passwords()

    def running() -> contextlib.AbstractAsyncContextManager[None]:
        strangers = REGISTRATION in features or CLIENT_DOCUMENTS in features
        more = (verified_names.run(store, installations),) if strangers else ()
        return _running(shell, outbox, passwords, *more, kept=settings.lifetimes.event)

    def people() -> App:
        return _pages(settings, features, shell=shell, outbox=outbox, passwords=passwords)

    return Front(
        {**endpoints(features, shell, certificates), **health(shell)},
        pages=Later(people),
        running=running,
        trusted=_networks(settings.trusted_proxies),
        secure=settings.issuer.startswith("https:"),
        connections=_connections(settings),
    )


def _connections(settings: Settings) -> Connections:
    proxies = _networks({*settings.trusted_proxies, *settings.certificate_proxies})
    # Behind a proxy that nobody named, everybody comes from its address.
    unnamed = settings.is_behind_a_proxy and not proxies
    is_shared = (lambda address: True) if unnamed else functools.partial(within, networks=proxies)
    return Connections(file_limit.limit(), is_shared=is_shared)


def registration(settings: Settings) -> Registration:
    """What apps may be that register themselves."""
    file = settings.registration_publishers_file
    return Registration(
        open=settings.registration == "open",
        policy=settings.registration_policy,
        scope=settings.registration_scope,
        hourly=settings.registration_hourly,
        documents_allow=settings.client_documents_allow,
        documents_deny=settings.client_documents_deny,
        publishers={} if file is None else read_object(file.read_bytes()),
    )


def fetcher(settings: Settings) -> Fetcher:
    """The one way out to other hosts."""
    if settings.fetch_local:
        log.warning("fetches from local hosts", hosts=list(settings.fetch_local))
    file = settings.fetch_ca_file
    # The system's own authorities are many: they are read once somebody goes out.
    trust = functools.cache(lambda: ssl.create_default_context(cafile=file))
    if file is not None:
        trust()
    return Fetcher(trust, local=settings.fetch_local)


def _pages(
    settings: Settings,
    features: Collection[Feature],
    *,
    shell: Shell,
    outbox: Outbox,
    passwords: Passwords,
) -> App:
    # Here: a start would wait for them, and a server that nobody visits keeps them for nothing.
    from valetkey.server.pages.frame import Frame, Look  # noqa: PLC0415
    from valetkey.server.pages.routes import pages  # noqa: PLC0415

    frame = Frame(
        shell,
        outbox=outbox,
        passwords=passwords,
        issuer=settings.issuer,
        look=Look(name=settings.name, privacy=settings.privacy_url, terms=settings.terms_url),
        unthrottled=_networks(settings.unthrottled),
        watched=SESSION_MANAGEMENT in features,
    )
    return pages(frame, off=pages_off(features))


@contextlib.asynccontextmanager
async def _running(
    shell: Shell,
    outbox: Outbox,
    passwords: Passwords,
    *more: Coroutine[None, None, None],
    kept: int,
) -> AsyncIterator[None]:
    store = shell.store
    own = (_sweep(store, kept=kept), outbox.run(), expired_counters.run(shell), file_limit.watch())
    running = (*own, *more)
    beside = [asyncio.create_task(one) for one in running]
    try:
        yield
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        passwords.close()
        await store.close()


async def _sweep(store: Store, *, kept: int) -> None:
    """Forgets what is over, and events once they were kept for so many seconds."""
    pause = SWEEP_SECONDS
    while True:
        await asyncio.sleep(pause)
        try:
            now = int(time.time())
            # Where there was something to forget, there may be more: come back soon.
            gone = await store.sweep(now, events_before=now - kept)
            pause = SWEEP_PAUSE if gone else SWEEP_SECONDS
        except Unavailable as error:
            log.warning("sweep put off", detail=str(error))


def _networks(addresses: Iterable[str]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(address) for address in addresses)
