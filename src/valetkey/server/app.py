"""The composition root: makes the ASGI application from settings and a store."""

import asyncio
import contextlib
import functools
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Mapping
from typing import Any

from valetkey import __version__
from valetkey.jose.objects import read_object
from valetkey.server.endpoints.driver import endpoints
from valetkey.server.endpoints.health import health
from valetkey.server.http import background, file_limit, installation, log
from valetkey.server.http.connections import Connections
from valetkey.server.http.fetch import Fetcher
from valetkey.server.http.front import App, Front, MethodHandler, Network, within
from valetkey.server.http.hashing import Passwords
from valetkey.server.http.installation import Installations
from valetkey.server.http.lazy_app import LazyApp
from valetkey.server.http.metrics import Meter, NoMeter
from valetkey.server.http.metrics_port import MetricsPort
from valetkey.server.http.outbox import Outbox
from valetkey.server.http.platform_sign_in import PlatformSignIn, ends_at
from valetkey.server.http.shell import Shell
from valetkey.server.http.sign_in_failures import SignInFailures
from valetkey.server.http.signed_tokens import SignedTokens
from valetkey.server.http.still_allowed import PlatformTerms, StillAllowed
from valetkey.server.http.tls import Certificates
from valetkey.server.model.keys import Keyring
from valetkey.server.oauth.authorize.browser_session import SESSION_MANAGEMENT
from valetkey.server.oauth.clients.documents import CLIENT_DOCUMENTS
from valetkey.server.oauth.core.context import Registration, SignIn
from valetkey.server.oauth.core.feature import Feature
from valetkey.server.oauth.endpoints.registration import REGISTRATION
from valetkey.server.oauth.features import pages_off, switched
from valetkey.server.settings import Settings
from valetkey.server.settings.brand import read_brand
from valetkey.server.settings.load import secret_in
from valetkey.server.settings.mail import make_outbox, notice_targets
from valetkey.server.settings.sign_in import directory, for_rules, is_alone, new_passwords, origins
from valetkey.server.store.port import Store
from valetkey.server.store.settle import Fetch
from valetkey.wire import address
from valetkey.wire.address import target


def create(
    settings: Settings,
    store: Store,
    *,
    master_key: bytes,
    signed_tokens: SignedTokens | None = None,
    sign_in: SignIn | None = None,
    host_way: Callable[[Any], Any] | None = None,
) -> "Application":
    """The application over an open store that has its keys (`store.keyring.ensure_keys`).
    `signed_tokens` is shared by the workers of one server; None for a server without workers.
    For a server that is embedded, `host_way` makes, from the frame of the pages, the way by which
    the host's users sign in, and `sign_in` says how for rules. Else both are None."""
    now = CurrentSettings(settings)
    features = switched(settings.enabled, settings.disable)
    meter = _meter(settings, features)
    store = meter.store(store)
    proxies = _networks(settings.certificate_proxies)
    certificates = Certificates(proxies, settings.client_authorities)
    installations = Installations(
        store,
        issuer=settings.issuer,
        lifetimes=settings.lifetimes,
        features=features,
        master_key=master_key,
        registration=registration(settings),
        sign_in=sign_in or for_rules(settings.sign_in, settings.accounts),
        notices=notice_targets(settings),
        mtls_address=settings.mtls_address,
        signed_tokens=signed_tokens or SignedTokens(),
    )
    fetch = fetcher(settings)
    shell = Shell(store, installations, fetch=_outside(settings, store, installations, fetch=fetch))
    outbox = make_outbox(lambda: now.settings, shell, fetch)
    shell.on_outgoing = outbox.nudge
    passwords = Passwords(secret_in(settings.devise_pepper, settings.devise_pepper_file))

    failures = SignInFailures()
    meter.sign_ins = failures.totals

    def running() -> contextlib.AbstractAsyncContextManager[None]:
        is_open = REGISTRATION in features or CLIENT_DOCUMENTS in features
        more = [installation.run(store, installations)] if is_open else []
        if notice_targets(settings).tells("access_ends_soon"):
            more.append(background.announce_ends(shell))
        if settings.metrics_port:
            more.append(_metrics(settings, meter, store).run())
        return _running(shell, outbox, passwords, *more, now=now)

    def make_pages() -> App:
        return _pages(
            now.settings,
            features,
            shell=shell,
            outbox=outbox,
            passwords=passwords,
            failures=failures,
            host_way=host_way,
            fetch=fetch,
        )

    lazy_pages = LazyApp(make_pages)

    def on_reload() -> None:
        installations.set_lifetimes(now.settings.lifetimes)
        lazy_pages.make_again()

    probes = health(shell)
    connections = Connections(file_limit.limit(), is_shared=now.is_shared)
    meter.connections = lambda: connections.count
    return Application(
        {**meter.endpoints(endpoints(features, shell, certificates)), **probes},
        now,
        on_reload,
        pages=meter.pages(lazy_pages),
        running=running,
        trusted=_networks(settings.trusted_proxies),
        # Whether a browser may use plain HTTP is the embedding host's to say.
        secure=settings.issuer.startswith("https:") and host_way is None,
        base=address.path(settings.issuer),
        probes=probes,
        connections=connections,
    )


def _outside(
    settings: Settings, store: Store, installations: Installations, *, fetch: Fetcher
) -> Fetch:
    """Answers what rules ask of other hosts."""
    platform = settings.sign_in.still_allowed
    if not platform.url:
        return fetch.documents

    async def keys() -> Keyring:
        return (await installations.current()).keyring

    terms = PlatformTerms(
        url=platform.url,
        issuer=settings.issuer,
        source=platform.source,
        seconds=platform.seconds,
        grace=platform.grace_seconds,
    )
    # The platform is the operator's own, and may be in a network of theirs.
    own = fetch.with_local(target(platform.url).authority)
    return StillAllowed(terms, store, fetch, post=own.post, keys=keys).documents


def _meter(settings: Settings, features: Collection[Feature]) -> NoMeter:
    """What counts requests, if anything does."""
    if not settings.metrics_port:
        return NoMeter()
    return Meter([one.name for of in features for one in of.grant_types])


def _metrics(settings: Settings, meter: NoMeter, store: Store) -> MetricsPort:
    return MetricsPort(
        meter,
        store,
        host=settings.metrics_host,
        port=settings.metrics_port,
        workers=settings.workers,
        version=__version__,
    )


class CurrentSettings:
    """The settings that are in force now."""

    def __init__(self, settings: Settings) -> None:
        self.set(settings)

    def set(self, settings: Settings) -> None:
        """Puts other settings in force."""
        self.settings = settings
        self._proxies = _networks({*settings.trusted_proxies, *settings.certificate_proxies})

    def is_shared(self, address: str) -> bool:
        """Whether many callers share this address, which is a proxy's. Behind a proxy that is not
        configured, all callers have its address."""
        if self.settings.is_behind_a_proxy and not self._proxies:
            return True
        return within(address, self._proxies)


class Application(Front):
    """The front, by settings that may change while it runs (`settings.RELOADABLE`)."""

    def __init__(
        self,
        endpoints: Mapping[str, MethodHandler],
        now: CurrentSettings,
        on_reload: Callable[[], None],
        **parts: Any,
    ) -> None:
        super().__init__(endpoints, **parts)
        self._now = now
        self._on_reload = on_reload

    def reload(self, settings: Settings) -> None:
        """Puts changed settings in force."""
        self._now.set(settings)
        self.trust(_networks(settings.trusted_proxies))
        self._on_reload()


def registration(settings: Settings) -> Registration:
    """The limits of apps that register themselves."""
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
    """Makes outbound requests."""
    if settings.fetch_local:
        log.warning(
            "outbound requests to local hosts are allowed", hosts=list(settings.fetch_local)
        )
    file = settings.fetch_ca_file
    # The system has many authorities: they are read for the first outbound request.
    trust = functools.cache(lambda: ssl.create_default_context(cafile=file))
    if file is not None:
        trust()
    return Fetcher(trust, local=settings.fetch_local)


def platform_sign_in(settings: Settings, fetch: Fetcher) -> PlatformSignIn | None:
    """Asks the platform about unknown names; None if that is not configured, or over."""
    lazy = settings.sign_in.lazy
    secret = secret_in(lazy.secret, lazy.secret_file)
    if not lazy.url or lazy.until is None or secret is None or not settings.sign_in.password:
        return None
    return PlatformSignIn(
        fetch.with_local(target(lazy.url).authority).post,
        url=lazy.url,
        client_id=lazy.client_id,
        secret=secret,
        ends=ends_at(lazy.until),
    )


def _pages(
    settings: Settings,
    features: Collection[Feature],
    *,
    shell: Shell,
    outbox: Outbox,
    passwords: Passwords,
    failures: SignInFailures,
    host_way: Callable[[Any], Any] | None,
    fetch: Fetcher,
) -> App:
    # Imported here: a start need not wait for pages, and an unvisited server needs no memory.
    from valetkey.server.pages.brand import CurrentBrand  # noqa: PLC0415
    from valetkey.server.pages.frame import LINKED, Frame, site_links  # noqa: PLC0415
    from valetkey.server.pages.handoff import HandoffWay  # noqa: PLC0415
    from valetkey.server.pages.locales import with_folder  # noqa: PLC0415
    from valetkey.server.pages.routes import pages  # noqa: PLC0415
    from valetkey.server.pages.upstream import UpstreamWay, domains_of, ways_of  # noqa: PLC0415
    from valetkey.server.pages.ways import SignInChoice, Way  # noqa: PLC0415

    source = read_brand(settings.brand)
    links = site_links(settings.name, settings.privacy_url, settings.terms_url)
    files = {file.digest: file.body for file in source.files}
    locales, mistakes = with_folder(settings.locale_folder)
    for mistake in mistakes:
        log.warning("translation left out", detail=mistake)
    frame = Frame(
        shell,
        outbox=outbox,
        passwords=passwords,
        new_passwords=new_passwords(settings, fetch),
        issuer=settings.issuer,
        brand=CurrentBrand(shell, links=links, brand=source.brand, files=files, locales=locales),
        unthrottled=_networks(settings.unthrottled),
        failures=failures,
        watched=SESSION_MANAGEMENT in features,
        sign_in_origins=origins(settings.sign_in),
        linked=LINKED if settings.sign_in.upstream else None,
        platform=platform_sign_in(settings, fetch),
        directory=directory(settings.sign_in),
        passkeys=settings.relying_party if host_way is None else None,
    )
    off = pages_off(features)
    if host_way is not None:
        hosted = host_way(frame)
        return pages(frame, SignInChoice((hosted,), password=False, silent=hosted), off=off)
    handoff = settings.sign_in.handoff
    platform = HandoffWay(frame, url=handoff.url, label=handoff.name or settings.name)
    of_settings = [one.upstream() for one in settings.sign_in.upstream]
    alone = is_alone(settings.sign_in)
    upstreams = [UpstreamWay(frame, one, fetch.ask, alone=alone) for one in of_settings]
    ways: tuple[Way, ...] = (*([platform] if handoff.url else []), *ways_of(upstreams))
    choice = SignInChoice(
        ways,
        password=settings.sign_in.password,
        silent=platform if handoff.url else ways[0] if alone else None,
        sign_out={platform.name: handoff.logout_url},
        domains=domains_of(upstreams),
    )
    return pages(frame, choice, upstreams, off=off)


@contextlib.asynccontextmanager
async def _running(
    shell: Shell,
    outbox: Outbox,
    passwords: Passwords,
    *more: Coroutine[None, None, None],
    now: CurrentSettings,
) -> AsyncIterator[None]:
    store = shell.store
    own = (
        background.sweep(store, event_seconds=lambda: now.settings.lifetimes.event),
        outbox.run(),
        background.remove_ended_counts(shell),
        background.erase_due(shell),
        file_limit.watch(),
    )
    running = (*own, *more)
    tasks = [asyncio.create_task(one) for one in running]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        passwords.close()
        await store.close()


def _networks(addresses: Iterable[str]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(address) for address in addresses)
