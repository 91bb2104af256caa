"""A caller's certificate, as a trusted proxy forwards it (RFC 9440), and who vouches for it."""

import datetime
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

from valetkey.server.http.front import Network, within
from valetkey.server.http.request import Request
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import client_certificate

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
