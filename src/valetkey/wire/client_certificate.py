"""A client's certificate, as a proxy that ends TLS hands it on (RFC 9440), and what it says of its
holder (RFC 8705)."""

import hashlib
import ipaddress
from base64 import b64decode, b64encode
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from valetkey.jose import base64url
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 9440", "2.2")
HEADER: Final = "Client-Cert"
MAX_BYTES: Final = 8 * 1024
"""Of a certificate."""


class BadCertificate(ValueError):
    """The header holds no certificate. Says why."""


def write(der: bytes) -> str:
    """The header's value: a byte sequence between colons (RFC 8941 3.3.5)."""
    return f":{b64encode(der).decode()}:"


def read(value: str) -> bytes:
    """The certificate in a header, in DER. Raises BadCertificate."""
    text = value.strip()
    if len(text) < 2 or text[0] != ":" or text[-1] != ":":
        raise BadCertificate("no byte sequence between colons")
    try:
        der = b64decode(text[1:-1], validate=True)
    except ValueError as error:
        raise BadCertificate("not base64") from error
    if not der or len(der) > MAX_BYTES:
        raise BadCertificate("empty, or too long")
    loaded(der)
    return der


def loaded(der: bytes) -> x509.Certificate:
    """The certificate. Raises BadCertificate."""
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError as error:
        raise BadCertificate("no X.509 certificate") from error


def thumbprint(der: bytes) -> str:
    """What names the certificate in a token: `x5t#S256` (RFC 8705 3.1)."""
    return base64url.encode(hashlib.sha256(der).digest())


def is_for_clients(certificate: x509.Certificate) -> bool:
    """Whether it was issued for TLS clients (RFC 5280 4.2.1.12). One for a server alone, as any
    host has it, is no client's."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return ExtendedKeyUsageOID.CLIENT_AUTH in usage


def subject(certificate: x509.Certificate) -> str:
    """The subject's distinguished name as text (RFC 4514)."""
    return certificate.subject.rfc4514_string()


def same_name(one: str, other: str) -> bool:
    """Whether two texts are the same distinguished name (RFC 4514), whatever their spelling."""
    try:
        return x509.Name.from_rfc4514_string(one) == x509.Name.from_rfc4514_string(other)
    except ValueError:
        return False


def dns_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names of hosts."""
    names = _names(certificate)
    return () if names is None else tuple(names.get_values_for_type(x509.DNSName))


def uris(certificate: x509.Certificate) -> tuple[str, ...]:
    """The addresses."""
    names = _names(certificate)
    if names is None:
        return ()
    return tuple(names.get_values_for_type(x509.UniformResourceIdentifier))


def ips(certificate: x509.Certificate) -> tuple[str, ...]:
    """The IP addresses, in their shortest form."""
    names = _names(certificate)
    return () if names is None else tuple(map(str, names.get_values_for_type(x509.IPAddress)))


def emails(certificate: x509.Certificate) -> tuple[str, ...]:
    """The e-mail addresses."""
    names = _names(certificate)
    return () if names is None else tuple(names.get_values_for_type(x509.RFC822Name))


def same_ip(one: str, other: str) -> bool:
    """Whether two texts are the same IP address (RFC 8705 2.1.2: in any of its spellings)."""
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return False


def _names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return None
