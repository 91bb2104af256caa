"""The page that apps load in a frame, to watch the sign-in (OpenID Connect Session Management 3.3).
It shows nothing. Its one script reads one cookie, and answers in one word."""

from typing import Final
from urllib.parse import urlsplit

from valetkey.http.reply import NO_STORE, SAFE, Reply
from valetkey.http.request import Request
from valetkey.model.client import Client
from valetkey.model.want import Many, Rule
from valetkey.oauth.context import Context
from valetkey.pages.frame import STATIC, Frame
from valetkey.wire import redirect

_PAGE: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Session</title>'
    '<script src="%s/check-session.js" data-cookie="%s"></script></html>'
)


class CheckSession:
    """`/check-session`. The only page of ours that may stand in a frame: in a page of an app."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def show(self, request: Request) -> Reply:
        """The page. Browsers say in which origin's page they put it."""
        origin = _origin(request.joined(b"referer"))
        known = await self._frame.shell.ask(lambda context: _is_an_apps(origin, context))
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


def _origin(referrer: str) -> str:
    """The origin of an address, "" where it is none that a policy could name."""
    try:
        parts = urlsplit(referrer)
        written = f"{parts.scheme}://{parts.netloc}/"
    except ValueError:
        return ""
    return "" if redirect.why_not(written) else redirect.origin(written)


def _is_an_apps(origin: str, context: Context) -> Rule[bool]:
    """Whether an app that is registered here has a redirect URI on this origin."""
    if "://" not in origin:
        yield from ()
        return False
    wanted = Many(Client)
    clients = (yield (wanted,)).many(wanted)
    # With `/` for the path, a loopback address is of any port, as it is for redirects.
    return any(
        redirect.matches(f"{redirect.origin(uri)}/", f"{origin}/")
        for client in clients
        if client.status == "active"
        for uri in client.redirect_uris
    )
