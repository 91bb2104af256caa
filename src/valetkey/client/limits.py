"""What an app is told where a user's limit is the reason of a refusal."""

from typing import Final

from valetkey.client.errors import ClientError
from valetkey.wire.bearer import Challenge

CODES: Final = frozenset({"limit_reached", "outside_hours", "approval_required"})


class LimitReached(ClientError):
    """The user lets the app do this only so often, so much, or at certain hours. The key is good
    for everything else: say so plainly, and come back.

    `permission` is the limited one; `limit` is `often`, `much`, `hours`, `ask` or `declined`;
    `most` is how often or how much (in the smallest unit) is allowed `per` hour, day, month or in
    `total`, None where that is not said. `back_at` is when it comes back by itself, in seconds
    since 1970, None where it does not. `ask_uri` is where the user can say yes, "" for nowhere.
    """

    def __init__(self, challenge: Challenge) -> None:
        super().__init__(challenge.error_description or "the user has set a limit")
        self.permission = challenge.permission
        self.limit = challenge.limit
        self.per = challenge.per
        self.most = _number(challenge.most)
        self.back_at = _number(challenge.back_at)
        self.ask_uri = challenge.ask_uri


def _number(text: str) -> int | None:
    fits = text.isascii() and text.isdigit() and len(text) <= 15
    return int(text) if fits else None
