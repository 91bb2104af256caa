"""What an app may meet instead of a good server: one that answers as told, a wire that is cut."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

METADATA = "/.well-known/oauth-authorization-server"


class Serving:
    """A server that answers by path: status and body. `asked` is what it heard: method, path, and
    body."""

    def __init__(self) -> None:
        self.replies: dict[str, tuple[int, bytes]] = {}
        self.asked: list[tuple[str, str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.replies[METADATA] = self.metadata()
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def metadata(self, **members: Any) -> tuple[int, bytes]:
        """The reply with good metadata, but for the members that are given."""
        usual = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "revocation_endpoint": f"{self.url}/revoke",
            "jwks_uri": f"{self.url}/jwks",
            "code_challenge_methods_supported": ["S256"],
        }
        return 200, msgspec.json.encode(usual | members)

    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [path for _, path, _ in self.asked]

    def stop(self) -> None:
        """Answers no more."""
        self._server.shutdown()
        self._server.server_close()


def _handler(serving: Serving) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            serving.asked.append((self.command, self.path, body))
            status, raw = serving.replies.get(self.path.partition("?")[0], (404, b""))
            self.send_response(status)
            self.send_header("Location", f"{serving.url}/elsewhere")
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(raw)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """A test says what went wrong."""

    return Handler


class Wire:
    """A wire to the server on port `to`. A request in which `cut` finds itself gets there and is
    obeyed, and the reply is lost, `losing` times."""

    def __init__(self) -> None:
        self.to = 0
        self.cut = b""
        self.losing = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self.to))
                doomed = threading.Event()
                for carry in (self._there, self._back):
                    threading.Thread(target=carry, args=(near, far, doomed), daemon=True).start()

    def _there(self, near: socket.socket, far: socket.socket, doomed: threading.Event) -> None:
        with far, contextlib.suppress(OSError):
            while data := near.recv(65536):
                if self.losing and self.cut in data:
                    doomed.set()
                far.sendall(data)
            far.shutdown(socket.SHUT_RDWR)

    def _back(self, near: socket.socket, far: socket.socket, doomed: threading.Event) -> None:
        with near, contextlib.suppress(OSError):
            while data := far.recv(65536):
                if doomed.is_set():
                    self.losing -= 1
                    break
                near.sendall(data)
            near.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Carries no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextlib.contextmanager
def serving() -> Iterator[Serving]:
    """Such a server, for the time of a test."""
    one = Serving()
    try:
        yield one
    finally:
        one.stop()
