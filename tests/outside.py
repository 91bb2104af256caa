"""Somebody else's host: a real HTTPS server on a loopback port, with an authority of its own."""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.certificates import authority, begun, called, pem_of, vouched_by

NAMES: Final = ("localhost", "outside.test", "app.test", "evil.test", "127.0.0.1", "::1")
"""What the host's certificate is for."""


class Publication(NamedTuple):
    """What lies at a path. `raw` writes to the connection itself, and nothing else is sent."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = {"content-type": "application/json"}
    raw: Callable[[Any], None] | None = None


class Host:
    """The host. `asked` lists what was asked for, `posted` what was sent; `ca` is the PEM file of
    its authority; `place` is its host:port, and `url(path)` an address on it."""

    def __init__(self, folder: Path, *, name: str = "localhost") -> None:
        self.name = name
        self.asked: list[str] = []
        self.posted: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.published: dict[str, Publication] = {}
        self.ca, certificate, key = write_authority(folder, NAMES)
        self._server = _Server(self)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def place(self) -> str:
        return f"{self.name}:{self.port}"

    def url(self, path: str) -> str:
        return f"https://{self.place}{path}"

    def publish(self, path: str, document: object, **headers: str) -> str:
        """Puts a JSON document there (bytes as they are); its address. `cache_control="no-store"`
        is a header."""
        body = document if isinstance(document, bytes) else msgspec.json.encode(document)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.published[path] = Publication(body, 200, {"content-type": "application/json", **named})
        return self.url(path)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: Host) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.host = host

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        host = self.server.host
        host.asked.append(self.path)
        found = host.published.get(self.path, Publication(b"{}", 404))
        if found.raw is not None:
            found.raw(self.wfile)
            return
        self._answer(found)

    def do_POST(self) -> None:
        host = self.server.host
        body = self.rfile.read(int(self.headers["content-length"]))
        host.posted.append((self.path, body, dict(self.headers.items())))
        found = host.published.get(self.path, Publication(b"", 204, {}))
        if found.raw is not None:
            found.raw(self.wfile)
            return
        self._answer(found)

    def _answer(self, found: Publication) -> None:
        self.send_response(found.status)
        for name, value in found.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(found.body)))
        self.end_headers()
        self.wfile.write(found.body)

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


@contextlib.contextmanager
def outside(folder: Path, *, name: str = "localhost") -> Iterator[Host]:
    """The host, for the time of a test."""
    host = Host(folder, name=name)
    host.start()
    try:
        yield host
    finally:
        host.stop()


def write_authority(folder: Path, names: Sequence[str]) -> tuple[Path, Path, Path]:
    """An authority, and a certificate from it for these names, as PEM files: the authority's
    certificate, the host's certificate, the host's key."""
    root, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = called("an authority of the tests")
    own = authority(name, root)
    certificate = (
        begun(called(names[0]), name, key)
        .add_extension(
            x509.SubjectAlternativeName([_general(one) for one in names]), critical=False
        )
        .add_extension(vouched_by(root), critical=False)
        .sign(root, hashes.SHA256())
    )
    files = tuple(folder / f"outside.{part}.pem" for part in ("ca", "certificate", "key"))
    files[0].write_bytes(own.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[2].write_bytes(pem_of(key))
    return files[0], files[1], files[2]


def _general(name: str) -> x509.GeneralName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ip_address(name))
    return x509.DNSName(name)
