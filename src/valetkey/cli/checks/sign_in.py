"""Checks of the places elsewhere at which users sign in: a directory, OpenID providers.

Each has a few seconds, and all providers are asked at once.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from valetkey.server.http.directory import DirectoryAway
from valetkey.server.http.fetch import Fetcher
from valetkey.server.model.query import Unreachable
from valetkey.server.oauth.sign_in.provider import find_keys, find_provider
from valetkey.server.oauth.sign_in.upstream import SignInFailed, Upstream
from valetkey.server.settings import Settings
from valetkey.server.settings.other_systems import DirectorySettings
from valetkey.server.settings.outside import fetcher
from valetkey.server.settings.sign_in import directory
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.settle import ask
from valetkey.spec.names import Cite
from valetkey.wire import address, metadata

Check: TypeAlias = tuple[str, Literal["ok", "warn", "fail"], str]
"""The name of a check, the verdict, and the details."""

SECONDS: Final = 3.0
"""Seconds for one step."""

CITE: Final = Cite("RFC 4511", "4.14")

_START_TLS: Final = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
"""The request for TLS on a plain connection."""

_LDAP_PORTS: Final = {"ldap": 389, "ldaps": 636}


def sign_in_checks(settings: Settings) -> Iterator[Check]:
    """Check the directory and the providers in the settings."""
    if settings.sign_in.ldap.url:
        yield _directory(settings)
    upstreams = [one.upstream() for one in settings.sign_in.upstream if one.enabled]
    if upstreams:
        yield from asyncio.run(_providers(upstreams, fetcher(settings)))


def _directory(settings: Settings) -> Check:
    name, ldap = "directory", settings.sign_in.ldap
    here = directory(settings.sign_in)
    if here is None:
        return name, "warn", "off, as sign_in.password is false"
    try:
        why = asyncio.run(here.why_not())
    except DirectoryAway as error:
        why = _why_no_connection(ldap) or f"it does not answer as it should: {error.detail}"
    return (name, "fail", f"{ldap.url}: {why}") if why else (name, "ok", f"{ldap.url} answers")


def _why_no_connection(ldap: DirectorySettings) -> str:
    """Why there is no connection, in more words than the library has. "" if there is one."""
    parts = address.read(ldap.url)
    if parts is None:
        return "is no address"
    port = parts.port or _LDAP_PORTS[parts.scheme]
    try:
        plain = socket.create_connection((parts.host, port), SECONDS)
    except socket.gaierror:
        return f"the name {parts.host} has no address: check url, and the DNS of this machine"
    except TimeoutError:
        return f"port {port} does not answer in {SECONDS:g} seconds: check url, and firewalls"
    except OSError as error:
        return f"nobody listens at port {port}: check url, and whether it runs ({error.strerror})"
    with contextlib.closing(plain):
        if parts.scheme == "ldap" and not ldap.start_tls:
            return ""
        return _why_no_tls(plain, parts.host, ldap)


def _why_no_tls(plain: socket.socket, host: str, ldap: DirectorySettings) -> str:
    try:
        if ldap.start_tls:
            plain.sendall(_START_TLS)
            plain.recv(4096)
        trust = ssl.create_default_context(cafile=ldap.ca_file)
        with trust.wrap_socket(plain, server_hostname=host):
            pass
    except ssl.SSLCertVerificationError as error:
        return (
            f"its certificate is refused: {error.verify_message}; name its authority in ca_file, "
            "and write url with the name in the certificate"
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        return f"TLS fails ({reason}): check the port, start_tls and ca_file"
    if host == "localhost":
        # OpenLDAP's library looks for the machine's own name in the certificate.
        return "write 127.0.0.1 for localhost, if the certificate has it, or the machine's name"
    return ""


async def _providers(upstreams: list[Upstream], fetch: Fetcher) -> list[Check]:
    return await asyncio.gather(*(_provider(one, fetch) for one in upstreams))


async def _provider(upstream: Upstream, fetch: Fetcher) -> Check:
    name = f"provider {upstream.name}"
    try:
        if not upstream.is_openid:
            return name, "ok", await _endpoints(upstream, fetch)
        store = MemoryStore()
        provider = await ask(store, find_provider(upstream), fetch=fetch.documents)
        keys = await ask(store, find_keys(provider), fetch=fetch.documents)
    except SignInFailed as error:
        return name, "fail", f"{error.detail}{_hint(str(error.detail), upstream)}"
    if not keys:
        says = f"{provider.jwks_uri} has no key for ID Tokens that this server can use"
        return name, "fail", f"{says}: choose RS256 or ES256 there"
    return name, "ok", f"{upstream.issuer} is the issuer of its metadata, and has keys"


async def _endpoints(upstream: Upstream, fetch: Fetcher) -> str:
    """Raises SignInFailed if one doesn't answer. Any status is an answer: nobody is signed in."""
    for url in (upstream.token_endpoint, upstream.userinfo_endpoint):
        try:
            async with asyncio.timeout(SECONDS):
                answer = await fetch.ask(url, headers={})
        except TimeoutError as error:
            why = f"{url} does not answer in {SECONDS:g} seconds"
            raise SignInFailed("down", detail=why) from error
        if isinstance(answer, Unreachable):
            raise SignInFailed("down", detail=f"{url}: {answer.why}")
    return "its token and userinfo endpoints answer"


def _hint(detail: str, upstream: Upstream) -> str:
    """What to do about it, "" where the reason says so."""
    place = upstream.discovery_issuer.rstrip("/") + metadata.OPENID
    hints = {
        "has no address": "check the name in issuer, and the DNS of this machine",
        "nobody listens": "check issuer, whether it runs, and firewalls",
        "longer than": "check issuer, whether it runs, and firewalls",
        "certificate": "name its authority in fetch_ca_file",
        "with status": f"its metadata has to be at {place}: check issuer",
        "not proper JSON": f"its metadata has to be at {place}: check issuer",
        "speaks of": "write issuer exactly as its metadata does",
        "not on the public internet": "on a private network, its keys have to be at the host and "
        "port of issuer",
    }
    return next((f"; {what}" for mark, what in hints.items() if mark in detail), "")
