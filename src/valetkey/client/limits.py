"""What an app is told where a user's limit is the reason of a refusal."""

from decimal import Decimal
from typing import Final

from valetkey.client.errors import ClientError
from valetkey.wire.bearer import Challenge
from valetkey.wire.catalog import MOST_DECIMALS

CODES: Final = frozenset({"limit_reached", "outside_hours", "approval_required"})


class LimitReached(ClientError):
    """The user lets the app do this only so often, so much, or at certain hours. The key is good
    for everything else: say so plainly, and come back.

    `permission` is the limited one; `limit` is `often`, `much`, `hours`, `ask` or `declined`;
    `most` is how often or how much (in the smallest unit) is allowed `per` hour, day, month or in
    `total`, None where that is not said. Amounts are told in `unit` with so many `decimals`; `unit`
    is "" where the limit is about uses or hours. `back_at` is when it comes back by itself, in
    seconds since 1970, None where it does not. `ask_uri` is where the user can say yes, "" for
    nowhere.
    """

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
        """How much is allowed, in its unit; None where the limit is about no amount."""
        if self.most is None or not self.unit:
            return None
        return Decimal(self.most).scaleb(-self.decimals)


def _number(text: str) -> int | None:
    fits = text.isascii() and text.isdigit() and len(text) <= 15
    return int(text) if fits else None
