"""The refusals of an API (RFC 6750 3), and its answers while the server is unreachable."""

from typing import Literal, TypeAlias

import msgspec

from valetkey.spec.errors import OAuthError, ServerError, TemporarilyUnavailable
from valetkey.wire import authorization_details, dpop
from valetkey.wire.authorization_details import Detail
from valetkey.wire.bearer import Challenge


class Refused(Exception):
    """The call is refused. `status` is 400, 401 or 403, and the challenge says why. `headers` and
    `body` are the answer to send."""

    def __init__(self, status: int, challenge: Challenge, *, detail: str = "") -> None:
        super().__init__(challenge.error or "no access token")
        self.status = status
        self.challenge = challenge
        self.detail = detail

    @property
    def headers(self) -> dict[str, str]:
        """`WWW-Authenticate`, and `Cache-Control: no-store`."""
        return {"WWW-Authenticate": self.challenge.header(), "Cache-Control": "no-store"}

    @property
    def body(self) -> dict[str, str | int]:
        """The challenge as JSON; empty if the call had no token."""
        fields = msgspec.structs.asdict(self.challenge)
        names = (
            *("error", "error_description", "scope", "reason", "allowed"),
            *("acr_values", "max_age", "authorization_remediation"),
        )
        return {name: fields[name] for name in names if fields[name]}


class Unreachable(Exception):
    """The authorization server does not answer, so the API answers 503. The text is for the log;
    callers get the registered code alone."""

    status = 503

    @property
    def headers(self) -> dict[str, str]:
        """When to try again, in seconds."""
        return {"Retry-After": "1", "Cache-Control": "no-store"}

    @property
    def body(self) -> dict[str, str]:
        """The registered code."""
        return {
            "error": TemporarilyUnavailable.code,
            "error_description": TemporarilyUnavailable.says,
        }


class Misconfigured(Unreachable):
    """The authorization server refuses this API's credentials, so the API answers 500. Only an
    operator can fix that, so callers get no `Retry-After`. It is logged once (see `self_check`)."""

    status = 500

    @property
    def headers(self) -> dict[str, str]:
        """`Cache-Control: no-store`."""
        return {"Cache-Control": "no-store"}

    @property
    def body(self) -> dict[str, str]:
        """The registered code."""
        return {"error": ServerError.code, "error_description": ServerError.says}


Reason: TypeAlias = Literal["", "narrowed", "paused", "stopped"]
"""Why a token is refused that once had the permission. "narrowed": the user took the permission
away. "paused": the user paused the app, or the app, the key or the account is suspended; it may
come back. "stopped": it is over for good."""


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
    """A refusal in a registered code, in the scheme of the token. `details` are the authorization
    details that the app should request."""
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
