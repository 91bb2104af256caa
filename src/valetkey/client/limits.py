"""The error for a call that a limit of the user does not allow."""

from decimal import Decimal
from typing import Final

from valetkey.client.errors import ClientError
from valetkey.wire.bearer import Challenge
from valetkey.wire.catalog import MOST_DECIMALS

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
