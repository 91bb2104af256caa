"""The errors of the SDK: one class for each case that an app handles differently."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Protocol, TypeVar

from valetkey.wire import dpop, token_response
from valetkey.wire.authorization_details import Detail, read_remedy
from valetkey.wire.bearer import Challenge, read_challenge
from valetkey.wire.catalog import MOST_DECIMALS


class ClientError(Exception):
    """The base of all errors. The message contains no secret."""


class Denied(ClientError):
    """The server refuses. `code` is the registered code, such as `access_denied` if the user said
    no. `description` is the server's own text. `reason` says why access is interrupted, if it may
    come back (see `KeyInterrupted`)."""

    def __init__(self, code: str, description: str = "", *, reason: str = "") -> None:
        super().__init__(f"{code}: {description}" if description else code)
        self.code = code
        self.description = description
        self.reason = reason


class Aborted(ClientError):
    """The sign-in stopped at an answer that does not fit: it may be an attack."""


class NoKey(ClientError):
    """The app has no key yet: connect first."""


class KeyStopped(ClientError):
    """The key is not valid any more: stopped, revoked or expired. Connect again."""


class KeyInterrupted(KeyStopped):
    """The key does not work for now, and may work again: keep it. `Key.wait` waits for that.
    `reason` is the server's code (`wire.token_response`)."""

    reason = ""


class KeyPaused(KeyInterrupted):
    """The user has paused the app. The key works again when they resume it: keep it, and wait."""

    reason = token_response.PAUSED


class AppSuspended(KeyInterrupted):
    """The server's operator has suspended the app. Its keys work again when the operator resumes
    it: keep them, and ask the operator."""

    reason = token_response.APP_SUSPENDED


class AccountDisabled(KeyInterrupted):
    """The server's operator has disabled the user's account. The key may work again: keep it."""

    reason = token_response.ACCOUNT_DISABLED


class PermissionMissing(ClientError):
    """The key lacks a permission. `permissions` are all that the call needs: ask the user with
    `Key.upgrade`. `allowed` are those that the key has there. `details` are the authorization
    details to request, if the API lists them."""

    def __init__(
        self,
        permissions: frozenset[str],
        *,
        allowed: frozenset[str] = frozenset(),
        details: tuple[Detail, ...] = (),
    ) -> None:
        super().__init__(f"the key lacks {' '.join(sorted(permissions))}")
        self.permissions = permissions
        self.allowed = allowed
        self.details = details


class PermissionTaken(PermissionMissing):
    """The key had the permission until the user removed it. Do not ask for it again by surprise."""


class SignInAgain(ClientError):
    """The API needs a new or a stronger sign-in (RFC 9470): call `Key.sign_in_again`. `max_age` is
    in seconds; None for any age."""

    def __init__(self, acr_values: tuple[str, ...], max_age: int | None) -> None:
        super().__init__("the user has to sign in again")
        self.acr_values = acr_values
        self.max_age = max_age


class ServerUnavailable(ClientError):
    """The server does not answer, or its answer is malformed. Try again later; the key is
    unchanged."""


class StoreError(ClientError):
    """The store fails. The stored key is unchanged."""


class StoreFull(StoreError):
    """The store is full. Make room, and try again."""


class StoreReadOnly(StoreError):
    """The store is read-only."""


class StoreLocked(StoreError):
    """The store is locked: the operating system's key store needs to be unlocked, the passphrase is
    wrong, or another process has had the lock for too long."""


class StoreCorrupted(StoreError):
    """The stored key is damaged. Connect again to replace it."""


class StoreExposed(StoreError):
    """Other users can read the store, so the SDK does not use it."""


class KeySuspended(KeyInterrupted):
    """Someone presented a shard of the key who should not have it. The key does not work until the
    user checks the app's page at the server and resumes it. Keep the key, and tell the user."""

    reason = token_response.KEY_SUSPENDED


_INTERRUPTED: Final[dict[str, tuple[type[KeyInterrupted], str]]] = {
    token_response.PAUSED: (KeyPaused, "the user has paused the key"),
    token_response.APP_SUSPENDED: (AppSuspended, "the server's operator has suspended the app"),
    token_response.KEY_SUSPENDED: (
        KeySuspended,
        "the key is suspended until its user checks and resumes it",
    ),
    token_response.ACCOUNT_DISABLED: (
        AccountDisabled,
        "the server's operator has disabled the user's account",
    ),
}


def interrupted(reason: str) -> KeyInterrupted | None:
    """The error for the reason in a refusal; None if it is not a temporary one."""
    error = _INTERRUPTED.get(reason)
    return None if error is None else error[0](error[1])


class ShardsMissing(ClientError):
    """Too few shards were presented: a holder does not answer, has no shard, or was not asked. The
    user can check the app's page at the server, or enter a recovery code."""


class TicketSpent(ClientError):
    """The ticket, or its QR code, is not valid: another device has claimed it, it is over, or it is
    for another kind of holder. Request a new one."""


class CodeMistyped(ClientError):
    """The text is not a recovery code, which has seven groups of four letters and digits."""


# Turns the refusal of an API into an error, for every HTTP library.

# The error for a call that a limit of the user does not allow.

CODES: Final = frozenset({"limit_reached", "outside_hours", "approval_required"})


class LimitReached(ClientError):
    """The user limits how often, how much or when the app may do this. The key works for everything
    else. Tell the user plainly, and try again later.

    `permission` is the limited one. `limit` is `often`, `much`, `hours`, `ask` or `declined`.
    `most` is the allowed number of uses, or the amount in the smallest unit, `per` hour, day, month
    or in `total`; None if unknown. Amounts are in `unit` with this number of `decimals`; `unit` is
    "" for a limit on uses or hours. `back_at` is when the limit ends by itself, in seconds since
    1970; None if it does not. `ask_uri` is the page where the user can allow it; "" for none."""

    def __init__(self, challenge: Challenge) -> None:
        super().__init__(challenge.error_description or "the user has set a limit")
        self.permission = challenge.permission
        self.limit = challenge.limit
        self.per = challenge.per
        self.most = _number(challenge.most)
        self.unit = challenge.unit
        self.decimals = min(_number(challenge.decimals) or 0, MOST_DECIMALS)
        self.back_at = _number(challenge.back_at)
        self.ask_uri = challenge.ask_uri

    @property
    def amount(self) -> Decimal | None:
        """The allowed amount in its unit; None for a limit without an amount."""
        if self.most is None or not self.unit:
            return None
        return Decimal(self.most).scaleb(-self.decimals)


def _number(text: str) -> int | None:
    fits = text.isascii() and text.isdigit() and len(text) <= 15
    return int(text) if fits else None


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
