"""Authorization requests that wait, for a client's browser or for a person."""

from typing import ClassVar, Final, Literal, TypeAlias

import msgspec

from valetkey.server.model.record import Record

Kind: TypeAlias = Literal[
    "pushed", "interaction", "code", "answered", "invitation", "device", "backchannel"
]
UserAnswer: TypeAlias = Literal["", "yes", "no"]


LATE: Final = 300
"""Seconds for which it is known of a request elsewhere that it is over (RFC 8628 3.5)."""


class DecoupledRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an app that the user is not looking at waits for an answer, and comes for it.

    `digest` is that of the secret in the handle by which it comes; `interval` are the seconds that
    it leaves between two visits, `polled` is when the last one was. `user` is whose answer it has
    to be, "" for whoever has the code. `address` and `agent` say where it asked from, `message` is
    the app's own word on what it is about. `notify` is where and how the app is told, sealed.
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

    `pushed` waits for its browser (RFC 9126), `interaction` for a person, `device` and
    `backchannel` for a person elsewhere; `code` keeps in `contents` what was too large for a code,
    `answered` keeps an answer for a moment. `parameters` and `resources` are the request as it was
    sent: it is understood anew at each step. `browser` is the digest of the one browser that may go
    on with it; `pushed` names the pushed request behind it, `session` the sign-in that was made for
    it, `chosen` the session that the user chose for it. `answers` names the request elsewhere to
    which the interaction is the answer; it begins once the user has `confirmed` that this is meant.
    An `invitation` waits for clients that register: what they may be is among its parameters.
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
    created: int
    expires: int

    @property
    def key(self) -> str:
        return self.id

    @property
    def forget_at(self) -> int:
        # Whoever comes a little late is told that it is over, and not that there was nothing.
        return self.expires + (LATE if self.decoupled is not None else 0)
