"""The page that apps load in a frame to watch the session (OpenID Connect Session Management 3.3).
It displays nothing. Its script reads one cookie and answers with one word."""

import time
from typing import Final

from valetkey.server.http.installation import FRESH
from valetkey.server.http.reply import NO_STORE, SAFE, Reply
from valetkey.server.http.request import Request
from valetkey.server.model.client import Client
from valetkey.server.model.query import Many, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.pages.frame import STATIC, Frame
from valetkey.wire import address, redirect

_PAGE: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Session</title>'
    '<script src="%s/check-session.js" data-cookie="%s"></script></html>'
)


class CheckSession:
    """`/check-session`. The only page that apps may embed. The origins of all apps are cached
    briefly, so that repeated loads don't read every app."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._origins: frozenset[str] = frozenset()
        self._read_at = float("-inf")

    async def show(self, request: Request) -> Reply:
        """The page. The referrer tells which origin embeds it."""
        origin = _origin(request.joined(b"referer"))
        known = bool(origin) and _without_port(origin) in await self._app_origins()
        ancestors = origin if known else "'none'"
        policy = (
            "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; "
            f"frame-ancestors {ancestors}"
        )
        headers = (
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", policy.encode()),
            *SAFE,
            *NO_STORE,
        )
        return Reply(200, headers, (_PAGE % (STATIC, self._frame.cookies.state)).encode())

    async def _app_origins(self) -> frozenset[str]:
        """The origins of the apps, at most a second old."""
        now = time.monotonic()
        if now - self._read_at >= FRESH:
            self._origins = await self._frame.shell.ask(_origins)
            self._read_at = now
        return self._origins


def _origin(referrer: str) -> str:
    """The origin of an address, "" if a policy can't name it."""
    found = address.origin(referrer)
    # CSP 3 2.3.1 has no address in brackets.
    return "" if redirect.why_not(f"{found}/") or "[" in found else found


def _origins(context: Context) -> Rule[frozenset[str]]:
    """The origins of all registered redirect URIs."""
    wanted = Many(Client)
    clients = (yield (wanted,)).many(wanted)
    of_apps = (
        address.origin(uri)
        for client in clients
        if client.status == "active"
        for uri in client.redirect_uris
    )
    return frozenset(_without_port(one) for one in of_apps if one)


def _without_port(origin: str) -> str:
    """A loopback origin without its port, which doesn't count (RFC 8252 7.3)."""
    return origin.rpartition(":")[0] if origin.count(":") > 1 and _here(origin) else origin


def _here(origin: str) -> bool:
    return redirect.is_loopback(f"{origin}/")
