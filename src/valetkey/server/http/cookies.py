"""The cookies: one names the browser, one holds the session, one lists the accounts that know the
browser.

If session management is on, a fourth holds the session state, which a page of ours in an app's
frame reads; it gives access to nothing. The first three are `__Host-`, Secure, HttpOnly and
SameSite=Lax. On plain HTTP, which only a loopback issuer may use, the prefix and Secure are left
out, since browsers would drop the cookie.
"""

from hashlib import sha256
from os import urandom
from typing import Final

from valetkey.jose import base64url
from valetkey.server.http import known_browsers
from valetkey.server.http.device_name import device
from valetkey.server.http.reply import Reply
from valetkey.server.http.request import Request
from valetkey.server.model.secret import Secret
from valetkey.server.model.user import Session
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.session_state import browser_state

_BROWSER_BYTES: Final = 32


class Cookies:
    """Reads and writes the cookies of one issuer. `watched`: apps may watch the session command."""

    def __init__(self, issuer: str, *, watched: bool = False) -> None:
        self._watched = watched
        self._secure = issuer.startswith("https:")
        prefix = "__Host-" if self._secure else ""
        self.browser = f"{prefix}vk_browser"
        self.session = f"{prefix}vk_session"
        self.state = f"{prefix}vk_state"
        self.known = f"{prefix}vk_known"

    def read_browser(self, request: Request) -> Browser:
        """The browser and its session, by its cookies. Nothing is verified yet."""
        name, _, secret = request.cookies.get(self.session, "").partition(".")
        return Browser(
            id=sha256(self.browser_secret(request).encode()).hexdigest(),
            session=name,
            session_secret=secret,
            device=device(request.joined(b"user-agent")),
            address=request.address,
        )

    def browser_secret(self, request: Request) -> str:
        """The secret that identifies this browser; a new one if it has no such cookie yet."""
        secret = request.cookies.get(self.browser, "")
        if _is_ours(secret):
            return secret
        if not request.new_browser_secret:
            request.new_browser_secret = base64url.encode(urandom(_BROWSER_BYTES))
        return request.new_browser_secret

    def name_browser(self, reply: Reply, request: Request) -> Reply:
        """The reply, which sets the browser's secret if it is new."""
        secret = request.new_browser_secret
        return reply.having(self._set(self.browser, secret)) if secret else reply

    def sign_in(
        self, reply: Reply, session: Session, secret: Secret, *, known_accounts: Secret
    ) -> Reply:
        """The reply, which signs the browser in. `known_accounts` is the cookie that lists the
        accounts that know the browser (see `known_browsers`)."""
        seconds = session.expires - session.auth_time
        value = f"{session.id}.{secret.reveal()}"
        reply = reply.having(
            self._set(self.session, value, seconds=seconds),
            self._set(self.known, known_accounts.reveal(), seconds=known_browsers.SECONDS),
        )
        return self._state(reply, browser_state(secret.reveal()), seconds=seconds)

    def renew_state(self, reply: Reply, request: Request) -> Reply:
        """The reply, which sets the session state again if the browser's is missing or wrong."""
        secret = self.read_browser(request).session_secret
        state = browser_state(secret) if secret else ""
        if not secret or request.cookies.get(self.state) == state:
            return reply
        return self._state(reply, state)

    def sign_out(self, reply: Reply) -> Reply:
        """The reply, which signs the browser out."""
        return self._state(reply.having(self._set(self.session, "", seconds=0)), "", seconds=0)

    def _state(self, reply: Reply, value: str, *, seconds: int | None = None) -> Reply:
        if not self._watched:
            return reply
        # Our script reads it within an app's page: so neither HttpOnly nor limited to our site.
        parts = [f"{self.state}={value}", "Path=/"]
        parts += ["SameSite=None", "Secure"] if self._secure else ["SameSite=Lax"]
        if seconds is not None:
            parts.append(f"Max-Age={seconds}")
        return reply.having((b"set-cookie", "; ".join(parts).encode()))

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
