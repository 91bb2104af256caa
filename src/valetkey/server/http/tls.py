"""TLS as FAPI 2.0 requires it (Security Profile 5.2; BCP 195), with a certificate that may be
renewed while the server runs.
"""

import asyncio
import datetime
import ssl
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.x509.verification import (
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from valetkey.server.http import log
from valetkey.server.http.front import Network, within
from valetkey.server.http.request import Request
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import client_certificate

CIPHERS: Final = ":".join(
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
    )
)
"""The cipher suites for TLS 1.2 (RFC 9325 4.2). TLS 1.3, which is preferred, has no weak one."""

LOOK: Final = 10.0
"""Seconds between two looks at the files."""


def make_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A context for a server. Raises OSError, ssl.SSLError if the files are not a pair."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    # With an empty password, an encrypted key is refused instead of asked for.
    context.load_cert_chain(certificate, key, password="")
    return context


class Certificate:
    """A certificate and its key in files, and the context that serves them. New connections get the
    files' current content. Files that don't match, as during a renewal, are ignored."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises OSError, ssl.SSLError if the files are not a pair."""
        self._files = (certificate, key)
        self.context = make_context(certificate, key)
        self._last_marks = self._marks()

    def refresh(self) -> bool:
        """Reads the files if they have changed. Returns whether a new certificate is served."""
        marks = self._marks()
        if marks == self._last_marks:
            return False
        self._last_marks = marks
        certificate, key = self._files
        try:
            # Tried in another context first: files that don't match would break the one in use.
            make_context(certificate, key)
            self.context.load_cert_chain(certificate, key, password="")
        except (OSError, ValueError) as error:
            log.warning("certificate not renewed", detail=str(error))
            self._last_marks = ()
            return False
        log.info("certificate renewed", file=str(certificate))
        return True

    async def watch(self, seconds: float = LOOK) -> None:
        """Checks the files again and again."""
        while True:
            await asyncio.sleep(seconds)
            self.refresh()

    def _marks(self) -> tuple[tuple[int, int, int], ...]:
        """Marks of the files that change with them, also if a link has a new target."""
        try:
            stats = [file.stat() for file in self._files]
        except OSError:
            return ()
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in stats)


# A caller's certificate, as a trusted proxy forwards it (RFC 9440), and who vouches for it.

_HEADER: Final = client_certificate.HEADER.lower().encode()
_CHAIN: Final = b"client-cert-chain"
_MAX_CHAIN: Final = 5
"""Certificates of a chain that are read."""


class ClientCertificate(NamedTuple):
    """A caller's certificate in DER, b"" for none; `vouched`: a trusted authority issued it."""

    der: bytes = b""
    vouched: bool = False


_NONE: Final = ClientCertificate()


class Certificates:
    """Reads certificates from the headers of trusted proxies only (ATTACKS A14)."""

    def __init__(self, proxies: Sequence[Network] = (), authorities: Path | None = None) -> None:
        """`authorities` is a PEM file of the authorities that may issue client certificates. Raises
        OSError, ValueError if the file is not one."""
        self._proxies = tuple(proxies)
        self.is_used = bool(proxies)
        """Whether any proxy may report a certificate."""
        roots = x509.load_pem_x509_certificates(authorities.read_bytes()) if authorities else []
        self._store = Store(roots) if roots else None
        # A client sends the same certificate with each request.
        self._issued = lru_cache(maxsize=512)(self._is_issued)

    def of(self, request: Request) -> ClientCertificate:
        """The caller's certificate. Raises InvalidRequest if a proxy forwards garbage."""
        value = request.header(_HEADER) if self._proxies else ""
        if not value or not within(request.peer, self._proxies):
            return _NONE
        try:
            der = client_certificate.read(value)
            chain = tuple(
                client_certificate.read(one)
                for one in request.joined(_CHAIN).split(",")[:_MAX_CHAIN]
                if one.strip()
            )
        except client_certificate.BadCertificate as error:
            raise InvalidRequest("the certificate cannot be read", detail=str(error)) from error
        hour = datetime.datetime.now(datetime.UTC).replace(minute=0, second=0, microsecond=0)
        certificate = client_certificate.loaded(der)
        vouched = self._in_time(certificate) and client_certificate.is_for_clients(certificate)
        return ClientCertificate(der, vouched and self._issued(der, chain, hour))

    def _in_time(self, certificate: x509.Certificate) -> bool:
        now = datetime.datetime.now(datetime.UTC)
        return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc

    def _is_issued(self, der: bytes, chain: tuple[bytes, ...], hour: datetime.datetime) -> bool:
        """Whether the chain leads to a trusted authority. `hour` lets cached answers expire."""
        if self._store is None:
            return False
        verifier = (
            PolicyBuilder()
            .store(self._store)
            .extension_policies(
                ca_policy=ExtensionPolicy.webpki_defaults_ca(),
                # A client's certificate need not name a host; its subject is compared elsewhere.
                ee_policy=ExtensionPolicy.permit_all(),
            )
            .build_client_verifier()
        )
        try:
            verifier.verify(
                client_certificate.loaded(der), [client_certificate.loaded(one) for one in chain]
            )
        except (VerificationError, ValueError):
            return False
        return True
