"""How an API refuses (RFC 6750 3), and what it says when it cannot know."""

from typing import Literal, TypeAlias

import msgspec

from valetkey.spec.errors import OAuthError, ServerError, TemporarilyUnavailable
from valetkey.wire import authorization_details, dpop
from valetkey.wire.authorization_details import Detail
from valetkey.wire.bearer import Challenge


class Refused(Exception):
    """The call is refused: `status` (400, 401 or 403), and the challenge that says why.

    `headers` and `body` are the answer to send.
    """

    def __init__(self, status: int, challenge: Challenge, *, detail: str = "") -> None:
        super().__init__(challenge.error or "no access token")
        self.status = status
        self.challenge = challenge
        self.detail = detail

    @property
    def headers(self) -> dict[str, str]:
        """`WWW-Authenticate`, and that nobody may keep the answer."""
        return {"WWW-Authenticate": self.challenge.header(), "Cache-Control": "no-store"}

    @property
    def body(self) -> dict[str, str | int]:
        """The challenge as JSON, for people who read bodies; empty where no token was sent."""
        told = msgspec.structs.asdict(self.challenge)
        names = (
            *("error", "error_description", "scope", "reason", "allowed"),
            *("acr_values", "max_age", "authorization_remediation"),
        )
        return {name: told[name] for name in names if told[name]}


class Unreachable(Exception):
    """The authorization server cannot be asked, so nothing is allowed: answer 503. What it says is
    for the log; callers get the registered code alone."""

    status = 503

    @property
    def headers(self) -> dict[str, str]:
        """When to come back, in seconds."""
        return {"Retry-After": "1", "Cache-Control": "no-store"}

    @property
    def body(self) -> dict[str, str]:
        """The registered code."""
        return {
            "error": TemporarilyUnavailable.code,
            "error_description": TemporarilyUnavailable.says,
        }


class Misconfigured(Unreachable):
    """The authorization server does not take this API's credentials. That does not heal by itself,
    so nobody is told to come back: answer 500. The log says it once (see `self_check`)."""

    status = 500

    @property
    def headers(self) -> dict[str, str]:
        """Nobody may keep the answer."""
        return {"Cache-Control": "no-store"}

    @property
    def body(self) -> dict[str, str]:
        """The registered code."""
        return {"error": ServerError.code, "error_description": ServerError.says}


Reason: TypeAlias = Literal["", "narrowed", "paused", "stopped"]
"""What became of a key that opened this once: the user took a permission away; it is paused, by its
user, or because the app, the key or the account is suspended, and may be back; or it is over for
good."""


def refused(
    error: OAuthError,
    *,
    scope: str = "",
    resource_metadata: str,
    detail: str = "",
    scheme: str = "Bearer",
    reason: Reason = "",
    allowed: str = "",
    details: tuple[Detail, ...] = (),
) -> Refused:
    """A refusal in a registered code, in the scheme of the token that was shown. `details` are what
    the app should ask for, where it asks by details."""
    challenge = Challenge(
        error=error.code,
        error_description=error.description,
        scope=scope,
        resource_metadata=resource_metadata,
        algs=" ".join(dpop.ALGORITHMS) if scheme == dpop.SCHEME else "",
        scheme=scheme,
        reason=reason,
        allowed=allowed,
        authorization_remediation=authorization_details.write_remedy(details) if details else "",
    )
    return Refused(error.status, challenge, detail=detail or error.detail)
