"""The two cookies: one names the browser, one says who is signed in there.

Both are `__Host-`, Secure, HttpOnly and SameSite=Lax. On plain http, which only a loopback issuer
may use, the prefix and Secure are left out, since browsers would drop the cookie.
"""

from hashlib import sha256
from os import urandom
from typing import Final

from valetkey.http.device import device
from valetkey.http.reply import Reply
from valetkey.http.request import Request
from valetkey.jose import base64url
from valetkey.model.secret import Secret
from valetkey.model.user import Session
from valetkey.oauth.authorize.visit import Visit

_BROWSER_BYTES: Final = 32


class Cookies:
    """Reads and writes the cookies of one issuer."""

    def __init__(self, issuer: str) -> None:
        self._secure = issuer.startswith("https:")
        prefix = "__Host-" if self._secure else ""
        self.browser = f"{prefix}vk_browser"
        self.session = f"{prefix}vk_session"

    def visit(self, request: Request) -> Visit:
        """Who stands before us, as far as the cookies tell."""
        name, _, secret = request.cookies.get(self.session, "").partition(".")
        return Visit(
            browser=sha256(self.browser_secret(request).encode()).hexdigest(),
            session=name,
            session_secret=secret,
            device=device(request.joined(b"user-agent")),
        )

    def browser_secret(self, request: Request) -> str:
        """What names this browser; drawn once for a browser that has no such cookie yet."""
        kept = request.cookies.get(self.browser, "")
        if _is_ours(kept):
            return kept
        if not request.drawn:
            request.drawn = base64url.encode(urandom(_BROWSER_BYTES))
        return request.drawn

    def named(self, reply: Reply, request: Request) -> Reply:
        """The reply, which gives the browser its name where it had none."""
        return reply.having(self._set(self.browser, request.drawn)) if request.drawn else reply

    def signed_in(self, reply: Reply, session: Session, secret: Secret) -> Reply:
        """The reply, which says that the browser is signed in."""
        seconds = session.expires - session.auth_time
        value = f"{session.id}.{secret.reveal()}"
        return reply.having(self._set(self.session, value, seconds=seconds))

    def signed_out(self, reply: Reply) -> Reply:
        """The reply, which forgets who was signed in."""
        return reply.having(self._set(self.session, "", seconds=0))

    def _set(self, name: str, value: str, *, seconds: int | None = None) -> tuple[bytes, bytes]:
        parts = [f"{name}={value}", "Path=/", "HttpOnly", "SameSite=Lax"]
        if self._secure:
            parts.append("Secure")
        if seconds is not None:
            parts.append(f"Max-Age={seconds}")
        return b"set-cookie", "; ".join(parts).encode()


def _is_ours(text: str) -> bool:
    try:
        return len(base64url.decode(text)) == _BROWSER_BYTES
    except ValueError:
        return False
