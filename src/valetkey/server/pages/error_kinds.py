"""Which kind of trouble is an error, for people?"""

from typing import Final

from valetkey.server.http.csrf import ForgedForm
from valetkey.server.oauth.authorize.reply_address import WrongAddress
from valetkey.server.oauth.authorize.request_stages import Over
from valetkey.server.pages.views import Trouble
from valetkey.spec.errors import (
    AccessDenied,
    InvalidClient,
    InvalidRequest,
    InvalidRequestUri,
    InvalidScope,
    InvalidTarget,
    OAuthError,
    ServerError,
    TemporarilyUnavailable,
)


class NoSuchPage(InvalidRequest):
    """There is no such page, or it is another user's: the two look alike."""

    says = "there is no such page"
    default_status = 404


_TROUBLES: Final[tuple[tuple[type[OAuthError], Trouble], ...]] = (
    (NoSuchPage, Trouble.NOT_FOUND),
    (ForgedForm, Trouble.FORGED),
    (WrongAddress, Trouble.WRONG_ADDRESS),
    (Over, Trouble.EXPIRED),
    (InvalidRequestUri, Trouble.EXPIRED),
    (InvalidClient, Trouble.UNKNOWN_APP),
    (InvalidScope, Trouble.IMPOSSIBLE),
    (InvalidTarget, Trouble.IMPOSSIBLE),
    (AccessDenied, Trouble.FORBIDDEN),
    (TemporarilyUnavailable, Trouble.UNAVAILABLE),
    (ServerError, Trouble.INTERNAL),
    (OAuthError, Trouble.BAD_REQUEST),
)
"""The first row that fits counts."""


def trouble(error: OAuthError) -> Trouble:
    """The kind of trouble."""
    return next(kind for raised, kind in _TROUBLES if isinstance(error, raised))
