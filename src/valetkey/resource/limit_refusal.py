"""The refusal of a call by a limit of the user."""

from typing import Final

import msgspec

from valetkey.resource.errors import Refused
from valetkey.spec.errors import ApprovalRequired, LimitReached, OAuthError, OutsideHours
from valetkey.wire import dpop, lease
from valetkey.wire.bearer import Challenge
from valetkey.wire.catalog import Permission

_ERRORS: Final[dict[str, OAuthError]] = {
    "often": LimitReached(),
    "much": LimitReached(),
    "hours": OutsideHours(),
    "ask": ApprovalRequired(),
    "declined": ApprovalRequired("the user was asked, and said no"),
}

_HEADER_ONLY: Final = frozenset({"resource_metadata", "algs", "scheme"})
_NUMBERS: Final = frozenset({"most", "decimals", "back_at"})
_OF_USES: Final = frozenset({"often", "hours"})
"""The limits without an amount."""


class Limited(Refused):
    """403: a limit of the user is reached. `refusal` says which one, and when it ends."""

    def __init__(
        self,
        refusal: lease.Refused,
        *,
        permission: Permission,
        resource_metadata: str,
        scheme: str,
    ) -> None:
        error = _ERRORS[refusal.limit]
        measured = bool(permission.unit) and refusal.limit not in _OF_USES
        challenge = Challenge(
            error=error.code,
            error_description=error.description,
            resource_metadata=resource_metadata,
            algs=" ".join(dpop.ALGORITHMS) if scheme == dpop.SCHEME else "",
            scheme=scheme,
            permission=permission.id,
            limit=refusal.limit,
            per=refusal.per or "",
            most=_number(refusal.allowed),
            # People cannot read a number of the smallest unit without them.
            unit=permission.unit if measured else "",
            decimals=str(permission.decimals) if measured else "",
            back_at=_number(refusal.back_at),
            ask_uri=refusal.ask_uri,
        )
        detail = f"{permission.id}: {refusal.limit} {refusal.per or ''}".rstrip()
        super().__init__(error.status, challenge, detail=detail)
        self.refusal = refusal

    @property
    def headers(self) -> dict[str, str]:
        """As for any refusal, and when to come back, in seconds."""
        again = {"Retry-After": str(self.refusal.again_in)} if self.refusal.again_in else {}
        return super().headers | again

    @property
    def body(self) -> dict[str, str | int]:
        """The challenge as JSON, its numbers as numbers."""
        fields = msgspec.structs.asdict(self.challenge)
        return {
            name: int(text) if name in _NUMBERS else text
            for name, text in fields.items()
            if text and name not in _HEADER_ONLY
        }


def _number(value: int) -> str:
    return str(value) if value else ""
