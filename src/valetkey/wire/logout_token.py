"""Logout tokens (OpenID Connect Back-Channel Logout 2.4): we write them, apps read them."""

from typing import Any, Final

from valetkey.jose import jwt
from valetkey.spec.cite import Cite

CITE: Final = Cite("OpenID Connect Back-Channel Logout", "2.4")
TYPE: Final = "logout+jwt"
EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
SECONDS: Final = 120
"""For which one is good: it is made when it goes out."""


class LogoutToken(jwt.Claims, frozen=True, kw_only=True):
    """A session of a user is over, as `events` says. There is no nonce: it must not pass for an ID
    Token."""

    sub: str
    aud: str
    jti: str
    sid: str
    events: dict[str, dict[str, Any]]
