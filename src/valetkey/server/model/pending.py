"""Authorization requests that wait for a browser or for a person."""

from typing import ClassVar, Final, Literal, TypeAlias

import msgspec

from valetkey.server.model.record import OwnedRecord, Record

Kind: TypeAlias = Literal[
    "pushed",
    "interaction",
    "code",
    "answered",
    "invitation",
    "device",
    "backchannel",
    "handoff",
    "reset",
    "address",
    "sign-in",
    "phone",
]
UserAnswer: TypeAlias = Literal["", "yes", "no"]


RESTARTS: Final = 3600
"""Seconds for which an expired hand-off is stored, so that its browser can start again."""

LATE: Final = 300
"""Seconds for which an expired request of another device is stored (RFC 8628 3.5)."""


class DecoupledRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an app that runs on another device gets the answer (device grant and CIBA).

    `digest` is that of the secret in the handle that the app polls with. `interval` is the number
    of seconds between two polls, `polled` the time of the last one. `user` is the user who has to
    answer, "" for anyone who has the code. `address` and `agent` say where the request came from,
    `message` is the app's own description. `notify` is where and how to notify the app, sealed.
    """

    digest: str
    interval: int
    polled: int = 0
    answer: UserAnswer = msgspec.field(default="", name="said")
    user: str = ""
    address: str = ""
    agent: str = ""
    message: str = ""
    notify: bytes = b""


class Pending(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A request that waits.

    By kind: `pushed` waits for its browser (RFC 9126), `interaction` for a person, `device` and
    `backchannel` for a person on another device. `code` stores in `contents` what is too large for
    a code, `answered` stores an answer for a few seconds. An `invitation` waits for clients that
    register; its parameters say what they may be. A `handoff` waits for a platform to sign its user
    in; `confirmed` once it has answered. A `reset` waits for the code that lets a user choose a new
    password, an `address` for the one that proves an e-mail address, a `phone` for the one that
    proves a phone number, a `sign-in` for the one that signs them in.

    `parameters` and `resources` are the request as it was sent: each step parses it again.
    `browser` is the digest of the one browser that may continue. `pushed` is the id of the pushed
    request, `session` the session that was made for this request, `chosen` the session that the
    user chose. `answers` is the id of the request of another device that this interaction answers;
    it goes on once the user has `confirmed` that they mean that request. `handoff` is the id of its
    newest hand-off, `handoffs` their number.
    """

    table: ClassVar[str] = "pending"

    id: str
    kind: Kind
    client: str
    parameters: dict[str, str] = {}
    contents: bytes = b""
    resources: tuple[str, ...] = ()
    browser: str = ""
    pushed: str = ""
    session: str = ""
    answers: str = ""
    confirmed: bool = False
    decoupled: DecoupledRequest | None = msgspec.field(default=None, name="elsewhere")
    chosen: str = ""
    handoff: str = ""
    handoffs: int = 0
    created: int
    expires: int

    @property
    def key(self) -> str:
        return self.id

    @property
    def forget_at(self) -> int:
        if self.kind == "handoff":
            return self.expires + RESTARTS
        # A client that polls a little late learns that the request has expired.
        return self.expires + (LATE if self.decoupled is not None else 0)


# Approvals: questions of an app to a user who is not at the app.


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
