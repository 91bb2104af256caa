"""The loopback redirect of a native app (RFC 8252 7.3): one port, one path, one answer."""

import threading
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import Future
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from types import TracebackType
from typing import Final, Self

from valetkey.client.errors import Aborted

HOST: Final = "127.0.0.1"

WAIT: Final = 300.0
"""Seconds for the user's answer."""

NOBODY: Final = "nobody answered in the browser"

_STYLE: Final = b"""
html {
  color-scheme: light dark;
  background: light-dark(#edf1ee, #0b110e);
  color: light-dark(#14211b, #e8efeb);
  font: 1rem/1.55 system-ui, sans-serif;
}
body { display: grid; place-content: center; min-height: 100dvh; margin: 0 }
main {
  max-width: 24rem;
  margin: 1rem;
  padding: 2.5rem;
  border-radius: 1.25rem;
  background: light-dark(#fff, #141c18);
  text-align: center;
}
svg { padding: 0.75rem; border-radius: 1rem; background: light-dark(#e3f1ea, #15332a) }
path { stroke: light-dark(#0b5a42, #93e2c2) }
h1, p { margin: 1rem 0 0; text-wrap: balance }
h1 { font-size: 1.5rem; line-height: 1.2 }
p { color: light-dark(#4c5b54, #a7b6ae) }
"""
"""The colors of the server's pages (server/pages/static/valetkey.css)."""

_PAGE: Final = (
    b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Connected</title>
<style>%s</style>
<main>
<svg viewBox="0 0 24 24" width="28" height="28" fill="none" aria-hidden="true">
<path d="M4.5 12.5l5 5L19.5 7" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>
</svg>
<h1>You&rsquo;re connected</h1>
<p>You can close this window and go back to the app.</p>
</main>
</html>"""
    % _STYLE
)

_ONLY_STYLE: Final = b64encode(sha256(_STYLE).digest()).decode()

_HEADERS: Final = (
    ("Content-Type", "text/html; charset=utf-8"),
    (
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'sha256-{_ONLY_STYLE}'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Connection", "close"),
)


class Loopback:
    """Listens on 127.0.0.1, on a port that the system chooses, while the `with` block runs.

    `answer` gets the query of the callback. It refuses every other request, and waits on: any
    program and any page on this machine may send one."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.answer: Future[str] = Future()
        self._fits: Callable[[str], bool] = lambda query: True
        self._first = threading.Lock()
        # A thread for each connection: browsers open some without a request.
        self._server = ThreadingTCPServer((HOST, 0), self._handler())
        self._server.daemon_threads = True
        self._authority = f"{HOST}:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def redirect_uri(self) -> str:
        """The address that the browser returns to."""
        return f"http://{self._authority}{self._path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def expect(self, fits: Callable[[str], bool]) -> None:
        """Accepts only queries that fit, from now on."""
        self._fits = fits

    def wait(self, seconds: float = WAIT) -> str:
        """The query of the callback. Raises Aborted without one in time."""
        try:
            return self.answer.result(seconds)
        except TimeoutError as error:
            raise Aborted(NOBODY) from error

    def _take(self, query: str) -> bool:
        """Whether this is the first query that fits; no other one counts."""
        return self._fits(query) and self._first.acquire(blocking=False)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 5

            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                # Only with our own host name: a web page may use another one for this port.
                is_ours = self.headers.get("Host") == loopback._authority
                if path != loopback._path or not is_ours or not loopback._take(query):
                    self.send_error(404)
                    return
                try:
                    self.send_response(200)
                    for name, value in (*_HEADERS, ("Content-Length", str(len(_PAGE)))):
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(_PAGE)
                finally:
                    # After the page is sent: the program may end next.
                    loopback.answer.set_result(query)

            def version_string(self) -> str:
                """Hides the software."""
                return "loopback"

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """The query holds a code: it is not logged."""

        return Handler
