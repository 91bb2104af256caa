"""The cookies: one names the browser, one holds the session, one lists the accounts that know the
browser, one those that trust it.

If session management is on, a fifth holds the session state, which a page of ours in an app's
frame reads; it gives access to nothing. The others are `__Host-`, Secure, HttpOnly and
SameSite=Lax. On plain HTTP, which only a loopback issuer may use, the prefix and Secure are left
out, since browsers would drop the cookie.
"""

import re
from functools import lru_cache
from hashlib import sha256
from os import urandom
from typing import Final

from valetkey.jose import base64url, seal
from valetkey.server.http.reply import Reply
from valetkey.server.http.request import Request
from valetkey.server.model.ids import created_at
from valetkey.server.model.keys import Keyring, Secret
from valetkey.server.model.user import Session
from valetkey.server.oauth.authorize.browser_session import Browser, browser_state
from valetkey.spec.errors import AccessDenied
from valetkey.wire import address
from valetkey.wire.form import Form

# Browsers that an account knows: someone has signed in to it there before.
#
# A cookie records that (OWASP, "device cookies"): for each account, a random name of the browser
# and a MAC over both. The cookie gives access to nothing. It gives the browser a limit of its own
# for passwords, which anonymous callers can't use up.

KNOWN_BROWSER: Final = b"known browser"
KNOWN_SECONDS: Final = 365 * 86400
MOST: Final = 5
"""Accounts in one browser's cookie: the most recently used."""

_NAME: Final = 12
_MAC: Final = 16
_ENTRY_LENGTH: Final = 16 + 22


def name_in(cookie: str, account: str, keyring: Keyring) -> str:
    """The browser's name for this account, "" if the account does not know the browser."""
    for entry in _entries(cookie):
        if any(seal.same(entry, _entry(entry[:16], account, key.raw)) for key in keyring.macs):
            return entry[:16]
    return ""


def with_account(cookie: str, account: str, keyring: Keyring) -> str:
    """The cookie of a browser after a sign-in to the account."""
    name = name_in(cookie, account, keyring)
    others = [entry for entry in _entries(cookie) if entry[:16] != name]
    name = name or base64url.encode(urandom(_NAME))
    return ".".join([_entry(name, account, keyring.macs[0].raw), *others][:MOST])


def _entries(cookie: str) -> list[str]:
    entries = cookie[: MOST * (_ENTRY_LENGTH + 1)].split(".")
    return [entry for entry in entries if len(entry) == _ENTRY_LENGTH and entry.isascii()]


def _entry(name: str, account: str, key: bytes) -> str:
    mac = seal.mac(key, KNOWN_BROWSER, account.encode(), name.encode())
    return name + base64url.encode(mac[:_MAC])


# A browser's name, in a word or two that its user recognizes.

MAX_LENGTH: Final = 512
"""Characters of a User-Agent header that are read."""

_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "Chromebook"),
    ("Linux", "Linux"),
)


def device(user_agent: str) -> str:
    """The name of a browser by its User-Agent header: "Firefox on Android", "Chrome on Linux", ""
    for an unknown one. The first match in each table counts, since browsers also list the names of
    older ones."""
    return _device(user_agent[:MAX_LENGTH]) if user_agent else ""


@lru_cache(maxsize=256)
def _device(user_agent: str) -> str:
    browser = _first(_BROWSERS, user_agent)
    system = _first(_SYSTEMS, user_agent)
    return " on ".join(word for word in (browser, system) if word)


def _first(table: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for mark, name in table if mark in text), "")


# Devices that a user trusts: they ask for no second factor.
#
# For each account the cookie has an end and a MAC over the browser, the end, and a mark of the
# account that changes with its password and its factors (see `accounts.stages.trust_mark`).

TRUSTED_DEVICE: Final = b"trusted device"
_ENDS: Final = 8
_TRUST_LENGTH: Final = _ENDS + 43


def is_trusted(cookie: str, browser: str, mark: str, *, now: int, keyring: Keyring) -> bool:
    """Whether the user with this mark trusts the browser."""
    return any(
        seal.same(entry, _trust(browser, mark, entry[:_ENDS], key=key.raw))
        for entry in _trusts(cookie, now)
        for key in keyring.macs
    )


def with_trust(
    cookie: str, browser: str, mark: str, *, now: int, seconds: int, keyring: Keyring
) -> Secret:
    """The cookie of a browser that the user with this mark trusts from now on."""
    entry = _trust(browser, mark, f"{now + seconds:0{_ENDS}x}", key=keyring.macs[0].raw)
    return Secret(".".join([entry, *_trusts(cookie, now)][:MOST]))


def _trusts(cookie: str, now: int) -> list[str]:
    entries = cookie[: MOST * (_TRUST_LENGTH + 1)].split(".")
    return [
        entry
        for entry in entries
        if len(entry) == _TRUST_LENGTH and entry.isascii() and _TIME.fullmatch(entry[:_ENDS])
        if now < int(entry[:_ENDS], 16)
    ]


def _trust(browser: str, mark: str, ends: str, *, key: bytes) -> str:
    parts = (browser, mark, ends)
    return ends + base64url.encode(seal.mac(key, TRUSTED_DEVICE, *(one.encode() for one in parts)))


_TIME: Final = re.compile(r"[0-9a-f]{8}", re.ASCII)

_BROWSER_BYTES: Final = 32


class Cookies:
    """Reads and writes the cookies of one issuer. `watched`: apps may watch the session command."""

    def __init__(self, issuer: str, *, watched: bool = False) -> None:
        self._watched = watched
        self._secure = issuer.startswith("https:")
        prefix = "__Host-" if self._secure else ""
        # `__Host-` cookies are of the whole host, on which other issuers may have other paths.
        own = f"_{sha256(issuer.encode()).hexdigest()[:8]}" if address.path(issuer) else ""
        self.browser = f"{prefix}vk_browser{own}"
        self.session = f"{prefix}vk_session{own}"
        self.state = f"{prefix}vk_state{own}"
        self.known = f"{prefix}vk_known{own}"
        self.trusted = f"{prefix}vk_trusted{own}"

    def read_browser(self, request: Request) -> Browser:
        """The browser and its session, by its cookies. Nothing is verified yet."""
        name, _, secret = request.cookies.get(self.session, "").partition(".")
        return Browser(
            id=sha256(self.browser_secret(request).encode()).hexdigest(),
            session=name,
            session_secret=secret,
            device=device(request.joined(b"user-agent")),
            address=request.address,
            returns=self.browser in request.cookies
            or request.header(b"sec-fetch-dest") == "document",
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
        # Not from `auth_time` on: elsewhere, the user may have signed in hours ago.
        seconds = session.expires - created_at(session.id)
        value = f"{session.id}.{secret.reveal()}"
        reply = reply.having(
            self._set(self.session, value, seconds=seconds),
            self._set(self.known, known_accounts.reveal(), seconds=KNOWN_SECONDS),
        )
        return self._state(reply, browser_state(secret.reveal()), seconds=seconds)

    def trust(self, reply: Reply, cookie: Secret, *, seconds: int) -> Reply:
        """The reply, which sets the cookie of users who trust this browser (see `with_trust`)."""
        return reply.having(self._set(self.trusted, cookie.reveal(), seconds=seconds))

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


# Forms that only our own pages can send (ATTACKS A63, A64).
#
# A token is a MAC over the browser's cookie, the session and what the form is for: none of it is
# stored, and a token of one form, browser or session is not valid in another.

CSRF_PURPOSE: Final = b"form token"


class ForgedForm(AccessDenied):
    """The form does not come from a page that this server sent to this browser."""

    says = "the form is out of date, or did not come from this page"


def form_token(keyring: Keyring, *, browser: str, session: str, purpose: str) -> str:
    """The token for a form of this purpose, in this browser and session."""
    return base64url.encode(_mac(keyring.macs[0].raw, browser, session, purpose))


def check_form(
    request: Request,
    form: Form,
    keyring: Keyring,
    *,
    issuer: str,
    browser: str,
    session: str,
    purpose: str,
) -> None:
    """Raises ForgedForm if the form lacks the token, or if the browser says that the form comes
    from another site."""
    # Our pages send no referrer, so browsers send Origin: null; Sec-Fetch-Site decides then.
    origin = request.header(b"origin")
    if origin not in ("", "null", address.origin(issuer)):
        raise ForgedForm(detail=f"origin {origin[:80]!r}")
    site = request.header(b"sec-fetch-site")
    if site not in ("", "same-origin", "none"):
        raise ForgedForm(detail=f"sec-fetch-site {site[:20]!r}")
    try:
        presented = base64url.decode(form.get("csrf", ""))
    except ValueError as error:
        raise ForgedForm(detail="no token") from error
    expected = (_mac(key.raw, browser, session, purpose) for key in keyring.macs)
    if not any(seal.same(presented, one) for one in expected):
        raise ForgedForm(detail="another token")


def _mac(key: bytes, *parts: str) -> bytes:
    return seal.mac(key, CSRF_PURPOSE, *(part.encode() for part in parts))
