"""What an API's refusal means, whichever library the app calls it with."""

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
    """The response, unless the API refused it for want of a key, of a permission or of a sign-in,
    or by a limit of the user's. Raises PermissionMissing, LimitReached, SignInAgain, KeyStopped,
    and the more telling PermissionTaken and KeyPaused where the API says what happened; every other
    status is the caller's to judge."""
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
        raise KeyPaused("the user has paused the key")
    if status == 401:
        raise KeyStopped("the key opens nothing any more")
    return response


def challenge_of(status: int, headers: Mapping[str, str]) -> Challenge:
    """The challenge of a refusal; an empty one, where there is none."""
    if status not in (401, 403):
        return Challenge()
    header = headers.get("www-authenticate") or headers.get("WWW-Authenticate") or ""
    return read_challenge(header, schemes=SCHEMES) or Challenge()


def _status(response: Answered) -> int:
    status = getattr(response, "status_code", None) or getattr(response, "status", None)
    if not isinstance(status, int):
        raise TypeError("not a response of httpx2, requests or aiohttp")
    return status
