"""Approvals: questions of an app to a user who is not at the app."""

from typing import ClassVar

import msgspec

from valetkey.server.model.pending import UserAnswer
from valetkey.server.model.record import OwnedRecord


class Approval(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """A question that waits on the user's approvals page.

    `words` are the app's own description. `grant` is the grant that the question is about, "" for
    none; then `permission` is the permission to use, and `units` the amount in the smallest unit.
    `amount` is the same with its unit, such as "25.00 EUR", "" for no amount. `request` is the id
    of the request in `pending` that needs a consent; that request stores the answer. Without one,
    the answer is yes or no, in `answer`.
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
