"""The error page, and the kind of each error."""

from enum import StrEnum
from typing import ClassVar, Final

from valetkey.server.http.csrf import ForgedForm
from valetkey.server.oauth.authorize.reply_address import WrongAddress
from valetkey.server.oauth.authorize.request_stages import RequestOver
from valetkey.server.pages.components import Back
from valetkey.server.pages.views import View
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


class Trouble(StrEnum):
    """What went wrong, for people. Developers read the registered code."""

    UNKNOWN_APP = "unknown_app"
    WRONG_ADDRESS = "wrong_address"
    BAD_REQUEST = "bad_request"
    IMPOSSIBLE = "impossible"
    EXPIRED = "expired"
    FORGED = "forged"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


class ErrorView(View, frozen=True, kw_only=True):
    """What went wrong, and what to do now. ``code`` is the registered error code, ``reference``
    finds the request in the log, ``detail`` is the description for developers. ``back`` is only set
    if the address was checked."""

    template: ClassVar = "error.html"
    enums: ClassVar = (Trouble,)

    trouble: Trouble
    code: str
    reference: str
    when: int
    detail: str = ""
    back: Back | None = None


class NoSuchPage(InvalidRequest):
    """The page doesn't exist, or belongs to another user. The answers are alike."""

    says = "there is no such page"
    default_status = 404


_TROUBLES: Final[tuple[tuple[type[OAuthError], Trouble], ...]] = (
    (NoSuchPage, Trouble.NOT_FOUND),
    (ForgedForm, Trouble.FORGED),
    (WrongAddress, Trouble.WRONG_ADDRESS),
    (RequestOver, Trouble.EXPIRED),
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
    """The kind of an error."""
    return next(kind for raised, kind in _TROUBLES if isinstance(error, raised))
