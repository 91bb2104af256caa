"""Turns the refusal of an API into an error, for every HTTP library."""

from collections.abc import Mapping
from typing import Final, Protocol, TypeVar

from valetkey.client.errors import (
    KeyPaused,
    KeyStopped,
    PermissionMissing,
    PermissionTaken,
    SignInAgain,
)
from valetkey.client.limits import CODES, LimitReached
from valetkey.wire import dpop
from valetkey.wire.authorization_details import read_remedy
from valetkey.wire.bearer import Challenge, read_challenge

SCHEMES: Final = ("Bearer", dpop.SCHEME)


class Answered(Protocol):
    """A response of httpx2, requests or aiohttp. Its status is `status_code`, or `status`."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers, whose names have no case."""
        ...


R = TypeVar("R", bound=Answered)


def raise_for_refusal(response: R) -> R:
    """Returns the response, unless the API refused the call. Raises PermissionMissing,
    LimitReached, SignInAgain or KeyStopped, and the more specific PermissionTaken and KeyPaused if
    the API says what happened. Every other status is for the caller to handle."""
    status = _status(response)
    challenge = challenge_of(status, response.headers)
    if challenge.error in {"insufficient_scope", "insufficient_authorization"}:
        missing = PermissionTaken if challenge.reason == "narrowed" else PermissionMissing
        allowed = frozenset(challenge.allowed.split())
        details = read_remedy(challenge.authorization_remediation)
        raise missing(frozenset(challenge.scope.split()), allowed=allowed, details=details)
    if challenge.error in CODES:
        raise LimitReached(challenge)
    if challenge.error == "insufficient_user_authentication":
        age = challenge.max_age
        seconds = int(age) if age.isascii() and age.isdigit() else None
        raise SignInAgain(tuple(challenge.acr_values.split()), seconds)
    if status == 401 and challenge.reason == "paused":
        raise KeyPaused("the user has paused the app")
    if status == 401:
        raise KeyStopped("the key is not valid any more")
    return response


def challenge_of(status: int, headers: Mapping[str, str]) -> Challenge:
    """The challenge of a refusal; an empty one if there is none."""
    if status not in (401, 403):
        return Challenge()
    header = headers.get("www-authenticate") or headers.get("WWW-Authenticate") or ""
    return read_challenge(header, schemes=SCHEMES) or Challenge()


def _status(response: Answered) -> int:
    status = getattr(response, "status_code", None) or getattr(response, "status", None)
    if not isinstance(status, int):
        raise TypeError("not a response of httpx2, requests or aiohttp")
    return status
