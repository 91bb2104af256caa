"""Forms that only our own pages can send (ATTACKS A63, A64).

A token is a MAC over the browser's cookie, the session and what the form is for: none of it is
stored, and a token of one form, browser or session is not valid in another.
"""

from typing import Final

from valetkey.jose import base64url, seal
from valetkey.server.http.request import Request
from valetkey.server.model.keys import Keyring
from valetkey.spec.errors import AccessDenied
from valetkey.wire.form import Form

PURPOSE: Final = b"form token"


class ForgedForm(AccessDenied):
    """The form does not come from a page that this server sent to this browser."""

    says = "the form is out of date, or did not come from this page"


def token(keyring: Keyring, *, browser: str, session: str, purpose: str) -> str:
    """The token for a form of this purpose, in this browser and session."""
    return base64url.encode(_mac(keyring.macs[0].raw, browser, session, purpose))


def check(
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
    if origin not in ("", "null", issuer):
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
    return seal.mac(key, PURPOSE, *(part.encode() for part in parts))
