"""Checks of settings beyond their types: each on its own, and together with others."""

import ipaddress
import os
import re
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from valetkey.jose.objects import read_object
from valetkey.server.http.countries import why_not_countries
from valetkey.server.settings.accounts import account_mistakes, unused_mistakes, why_not_words
from valetkey.server.settings.brand import read_brand, why_not_link
from valetkey.server.settings.clients import client_mistakes
from valetkey.server.settings.master_key import why_not_key
from valetkey.server.settings.other_systems import monitoring_mistakes
from valetkey.server.settings.passkeys import passkey_mistakes
from valetkey.server.settings.tree import SECRETS, Settings
from valetkey.server.settings.upstream import NAME as UPSTREAM
from valetkey.server.settings.upstream import why_not_upstreams
from valetkey.server.store.database_url import Database, PostgresURL
from valetkey.wire import address
from valetkey.wire.metadata import is_local

EXTRAS: Final = {"scim": "scim2_models"}
"""The modules that features need and an extra of their name installs."""

_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+", re.ASCII)

# Nothing in it has two spellings, and nothing has a meaning of its own.
_PATH: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$)|\.well-known(?:/|$))[A-Za-z0-9._~-]+)*", re.ASCII)


def _why_not_issuer(issuer: str) -> str:
    """Return why this is no issuer, or "" (RFC 8414 2). Apps compare it character by character, so
    only one spelling is accepted."""
    if not issuer.lower().startswith(("https://", "http://")):
        return "does not begin with https://"
    if not re.fullmatch(r"[!-~]*", issuer) or "\\" in issuer:
        return "holds a stray character"
    parts = address.read(issuer)
    if parts is None:
        return "is not a URL"
    host, written = parts.host, parts.authority
    rules = (
        (not parts.has_user, "holds a user name"),
        (_HOST.fullmatch(host) and written == written.lower(), "has no proper host"),
        (not set("?#") & set(issuer), "has a query or a fragment"),
        (not issuer.endswith("/"), "ends with /"),
        (_PATH.fullmatch(parts.path), "has a path with more than letters, digits, -, ., _ and ~"),
        (parts.port != address.PORTS[parts.scheme], "names the port that is the default"),
        (parts.scheme == "https" or is_local(host), "uses http beyond this machine and .test"),
    )
    return next((why for holds, why in rules if not holds), "")


def _why_not_networks(entries: tuple[str, ...]) -> str:
    for entry in entries:
        try:
            ipaddress.ip_network(entry)
        except ValueError as error:
            return str(error)
    return ""


def _why_not_places(entries: tuple[str, ...]) -> str:
    for entry in entries:
        if not re.fullmatch(r"(\[[0-9a-f:.]+\]|[a-z0-9][a-z0-9.-]*):[1-9][0-9]{0,4}", entry):
            return f"{entry!r} is no host:port in lower case"
    return ""


def _why_not_hosts(hosts: tuple[str, ...]) -> str:
    for host in hosts:
        if ":" in host or address.why_not(f"https://{host}/"):
            return f"{host!r} is no host in lower case"
    return ""


def _why_not_keys(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        keys = read_object(file.read_bytes()).get("keys")
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValueError as error:
        return f"is no JWK Set: {error}"
    return "" if isinstance(keys, list) and keys else "is no JWK Set with keys in it"


def _why_not_secret_file(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        text = file.read_text("utf-8")
        if why := why_not_private(file):
            return why
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValueError:
        return "is not UTF-8"
    return "" if text.strip("\r\n") else "is empty"


def _why_not_authorities(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        ssl.create_default_context(cafile=file)
    except (OSError, ValueError) as error:
        return f"holds no certificates in PEM: {error}"
    return ""


def _why_not_features(names: tuple[str, ...]) -> str:
    if not names:
        return ""
    # Imported here, because this imports every rule, and few commands need one.
    from valetkey.server.oauth.features import FEATURES  # noqa: PLC0415

    options = [one.name for one in FEATURES if not one.core]
    unknown = [name for name in names if name not in options]
    if unknown:
        return f"{unknown[0]!r} is none of {', '.join(options)}"
    lacking = [name for name in names if name in EXTRAS and not find_spec(EXTRAS[name])]
    return (
        f"{lacking[0]!r} needs the extra: pip install 'valetkey[{lacking[0]}]'" if lacking else ""
    )


def _why_not_database(database: Database) -> str:
    match database.at:
        case Path(parent=folder):
            return "" if folder.is_dir() else f"there is no folder {folder}"
        case PostgresURL():
            return ""


def why_not_private(file: Path) -> str:
    """Return why others can read this file, or "". Raises OSError.

    Only its owner may read it. If root owns it, its group may too: so a service manager hands a
    secret to a server that runs as somebody else (systemd's credentials, Kubernetes' fsGroup)."""
    status = file.stat()
    of_root = status.st_uid == 0 != os.geteuid()
    others = status.st_mode & (0o037 if of_root else 0o077)
    mode = status.st_mode & 0o777
    return f"is readable by others (mode {mode:04o}): chmod 600 {file}" if others else ""


def _why_not_sign_in_page(link: str) -> str:
    """Return why browsers can't be sent there, or ""."""
    parts = address.read(link)
    if not link:
        return ""
    if parts is None or not parts.is_web or parts.fragment or parts.has_user:
        return "is not a web address, or has a fragment or a user name"
    is_safe = parts.scheme == "https" or is_local(parts.host)
    return "" if is_safe else "uses http beyond this machine and .test"


def _why_not_words(words: tuple[str, ...]) -> str:
    bad = [one for one in words if not re.fullmatch(r"[!-~]{1,255}", one, re.ASCII)]
    return f"{bad[0]!r} has a space or another stray character" if bad else ""


CHECKS: Final[dict[str, Callable[[Any], str]]] = {
    "issuer": _why_not_issuer,
    "name": lambda name: "" if name.strip() and name.isprintable() else "cannot be read",
    "host": lambda host: "" if host else "is empty",
    "database": _why_not_database,
    "master_key": why_not_key,
    "key_service.token_file": _why_not_secret_file,
    "key_service.ca_file": _why_not_authorities,
    "kms.ca_file": _why_not_authorities,
    "pkcs11.pin_file": _why_not_secret_file,
    "devise_pepper_file": _why_not_secret_file,
    "sign_in.lazy.secret_file": _why_not_secret_file,
    "sign_in.ldap.bind_password_file": _why_not_secret_file,
    "sign_in.ldap.ca_file": _why_not_authorities,
    "accounts.password_blocklist_file": why_not_words,
    "accounts.countries_file": why_not_countries,
    "accounts.breached_passwords_url": lambda url: address.why_not(url) if url else "",
    "mail.password_file": _why_not_secret_file,
    "mail.ca_file": _why_not_authorities,
    "webhook.secret_file": _why_not_secret_file,
    "audit.webhook_secret_file": _why_not_secret_file,
    "sign_in.lazy.url": lambda url: address.why_not(url) if url else "",
    "enable": _why_not_features,
    "disable": _why_not_features,
    "unthrottled": _why_not_networks,
    "trusted_proxies": _why_not_networks,
    "registration_publishers_file": _why_not_keys,
    "client_documents_allow": _why_not_hosts,
    "client_documents_deny": _why_not_hosts,
    "certificate_proxies": _why_not_networks,
    "client_authorities": _why_not_authorities,
    "mtls_address": lambda address: _why_not_issuer(address) if address else "",
    "fetch_ca_file": _why_not_authorities,
    "fetch_local": _why_not_places,
    "privacy_url": why_not_link,
    "terms_url": why_not_link,
    "locale_folder": lambda folder: (
        "" if folder is None or folder.is_dir() else "is no folder that can be read"
    ),
    "sign_in.handoff.url": _why_not_sign_in_page,
    "sign_in.handoff.logout_url": _why_not_sign_in_page,
    "sign_in.still_allowed.url": lambda link: address.why_not(link) if link else "",
    "consent_check_url": lambda link: address.why_not(link) if link else "",
    "sign_in.handoff.acr": _why_not_words,
    "sign_in.handoff.amr": _why_not_words,
    UPSTREAM: why_not_upstreams,
}
"""For each setting, a function that returns why a value of the right type is invalid, or ""."""


def check_together(settings: Settings, origins: Mapping[str, str]) -> list[str]:
    """Return the mistakes of settings that do not fit together."""
    wrong = []
    for mistake in settings.lifetimes.mistakes():
        name, _, why = mistake.partition(": ")
        value = getattr(settings.lifetimes, name)
        origin = origins[f"lifetimes.{name}"]
        wrong.append(f"lifetimes.{name} = {value} (from {origin}): must be {why}")
    ldap = settings.sign_in.ldap
    passkeys = passkey_mistakes(settings.accounts, settings.issuer)
    monitoring = monitoring_mistakes(settings.metrics_port, settings.trace_collector)
    return [
        *wrong,
        *_master_key(settings, origins),
        *_tls(settings, origins),
        *_fetch_local(settings, origins),
        *_mtls_address(settings, origins),
        *_brand(settings, origins),
        *_lazy(settings, origins),
        *_of_table("sign_in.ldap", ldap, ldap.mistakes(), origins=origins),
        *_tables(settings, origins),
        *_handoff(settings, origins),
        *account_mistakes(settings.accounts, origins),
        *client_mistakes(settings, origins),
        *_of_table("accounts", settings.accounts, passkeys, origins=origins),
        *_of_table("", settings, monitoring, origins=origins),
    ]


def _handoff(settings: Settings, origins: Mapping[str, str]) -> list[str]:
    if settings.sign_in.handoff.url:
        return []
    return [
        f"{name} (from {origin}): needs sign_in.handoff.url"
        for name, origin in origins.items()
        if name.startswith("sign_in.handoff.") and origin != "default"
        if name != "sign_in.handoff.url"
    ]


def _brand(settings: Settings, origins: Mapping[str, str]) -> Iterator[str]:
    """The mistakes in the brand's links, colors and files. `valetkey brand check` looks at texts
    and templates, too."""
    source = read_brand(settings.brand)
    for name, why in (*source.mistakes, *source.brand.colors.mistakes()):
        value = getattr(settings.brand, name)
        yield f"brand.{name} = '{value}' (from {origins[f'brand.{name}']}): {why}"


def _lazy(settings: Settings, origins: Mapping[str, str]) -> list[str]:
    lazy = settings.sign_in.lazy
    if not lazy.url:
        return []
    place = f"sign_in.lazy.url = {lazy.url!r} (from {origins['sign_in.lazy.url']})"
    rules = (
        (lazy.until is not None, "needs until, the day from which nothing is asked"),
        (lazy.client_id, "needs client_id"),
        (lazy.secret or lazy.secret_file, "needs VALETKEY_SIGN_IN__LAZY__SECRET or secret_file"),
    )
    return [f"{place}: {why}" for holds, why in rules if not holds]


def _tables(settings: Settings, origins: Mapping[str, str]) -> Iterator[str]:
    if settings.accounts.mail_codes and not settings.mail.host:
        yield f"accounts.mail_codes = True (from {origins['accounts.mail_codes']}): needs mail.host"
    tells = settings.notices.account_unused and (settings.mail.host or settings.webhook.url)
    event = settings.lifetimes.event
    yield from unused_mistakes(settings.accounts, origins, event=event, tells=bool(tells))
    for table in ("key_service", "pkcs11", "mail", "webhook", "audit"):
        part = getattr(settings, table)
        yield from _of_table(table, part, part.mistakes(), origins=origins)
    bucket = settings.revocations_bucket
    wrong = bucket.mistakes(settings.revocations_folder)
    yield from _of_table("revocations_bucket", bucket, wrong, origins=origins)
    wrong = settings.kms.mistakes(settings.pkcs11.new_keys)
    yield from _of_table("kms", settings.kms, wrong, origins=origins)


def _of_table(
    table: str, part: object, mistakes: Iterable[tuple[str, str]], *, origins: Mapping[str, str]
) -> Iterator[str]:
    """The mistakes of one table of settings. A secret is not written out."""
    for name, why in mistakes:
        place = f"{table}.{name}".lstrip(".")
        value = "" if place in SECRETS else f" = {getattr(part, name)!r}"
        yield f"{place}{value} (from {origins[place]}): {why}"


def _fetch_local(settings: Settings, origins: Mapping[str, str]) -> list[str]:
    if not settings.fetch_local or is_local(address.host(settings.issuer)):
        return []
    place = f"fetch_local = {list(settings.fetch_local)} (from {origins['fetch_local']})"
    return [f"{place}: only allowed if the issuer itself is this machine or ends with .test"]


def _mtls_address(settings: Settings, origins: Mapping[str, str]) -> list[str]:
    if not settings.mtls_address:
        return []
    path = address.path(settings.issuer)
    if address.path(settings.mtls_address) == path:
        return []
    place = f"mtls_address = '{settings.mtls_address}' (from {origins['mtls_address']})"
    return [f"{place}: has another path than the issuer, whose path is '{path}'"]


def _master_key(settings: Settings, origins: Mapping[str, str]) -> list[str]:
    if settings.master_key or settings.key_file:
        return []
    place = f"database = '{settings.database}' (from {origins['database']})"
    fix = "set VALETKEY_MASTER_KEY, or name a file in master_key_file"
    return [f"{place}: the master key cannot be a file beside a PostgreSQL database: {fix}"]


def _tls(settings: Settings, origins: Mapping[str, str]) -> list[str]:
    pair = {"tls_certificate": settings.tls_certificate, "tls_key": settings.tls_key}
    entries = [f"{name} = '{path}' (from {origins[name]})" for name, path in pair.items() if path]
    if len(entries) == 1:
        other = "tls_key" if settings.tls_certificate else "tls_certificate"
        return [f"{entries[0]}: needs {other} beside it"]
    if settings.tls_certificate is None or settings.tls_key is None:
        return []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # With an empty password, an encrypted key is refused instead of asked for.
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
    except (OSError, ValueError) as error:
        return [f"{' and '.join(entries)}: are no certificate and its key in PEM files: {error}"]
    return []
