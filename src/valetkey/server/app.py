"""The composition root: makes the ASGI application from settings and a store."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from valetkey.jose.objects import read_object
from valetkey.server.admin.chosen_passwords import ChosenPasswords
from valetkey.server.audit.recorder import recorded
from valetkey.server.endpoints.admin.rate_limit import CallRules
from valetkey.server.endpoints.driver import endpoints
from valetkey.server.endpoints.health import health
from valetkey.server.http import background, file_limit, installation, search_index, unused_accounts
from valetkey.server.http.connections import Connections
from valetkey.server.http.countries import Countries
from valetkey.server.http.front import App, Front, MethodHandler, within
from valetkey.server.http.hashing import Passwords
from valetkey.server.http.installation import Installations
from valetkey.server.http.lazy_app import LazyApp
from valetkey.server.http.metrics import signature_numbers
from valetkey.server.http.outbox import Outbox
from valetkey.server.http.shared_counts import SharedCounts
from valetkey.server.http.shell import Shell
from valetkey.server.http.sign_in_failures import SignInFailures
from valetkey.server.http.signed_tokens import SignedTokens
from valetkey.server.http.still_allowed import AskPlatform
from valetkey.server.http.tls import Certificates
from valetkey.server.http.tracing import NoTracer
from valetkey.server.oauth.clients.documents import CLIENT_DOCUMENTS
from valetkey.server.oauth.core.context import Registration, SignIn
from valetkey.server.oauth.core.feature import Feature
from valetkey.server.oauth.endpoints.registration import REGISTRATION
from valetkey.server.oauth.features import switched
from valetkey.server.oauth.tokens.account_check import ACCOUNT_CHECKS
from valetkey.server.page_app import networks, page_app
from valetkey.server.settings import Settings
from valetkey.server.settings.audit_log import make_audit
from valetkey.server.settings.load import described, secret_in
from valetkey.server.settings.mail import make_outbox, notice_targets
from valetkey.server.settings.monitoring import (
    make_meter,
    make_metrics_port,
    make_request_log,
    make_tracer,
)
from valetkey.server.settings.outside import documents_of, fetcher
from valetkey.server.settings.sign_in import for_rules, new_passwords
from valetkey.server.store.master_key import MasterKey
from valetkey.server.store.port import Store
from valetkey.server.store.revocations.shipping import shipped_to, shipping, writers
from valetkey.wire import address

NO_ORIGINS: Final[Mapping[str, str]] = MappingProxyType({})


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """The application in which a server is embedded. `way` makes, from the frame of the pages, the
    way by which its users sign in, and `sign_in` says how for rules. `still_allowed` says whether
    they still may, None for always."""

    sign_in: SignIn
    way: Callable[[Any], Any]
    still_allowed: AskPlatform | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """The features that are on because of it."""
        return (ACCOUNT_CHECKS.name,) if self.still_allowed is not None else ()


def create(
    settings: Settings,
    store: Store,
    *,
    master_key: MasterKey,
    signed_tokens: SignedTokens | None = None,
    counts: SharedCounts | None = None,
    host: Host | None = None,
    origins: Mapping[str, str] = NO_ORIGINS,
) -> "Application":
    """The application over an open store that has its keys (`store.keyring.ensure_keys`).
    `signed_tokens` and `counts` are shared by the workers of one server; None for a server without
    workers.
    `host` is None unless the server is embedded. `origins` says where each setting comes from (see
    `settings.load.Loaded`)."""
    now = CurrentSettings(settings, origins)
    features = switched((*settings.enabled, *(host.features if host else ())), settings.disable)
    meter, tracer, beside = (
        make_meter(settings, features),
        make_tracer(settings),
        shipped_to(store, settings.revocations, master_key),
    )
    store = tracer.store(meter.store(recorded(beside)))
    certificates = Certificates(networks(settings.certificate_proxies), settings.client_authorities)
    installations = _installations(
        settings,
        store,
        features,
        master_key=master_key,
        sign_in=host.sign_in if host else for_rules(settings.sign_in, settings.accounts),
        signed_tokens=signed_tokens or SignedTokens(),
    )
    fetch = fetcher(settings, tracer)
    passwords = Passwords(secret_in(settings.devise_pepper, settings.devise_pepper_file))
    shell = Shell(
        store,
        installations,
        fetch=documents_of(
            settings,
            store,
            installations,
            fetch=fetch,
            ask_host=host.still_allowed if host else None,
        ),
        check=passwords.check,
        describe_settings=lambda: described(now.settings),
    )
    outbox = make_outbox(lambda: now.settings, shell, fetch)
    failures = SignInFailures()
    countries = Countries(settings.accounts.countries_file)
    meter.sign_ins = failures.totals
    meter.signatures, meter.shipped = lambda: signature_numbers(master_key), shipping(beside)

    def running() -> contextlib.AbstractAsyncContextManager[None]:
        more = [
            make_audit(lambda: now.settings, store, master=master_key, fetch=fetch).run(),
            *writers(beside),
            *_by_settings(settings, shell),
        ]
        if REGISTRATION in features or CLIENT_DOCUMENTS in features:
            more.append(installation.run(store, installations))
        if settings.metrics_port:
            more.append(make_metrics_port(settings, meter, store).run())
        return _running(shell, outbox, passwords, *more, now=now, tracer=tracer)

    def make_pages() -> App:
        return page_app(
            now.settings,
            features,
            origins=lambda: now.origins,
            shell=shell,
            outbox=outbox,
            passwords=passwords,
            failures=failures,
            host_way=host.way if host else None,
            fetch=fetch,
            countries=countries,
        )

    lazy_pages = LazyApp(make_pages)

    def on_reload() -> None:
        installations.set_lifetimes(now.settings.lifetimes)
        lazy_pages.make_again()

    requests = make_request_log(settings)
    programs = requests.endpoints(
        endpoints(
            features,
            shell,
            certificates,
            administrators=_call_rules(
                settings,
                counts,
                ChosenPasswords(lambda: new_passwords(now.settings, fetch), passwords.keep),
            ),
        )
    )
    connections = Connections(file_limit.limit(), is_shared=now.is_shared)
    meter.connections = lambda: connections.count
    return Application(
        {
            **tracer.endpoints(meter.endpoints(programs)),
            **(probes := health(shell, shipping(beside))),
        },
        now,
        on_reload,
        countries=countries,
        pages=tracer.pages(meter.pages(requests.pages(lazy_pages))),
        running=running,
        trusted=networks(settings.trusted_proxies),
        # Whether a browser may use plain HTTP is the embedding host's to say.
        secure=settings.issuer.startswith("https:") and host is None,
        base=address.path(settings.issuer),
        probes=probes,
        connections=connections,
    )


def _installations(
    settings: Settings,
    store: Store,
    features: tuple[Feature, ...],
    *,
    master_key: MasterKey,
    sign_in: SignIn,
    signed_tokens: SignedTokens,
) -> Installations:
    """The configuration that rules read, as the settings and the store have it."""
    return Installations(
        store,
        issuer=settings.issuer,
        lifetimes=settings.lifetimes,
        features=features,
        master_key=master_key,
        demands=settings.clients.demands,
        registration=registration(settings),
        sign_in=sign_in,
        notices=notice_targets(settings),
        mtls_address=settings.mtls_address,
        signed_tokens=signed_tokens,
    )


def _by_settings(settings: Settings, shell: Shell) -> Iterator[Coroutine[None, None, None]]:
    """What the server does beside its requests if the settings say so."""
    if notice_targets(settings).tells("access_ends_soon"):
        yield background.announce_ends(shell)
    if settings.accounts.unused_days:
        yield unused_accounts.run(shell, settings.accounts.unused_days)


def _call_rules(
    settings: Settings, counts: SharedCounts | None, passwords: ChosenPasswords
) -> CallRules:
    administration = settings.administration
    return CallRules(
        two_factors=administration.second_factor,
        per_minute=administration.calls_per_minute,
        counts=counts,
        passwords=passwords,
    )


class CurrentSettings:
    """The settings that are in force now."""

    def __init__(self, settings: Settings, origins: Mapping[str, str]) -> None:
        self.set(settings, origins)

    def set(self, settings: Settings, origins: Mapping[str, str]) -> None:
        """Puts other settings in force."""
        self.settings = settings
        self.origins = origins
        self._proxies = networks({*settings.trusted_proxies, *settings.certificate_proxies})

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
        *,
        countries: Countries,
        **parts: Any,
    ) -> None:
        super().__init__(endpoints, **parts)
        self._now = now
        self._on_reload = on_reload
        self._countries = countries

    def reload(self, settings: Settings, origins: Mapping[str, str] = NO_ORIGINS) -> None:
        """Puts changed settings in force."""
        self._now.set(settings, {**self._now.origins, **origins})
        self.trust(networks(settings.trusted_proxies))
        self._on_reload()

    def read_files_again(self) -> None:
        """Reads what may change beside the settings."""
        self._countries.read_again()


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


@contextlib.asynccontextmanager
async def _running(
    shell: Shell,
    outbox: Outbox,
    passwords: Passwords,
    *more: Coroutine[None, None, None],
    now: CurrentSettings,
    tracer: NoTracer,
) -> AsyncIterator[None]:
    store = shell.store
    own = background.tasks(shell, event_seconds=lambda: now.settings.lifetimes.event)
    running = (*own, search_index.run(store), outbox.run(), file_limit.watch(), *more)
    tasks = [asyncio.create_task(one) for one in running]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        passwords.close()
        await store.close()
        await tracer.close()
