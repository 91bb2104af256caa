"""All settings: their types, defaults and descriptions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec.structs import FieldInfo

from valetkey.server.accounts.relying_party import RelyingParty
from valetkey.server.model.keys import Secret
from valetkey.server.model.policy import Lifetimes
from valetkey.server.settings.accounts import AccountSettings
from valetkey.server.settings.administration import AdministrationSettings
from valetkey.server.settings.audit import AuditSettings
from valetkey.server.settings.brand import BrandSettings
from valetkey.server.settings.clients import ClientSettings
from valetkey.server.settings.key_service import KeyServiceSettings
from valetkey.server.settings.kms import KmsSettings
from valetkey.server.settings.notices import MailSettings, NoticeSettings, WebhookSettings
from valetkey.server.settings.passkeys import relying_party
from valetkey.server.settings.pkcs11 import TokenSettings
from valetkey.server.settings.revocations import BucketSettings, place_for
from valetkey.server.settings.ways import SignInSettings
from valetkey.server.store.database_url import Database, PostgresURL
from valetkey.server.store.revocations.places import Place
from valetkey.wire import address
from valetkey.wire.address import PORTS
from valetkey.wire.metadata import is_local


def _is(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


_Addresses: TypeAlias = tuple[str, ...]
_Names: TypeAlias = tuple[str, ...]
_File: TypeAlias = Path | None
_Port: TypeAlias = Annotated[
    int, msgspec.Meta(ge=1, le=65535, description="the TCP port to listen on, from 1 to 65535")
]
_Workers: TypeAlias = Annotated[
    int, msgspec.Meta(ge=1, le=256, description="the number of processes that serve, from 1 to 256")
]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of an installation."""

    issuer: Annotated[
        str,
        _is(
            "the https address at which people and apps reach this server, with or without a path, "
            "without a / at the end"
        ),
    ] = "http://127.0.0.1:8000"
    name: Annotated[str, _is("the name of this server that people see")] = "valetkey"
    host: Annotated[str, _is("the address to listen on")] = "127.0.0.1"
    port: _Port = 8000
    workers: _Workers = 1
    database: Annotated[
        Database,
        _is("an SQLite file in an existing folder, or a URL such as postgresql://user@host/name"),
    ] = Database(Path("valetkey.db"))
    database_file: Annotated[
        _File, _is("a file of mode 0600 that holds the database's URL, for a URL with a password")
    ] = None
    revocations_folder: Annotated[
        _File,
        _is(
            "a folder on another disk or machine that keeps what was revoked, so that no restore "
            "of a backup brings it back; none if empty"
        ),
    ] = None
    revocations_bucket: BucketSettings = BucketSettings()
    master_key: Annotated[Secret | None, _is("32 bytes in base64url, 43 characters")] = None
    master_key_file: Annotated[
        _File,
        _is("a file of mode 0600 that holds the master key; by default, the SQLite file + .key"),
    ] = None
    log_level: Annotated[
        Literal["info", "warning", "error"],
        _is("info, warning or error: the least important entries that the log has"),
    ] = "info"
    log_format: Annotated[
        Literal["auto", "json", "text"], _is("json, text, or auto: text on a terminal, else json")
    ] = "auto"
    log_requests: Annotated[bool, _is("whether the log has a line for each request")] = False
    drain_seconds: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=600,
            description="the number of seconds for which the server still accepts requests after a "
            "signal to stop, while /readyz returns 503",
        ),
    ] = 0
    key_service: KeyServiceSettings = KeyServiceSettings()
    pkcs11: TokenSettings = TokenSettings()
    kms: KmsSettings = KmsSettings()
    devise_pepper: Annotated[
        Secret | None, _is("the pepper of the Devise application from which users were imported")
    ] = None
    devise_pepper_file: Annotated[_File, _is("a file of mode 0600 that holds that pepper")] = None
    lifetimes: Lifetimes = Lifetimes()
    brand: BrandSettings = BrandSettings()
    sign_in: SignInSettings = SignInSettings()
    accounts: AccountSettings = AccountSettings()
    administration: AdministrationSettings = AdministrationSettings()
    clients: ClientSettings = ClientSettings()
    mail: MailSettings = MailSettings()
    webhook: WebhookSettings = WebhookSettings()
    notices: NoticeSettings = NoticeSettings()
    audit: AuditSettings = AuditSettings()
    enable: Annotated[_Names, _is("a list of features to turn on that are off by default")] = ()
    disable: Annotated[_Names, _is("a list of features to turn off that are on by default")] = ()
    unthrottled: Annotated[
        _Addresses,
        _is("a list of addresses and networks that may try passwords without a rate limit"),
    ] = ()
    trusted_proxies: Annotated[
        _Addresses,
        _is("a list of proxies whose X-Forwarded-For header is trusted, such as 10.0.0.0/8"),
    ] = ()
    certificate_proxies: Annotated[
        _Addresses,
        _is("a list of proxies whose Client-Cert header is trusted (RFC 9440)"),
    ] = ()
    client_authorities: Annotated[
        _File, _is("a PEM file with the authorities that issue clients' certificates")
    ] = None
    mtls_address: Annotated[
        str, _is("the https address at which a proxy asks clients for a certificate, or empty")
    ] = ""
    tls_certificate: Annotated[_File, _is("a PEM file with the certificate and its chain")] = None
    tls_key: Annotated[_File, _is("a PEM file with the certificate's private key")] = None
    registration: Annotated[
        Literal["invited", "open"],
        _is(
            "invited or open: whether apps need an initial access token to register themselves, or "
            "any app may; requires the feature registration"
        ),
    ] = "invited"
    registration_policy: Annotated[str, _is("the policy for apps that registered themselves")] = (
        "default"
    )
    registration_scope: Annotated[
        _Names,
        _is(
            "a list of the scopes that such apps may request; empty for all permissions without a "
            "high risk"
        ),
    ] = ()
    registration_hourly: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            le=1_000_000,
            description="the number of apps that may register from one network in an hour, if "
            "registration is open",
        ),
    ] = 30
    registration_publishers_file: Annotated[
        _File, _is("a JWK Set of the publishers whose software statements are trusted")
    ] = None
    client_documents_allow: Annotated[
        _Names,
        _is(
            "a list of hosts, each including its subdomains, from which client metadata documents "
            "are accepted; empty for every host"
        ),
    ] = ()
    client_documents_deny: Annotated[
        _Names, _is("a list of hosts, each including its subdomains, from which they are refused")
    ] = ()
    fetch_ca_file: Annotated[
        _File,
        _is(
            "a PEM file of the authorities to trust when this server fetches documents of clients; "
            "by default, those of the operating system"
        ),
    ] = None
    fetch_local: Annotated[
        _Addresses,
        _is(
            "for testing: a list of host:port from which this server may fetch though they are not "
            "on the public internet; only allowed if the issuer is local as well"
        ),
    ] = ()
    metrics_host: Annotated[
        str, _is("the address at which Prometheus reads the metrics: not for the public")
    ] = "127.0.0.1"
    metrics_port: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=65535,
            description="the TCP port for the metrics, or 0 for none; requires the extra metrics",
        ),
    ] = 0
    trace_collector: Annotated[
        str,
        _is(
            "the web address of an OpenTelemetry collector (OTLP over HTTP), such as "
            "http://127.0.0.1:4318/v1/traces, or empty for no traces; requires the extra otel"
        ),
    ] = ""
    trace_share: Annotated[
        float,
        msgspec.Meta(
            ge=0,
            le=1,
            description="the share of requests to trace, from 0 to 1, besides those that a caller "
            "traces; at most 50 a second each",
        ),
    ] = 0.05
    privacy_url: Annotated[
        str, _is("the web address of your privacy statement, or empty for none")
    ] = ""
    consent_check_url: Annotated[
        str,
        _is(
            "the https address at which your platform says what a user may consent to, by age or "
            "with a guardian, or empty to ask nobody"
        ),
    ] = ""
    terms_url: Annotated[str, _is("the web address of your terms of use, or empty for none")] = ""
    locale_folder: Annotated[
        _File,
        _is(
            "a folder with translations of your own, such as it/LC_MESSAGES/valetkey.po: they go "
            "before the shipped ones, and add languages"
        ),
    ] = None

    @property
    def enabled(self) -> tuple[str, ...]:
        """The features that are turned on explicitly. Mutual TLS is one of them if a proxy may
        forward certificates, and so on: a feature with a setting of its own is on if that is set,
        and never without it."""
        more = {
            "mutual TLS": self.certificate_proxies,
            "hand-off": self.sign_in.handoff.url,
            "account checks": self.sign_in.still_allowed.url,
            "consent checks": self.consent_check_url,
        }
        own = {"hand-off", "account checks", "consent checks"}
        named = (name for name in self.enable if name not in own)
        return (*named, *(name for name, setting in more.items() if setting))

    @property
    def revocations(self) -> Place | None:
        """The place beside the database that keeps what was revoked, None for none."""
        return place_for(self.revocations_folder, self.revocations_bucket)

    @property
    def relying_party(self) -> RelyingParty | None:
        """Who asks for passkeys, None where there are none: where no accounts are kept here, or
        where browsers have none."""
        if not self.sign_in.password:
            return None
        return relying_party(self.accounts, self.issuer, self.name)

    @property
    def hides_callers(self) -> bool:
        """Whether a proxy terminates TLS, but no proxy is trusted to name the caller."""
        return self.is_behind_a_proxy and not self.trusted_proxies

    @property
    def key_file(self) -> Path | None:
        """The file of the master key. None if the key has to come from the environment."""
        match self.database.at:
            case Path() as file:
                return self.master_key_file or file.with_name(file.name + ".key")
            case PostgresURL():
                return self.master_key_file

    @property
    def is_behind_a_proxy(self) -> bool:
        """Whether a proxy terminates TLS."""
        return self.issuer.startswith("https:") and self.tls_certificate is None

    @property
    def listens_elsewhere(self) -> bool:
        """Whether the issuer has another port, and no proxy is configured."""
        if self.is_behind_a_proxy or self.trusted_proxies:
            return False
        there = address.read(self.issuer)
        return there is not None and (there.port or PORTS[there.scheme]) != self.port

    @property
    def own_issuer(self) -> str:
        """The issuer if none is set: this machine, on the server's port."""
        scheme = "http" if self.tls_certificate is None else "https"
        host = self.host if is_local(self.host) else "127.0.0.1"
        host = f"[{host}]" if ":" in host else host
        return f"{scheme}://{host}" + ("" if self.port == PORTS[scheme] else f":{self.port}")

    @property
    def address(self) -> str:
        """The URL at which the server listens. It differs from the issuer if there is a proxy."""
        scheme = "http" if self.tls_certificate is None else "https"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"


def _leaves(kind: type[msgspec.Struct], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for field in msgspec.structs.fields(kind):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _leaves(field.type, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, field


LEAVES: Final[dict[str, FieldInfo]] = dict(_leaves(Settings))
"""Every setting by its full name, such as `lifetimes.code`."""

SECRETS: Final = frozenset(
    {
        "master_key",
        "key_service.token",
        "pkcs11.pin",
        "devise_pepper",
        "sign_in.lazy.secret",
        "sign_in.ldap.bind_password",
        "mail.password",
        "webhook.secret",
        "audit.webhook_secret",
    }
)
"""Settings whose values are never displayed, and never come from the settings file or the command
line."""
