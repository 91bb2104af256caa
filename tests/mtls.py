"""An authority, clients' certificates, and nginx, which asks for them and tells them (RFC 9440)."""

import datetime
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.certificates import authority, begun, called, pem_of, vouched_by

NGINX: Final = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
LINES: Final = 40
"""Of base64 in a certificate that nginx joins: 1920 bytes."""


class Pair(msgspec.Struct, frozen=True):
    """A certificate and its key: as files, and the certificate in DER."""

    certificate: Path
    key: Path
    der: bytes

    @property
    def files(self) -> tuple[str, str]:
        return str(self.certificate), str(self.key)


class Authority:
    """Signs certificates for clients."""

    def __init__(self, folder: Path, name: str = "Authority") -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = called(name)
        own = authority(self._name, self._key)
        self.pem = folder / f"{name}.pem"
        self.pem.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def issue(
        self,
        name: str,
        *,
        alternatives: tuple[x509.GeneralName, ...] = (),
        key: ec.EllipticCurvePrivateKey | None = None,
        days: int = 30,
        purposes: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.CLIENT_AUTH,),
    ) -> Pair:
        """A certificate whose subject is called that, for these purposes."""
        private = key or ec.generate_private_key(ec.SECP256R1())
        builder = begun(called(name), self._name, private, days=days).add_extension(
            vouched_by(self._key), critical=False
        )
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        if alternatives:
            builder = builder.add_extension(
                x509.SubjectAlternativeName(alternatives), critical=False
            )
        return _written(self.folder, name, builder.sign(self._key, hashes.SHA256()), private)

    def revoke(self, pair: Pair) -> Path:
        """A list of revoked certificates (RFC 5280 5) that has this one."""
        now = datetime.datetime.now(datetime.UTC)
        number = x509.load_der_x509_certificate(pair.der).serial_number
        revoked = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(now)
        crl = x509.CertificateRevocationListBuilder().issuer_name(self._name).last_update(now)
        crl = crl.next_update(now + datetime.timedelta(days=1))
        signed = crl.add_revoked_certificate(revoked.build()).sign(self._key, hashes.SHA256())
        file = self.folder / "crl.pem"
        file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        return file


def self_signed(folder: Path, name: str, key: ec.EllipticCurvePrivateKey) -> Pair:
    """A certificate that nobody vouches for."""
    subject = called(name)
    return _written(folder, name, begun(subject, subject, key).sign(key, hashes.SHA256()), key)


def _written(
    folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> Pair:
    file = folder / f"{re.sub(r'[^a-z0-9-]', '-', name.lower())}.client"
    pem, private = file.with_suffix(".pem"), file.with_suffix(".key.pem")
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(pem_of(key))
    return Pair(pem, private, certificate.public_bytes(serialization.Encoding.DER))


def told(lines: int = LINES) -> str:
    """The part of nginx's configuration that makes RFC 9440's form of a certificate: a regular
    expression takes the lines of PEM apart, and what it caught is joined without line ends."""
    parts = "".join(rf"(?:(?<l{n}>[A-Za-z0-9+/=]+)\n)?" for n in range(lines))
    joined = "".join(f"${{l{n}}}" for n in range(lines))
    return (
        "map $ssl_client_raw_cert $told {\n"
        '    default "";\n'
        f'    "~^-----BEGIN CERTIFICATE-----\\n{parts}-----END CERTIFICATE-----" ":{joined}:";\n'
        "}\n"
    )


CONFIGURATION: Final = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {told}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384;
        ssl_verify_client {verify};
        location / {{
            proxy_pass {upstream};
            proxy_ssl_verify off;
            proxy_set_header Host $http_host;
            proxy_set_header Client-Cert $told;
            proxy_set_header Client-Cert-Chain "";
        }}
    }}
}}
"""


def nginx(
    folder: Path,
    *,
    port: int,
    upstream: str,
    certificate: Path,
    key: Path,
    verify: str = "optional_no_ca",
) -> subprocess.Popen[bytes]:
    """nginx, once it listens. `verify` is how it checks certificates of clients."""
    assert NGINX
    file = folder / "nginx.conf"
    file.write_text(
        CONFIGURATION.format(
            folder=folder,
            told=told(),
            port=port,
            certificate=certificate,
            key=key,
            upstream=upstream,
            verify=verify,
        )
    )
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(file), "-e", f"{folder}/e.log"])
    for _ in range(200):
        if _listens(port):
            return process
        assert process.poll() is None, (folder / "error.log").read_text()
    raise AssertionError("nginx does not listen")


def _listens(port: int) -> bool:
    import socket
    import time

    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            return True
    time.sleep(0.05)
    return False
