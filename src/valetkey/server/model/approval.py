"""Approvals: what an app asks one user while that user is not looking at it."""

from typing import ClassVar

import msgspec

from valetkey.server.model.pending import UserAnswer
from valetkey.server.model.record import OwnedRecord


class Approval(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """A question that waits on its user's own pages.

    `words` say what it is about, as the app puts it. `grant` is the key that it is about, "" for
    none yet; then `permission` is what the key is to be used for, and `units` how much, in the
    smallest unit. `amount` is that with its unit, such as "25.00 EUR", "" where nothing is counted.
    `request` names the request in `pending` that has to be answered by consent; then that request
    knows the answer. Without one, a yes or a no is the whole answer, and stands in `said`.
    """

    table: ClassVar[str] = "approvals"
    rank: ClassVar[int] = 5
    indexes: ClassVar[tuple[str, ...]] = ("user",)

    user: str
    client: str
    grant: str = ""
    words: str = ""
    amount: str = ""
    permission: str = ""
    units: int = 0
    request: str = ""
    answer: UserAnswer = msgspec.field(default="", name="said")
    created: int
    expires: int

    @property
    def forget_at(self) -> int:
        return self.expires
