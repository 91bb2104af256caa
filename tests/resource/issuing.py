"""A small authorization server on a loopback port: it can lose keys, reply badly, and be down."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os import urandom
from typing import Any
from urllib.parse import parse_qs

import msgspec

from valetkey.jose import jwk, jwt
from valetkey.jose.jwk import PrivateKey
from valetkey.wire import access_token, split_token
from valetkey.wire.access_token import AccessToken
from valetkey.wire.catalog import Catalog, Permission

CATALOG = Catalog(
    resource="https://chirp.example",
    name="Chirp",
    permissions=(
        Permission(id="chirps.read", can="read your timeline"),
        Permission(id="chirps.write", can="post in your name"),
    ),
)


class Issuing:
    """`keys` are published. `replies` replaces the reply of a path: status and body. `asked` counts
    the calls of each path; `forms` and `authorization` keep what introspection was sent. `halves`
    are the tokens that it has split."""

    def __init__(self) -> None:
        self.key = jwk.generate("ES256")
        self.keys: list[PrivateKey] = [self.key]
        self.replies: dict[str, tuple[int, bytes]] = {}
        self.asked: Counter[str] = Counter()
        self.forms: list[dict[str, list[str]]] = []
        self.authorization = ""
        self.halves: dict[str, AccessToken] = {}
        self.slowly = 0.0
        self._port = 0
        self.start()

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listens, after a stop on the same port as before."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self))
        self._server.daemon_threads = True
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Is down: connections are refused."""
        self._server.shutdown()
        self._server.server_close()

    def token(self, *, key: PrivateKey | None = None, **claims: Any) -> str:
        """An access token for the catalog's API, good for a minute."""
        told = self._claims(**claims)
        return jwt.sign(told, key=key or self.key, typ=access_token.TYPE)

    def split(self, *, key: PrivateKey | None = None, **claims: Any) -> str:
        """The app's half of one."""
        token = self._claims(**claims)
        text = split_token.write(urandom(64), exp=token.exp, key=key or self.key)
        self.halves[text] = token
        return text

    def _claims(self, **claims: Any) -> AccessToken:
        now = int(time.time())
        usual: dict[str, Any] = {
            "iss": self.issuer,
            "sub": "miko",
            "aud": (CATALOG.resource,),
            "client_id": "stefapp",
            "jti": "1",
            "scope": "chirps.read chirps.write",
            "iat": now,
            "exp": now + 60,
        }
        return AccessToken(**(usual | claims))

    def reply(self, path: str, body: bytes) -> tuple[int, bytes]:
        """What a path answers to a body."""
        self.asked[path] += 1
        time.sleep(self.slowly)
        if path in self.replies:
            return self.replies[path]
        if path in {"/introspect", "/usage"}:
            self.forms.append(parse_qs(body.decode()))
        documents: dict[str, Callable[[], Any]] = {
            "/.well-known/oauth-authorization-server": self._metadata,
            "/jwks": lambda: {"keys": [key.public().jwk() for key in self.keys]},
            "/introspect": lambda: {"active": True, "scope": "chirps.read openid"},
            "/usage": dict,
            split_token.PATH: lambda: self._half(parse_qs(body.decode())["token"][0]),
        }
        return (200, msgspec.json.encode(documents[path]())) if path in documents else (404, b"")

    def _half(self, text: str) -> split_token.ApiHalfAnswer:
        if text not in self.halves:
            return split_token.NOTHING
        half = split_token.of_api(self.halves[text], text, key=self.key)
        return split_token.ApiHalfAnswer(active=True, access_token_half=half)

    def _metadata(self) -> dict[str, str]:
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/jwks",
            "introspection_endpoint": f"{self.issuer}/introspect",
            "permission_usage_endpoint": f"{self.issuer}/usage",
            "access_token_half_endpoint": self.issuer + split_token.PATH,
        }


def _handler(issuing: Issuing) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply(b"")

        def do_POST(self) -> None:
            issuing.authorization = self.headers.get("Authorization", "")
            self._reply(self.rfile.read(int(self.headers["Content-Length"])))

        def _reply(self, body: bytes) -> None:
            status, raw = issuing.reply(self.path, body)
            self.send_response(status)
            self.send_header("Location", f"{issuing.issuer}/elsewhere")
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """A test says what went wrong."""

    return Handler
