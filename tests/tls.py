"""Certificates for tests."""

import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.certificates import begun, called, pem_of

_NAMES = (x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost"))


def write_pair(folder: Path, name: str, *, days: int = 30) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and localhost, good for so many days, and its key, as
    PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = called("127.0.0.1")
    certificate = (
        begun(subject, subject, key, days=days)
        .add_extension(x509.SubjectAlternativeName(list(_NAMES)), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / f"{name}.pem", folder / f"{name}.key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(pem_of(key))
    return pem, private
