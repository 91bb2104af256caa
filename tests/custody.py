"""Key services on this machine: AWS KMS as moto plays it, and Vault's transit engine.

No Vault can be had here. `Transit` keeps to the documented HTTP API, and is all that the code for
Vault was run against.
"""

import contextlib
import os
import socket
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.session
import msgspec
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"
TOKEN = "hvs.a-token-of-the-tests"

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing-secret",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What stands in the environment of a program that uses AWS."""


class Kms:
    """AWS KMS. `key` is one of its keys."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client: Any = botocore.session.get_session().create_client(
            "kms",
            region_name=REGION,
            endpoint_url=url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing-secret",
        )
        self.key = self.make()

    def make(self) -> str:
        """Another key."""
        made: str = self.client.create_key()["KeyMetadata"]["KeyId"]
        return made

    def settings(self) -> dict[str, str]:
        """The settings of a server that uses it, and its credentials."""
        return CREDENTIALS | {
            "VALETKEY_KEY_SERVICE__KIND": "aws-kms",
            "VALETKEY_KEY_SERVICE__KEY": self.key,
            "VALETKEY_KEY_SERVICE__URL": self.url,
            "VALETKEY_KEY_SERVICE__REGION": REGION,
        }


class Wire:
    """A line to a service on this machine: each answer takes `delay` seconds longer, and none comes
    while it is `cut`."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.delay = 0.0
        self._open = list[socket.socket]()
        self._listener: socket.socket | None = None
        self.port = 0
        self.mend()

    @property
    def url(self) -> str:
        """Where it begins."""
        return f"http://127.0.0.1:{self.port}"

    def mend(self) -> None:
        """The line is whole again."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Nothing passes, and nobody connects."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open, self._listener = [], None

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near = listener.accept()[0]
                far = socket.create_connection(("127.0.0.1", self._to))
                for one in (near, far):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open += [near, far]
                turn = [False]
                for way in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._copy, args=(*way, turn), daemon=True).start()

    def _copy(self, source: socket.socket, to: socket.socket, asks: bool, turn: list[bool]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not asks and turn[0]:
                    time.sleep(self.delay)
                turn[0] = asks
                to.sendall(data)
        with contextlib.suppress(OSError):
            to.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def signing(kms: Kms) -> Iterator[Wire]:
    """A line to AWS KMS, with credentials in the environment of this process."""
    wire = Wire(int(kms.url.rpartition(":")[2]))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        yield wire
    wire.cut()


@contextlib.contextmanager
def kms() -> Iterator[Kms]:
    """AWS KMS, on a port of its own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield Kms(f"http://{host}:{port}")
    finally:
        server.stop()


class Transit:
    """Vault's transit engine with the key `valetkey`. `heard` has path and headers of each
    request; `instead`, if set, is the status, body and headers of every answer."""

    def __init__(self) -> None:
        self.keys = {"valetkey": os.urandom(32)}
        self.heard: list[tuple[str, dict[str, str]]] = []
        self.instead: tuple[int, bytes, dict[str, str]] | None = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def settings(self) -> dict[str, str]:
        """The settings of a server that uses it."""
        return {
            "VALETKEY_KEY_SERVICE__KIND": "vault",
            "VALETKEY_KEY_SERVICE__KEY": "valetkey",
            "VALETKEY_KEY_SERVICE__URL": self.url,
            "VALETKEY_KEY_SERVICE__TOKEN": TOKEN,
        }

    def answer(self, path: str, token: str, body: dict[str, str]) -> tuple[int, Any]:
        """The status and the document."""
        if token != TOKEN:
            return 403, {"errors": ["permission denied"]}
        match path.split("/"):
            case ["", "v1", "transit", "encrypt", name] if name in self.keys:
                nonce = os.urandom(12)
                sealed = AESGCM(self.keys[name]).encrypt(nonce, b64decode(body["plaintext"]), None)
                text = "vault:v1:" + b64encode(nonce + sealed).decode()
                return 200, {"data": {"ciphertext": text, "key_version": 1}}
            case ["", "v1", "transit", "decrypt", name] if name in self.keys:
                raw = b64decode(body["ciphertext"].removeprefix("vault:v1:"))
                try:
                    plain = AESGCM(self.keys[name]).decrypt(raw[:12], raw[12:], None)
                except InvalidTag:
                    return 400, {"errors": ["cipher: message authentication failed"]}
                return 200, {"data": {"plaintext": b64encode(plain).decode()}}
            case ["", "v1", "transit", _, _]:
                return 400, {"errors": ["encryption key not found"]}
            case _:
                return 404, {"errors": []}

    def stop(self) -> None:
        """Answers no more."""
        self.server.shutdown()
        self.server.server_close()


def _handler(transit: Transit) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            transit.heard.append((self.path, dict(self.headers)))
            if transit.instead is None:
                token = self.headers.get("X-Vault-Token", "")
                status, document = transit.answer(self.path, token, msgspec.json.decode(raw))
                body, headers = msgspec.json.encode(document), {"Content-Type": "application/json"}
            else:
                status, body, headers = transit.instead
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """A test says what went wrong."""

    return Handler


@contextlib.contextmanager
def transit() -> Iterator[Transit]:
    """Vault, on a port of its own."""
    server = Transit()
    try:
        yield server
    finally:
        server.stop()
