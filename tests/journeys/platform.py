"""A small platform with a sign-in page and sessions of its own, written against the wire alone."""

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
from tests.handoff import GOLD
from tests.live import free_port

COOKIE: Final = "platform_sid"


class LoginSession:
    """A session of the platform's own."""

    def __init__(self, user: str, acr: str) -> None:
        self.user, self.acr, self.at = user, acr, int(time.time())


class SmallPlatform:
    """The platform at `url`. `issuer` and `auth` are set once the server runs. `seen` is what its
    page was asked, `sessions` are its sessions by id."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.issuer = ""
        self.auth = ("platform", "")
        self.sessions: dict[str, LoginSession] = {}
        self.seen: list[dict[str, Any]] = []
        self.http = httpx2.Client()

    def call(self, path: str, **form: str) -> tuple[int, dict[str, Any]]:
        """The status and the answer of a call over the back channel."""
        reply = self.http.post(self.issuer + path, data=form, auth=self.auth)
        return reply.status_code, reply.json()

    def page(self, query: dict[str, str], sid: str) -> tuple[int, str]:
        """The sign-in page: a redirect for a user who is known, or else the form."""
        handle = query["interaction"]
        status, asked = self.call("/interaction", interaction=handle)
        if status != 200:
            return self.over(asked)
        self.seen.append(asked)
        session = self.sessions.get(sid)
        if session is not None and self.is_enough(session, asked):
            return self.accept(handle, session, sid)
        if asked.get("silent"):
            _, answer = self.call("/interaction/reject", interaction=handle, error="login_required")
            return 303, answer["redirect_to"]
        app = escape(asked.get("client", {}).get("name", "your account"))
        return 200, (
            f"<!doctype html><title>Platform</title><h1>Sign in for {app}</h1>"
            f'<form method="post" action="/login"><input type="hidden" name="interaction"'
            f' value="{escape(handle)}"><label>Name <input id="user" name="user"></label>'
            '<label>Code <input id="otp" name="otp"></label><button id="go">Sign in</button></form>'
            f'<a id="cancel" href="/cancel?interaction={escape(handle)}">Cancel</a>'
        )

    def is_enough(self, session: LoginSession, asked: dict[str, Any]) -> bool:
        """Whether the user has to do nothing."""
        age = time.time() - session.at
        return not (
            asked["prompt"]
            or (asked["acr_values"] and session.acr not in asked["acr_values"])
            or ("max_age" in asked and age > asked["max_age"])
            or asked.get("subject", session.user) != session.user
        )

    def sign_in(self, form: dict[str, str]) -> tuple[int, str, str]:
        """A new session; then the answer."""
        sid = secrets.token_urlsafe(12)
        self.sessions[sid] = LoginSession(form["user"], GOLD if form.get("otp") else "")
        return *self.accept(form["interaction"], self.sessions[sid], sid), sid

    def accept(self, handle: str, session: LoginSession, sid: str) -> tuple[int, str]:
        """Say who is there."""
        status, answer = self.call(
            "/interaction/accept",
            interaction=handle,
            subject=f"id of {session.user}",
            auth_time=str(session.at),
            amr="pwd otp" if session.acr else "pwd",
            acr=session.acr,
            claims=json.dumps({"name": session.user}),
            sid=sid,
        )
        return (303, answer["redirect_to"]) if status == 200 else self.over(answer)

    def over(self, answer: dict[str, Any]) -> tuple[int, str]:
        """Start again where the server says."""
        if "restart" in answer:
            return 303, answer["restart"]
        return 400, f"<h1>{escape(answer['error_description'])}</h1>"


class _Handler(BaseHTTPRequestHandler):
    platform: SmallPlatform

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        sid = self._sid()
        match url.path:
            case "/login":
                self._send(*self.platform.page(query, sid))
            case "/cancel":
                _, answer = self.platform.call(
                    "/interaction/reject", interaction=query["interaction"], error="access_denied"
                )
                self._send(303, answer["redirect_to"])
            case "/logout":
                self.platform.sessions.pop(sid, None)
                back = f"{self.platform.issuer}/signed-out?{urlencode({'logout': query['logout']})}"
                self._send(303, back, cookie="")
            case "/leave":
                self.platform.sessions.pop(sid, None)
                status, ended = self.platform.call("/sessions/end", sid=sid)
                self._send(200, f"<h1>Left: {status} {ended['ended']}</h1>", cookie="")
            case "/frame":
                text = (
                    f'<!doctype html><title>x</title><iframe src="{escape(query["src"])}"></iframe>'
                )
                self._send(200, text)
            case "/app":
                self._send(200, "<!doctype html><title>The app</title><h1>The app</h1>")
            case _:
                self._send(204, "")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        status, text, sid = self.platform.sign_in(dict(parse_qsl(body)))
        self._send(status, text, cookie=sid)

    def _sid(self) -> str:
        cookies = dict(
            one.strip().partition("=")[::2] for one in self.headers.get("cookie", "").split(";")
        )
        return cookies.get(COOKIE, "")

    def _send(self, status: int, text: str, cookie: str | None = None) -> None:
        self.send_response(status)
        if cookie is not None:
            self.send_header("set-cookie", f"{COOKIE}={cookie}; HttpOnly; SameSite=Lax; Path=/")
        if status == 303:
            self.send_header("location", text)
        raw = b"" if status in {303, 204} else text.encode()
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args: object) -> None:
        """Log nothing."""


@contextmanager
def small_platform() -> Iterator[SmallPlatform]:
    """The platform, which listens."""
    platform = SmallPlatform()
    handler = type("Handler", (_Handler,), {"platform": platform})
    listening = ThreadingHTTPServer(("127.0.0.1", platform.port), handler)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield platform
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
        platform.http.close()
