"""Event streams of the Shared Signals Framework: who wants to be told, and what waits for them."""

from typing import Any, ClassVar, Final, Literal, TypeAlias

from valetkey.server.model.record import Record

StreamStatus: TypeAlias = Literal["enabled", "paused", "disabled"]
DeliveryMethod: TypeAlias = Literal["push", "poll"]

SIGNAL_RETENTION: Final = 3 * 86400
"""Seconds for which a signal waits for its receiver."""


class Stream(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What one receiver wants to be told. A receiver has one stream.

    `receiver` is "resource " or "client " and the id of the API or app. `requested` are the event
    types that it asked for, `left_out` the subjects, in its own words, of which it wants to hear no
    more. `url` is where it listens, "" where it comes by itself; `authorization` is what it wants
    to be shown there, sealed. `verified` is when it last asked for a verification.
    """

    table: ClassVar[str] = "streams"

    receiver: str
    id: str
    requested: tuple[str, ...] = ()
    delivers: DeliveryMethod = "poll"
    url: str = ""
    authorization: bytes = b""
    description: str = ""
    status: StreamStatus = "enabled"
    reason: str = ""
    left_out: tuple[str, ...] = ()
    verified: int = 0
    created: int

    @property
    def key(self) -> str:
        return self.receiver


class Signal(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Something that a receiver is to be told, committed with the change that it tells of.

    `event` is its type. Who it is about: `user`, `client`, `family` (a device of theirs) and `sid`
    (a session), each "" where it is about all of them. `claims` are members of the event. `order`
    sorts as what happened, and `id` is the token's `jti`. `due` is when it may be sent (again),
    `tried` counts. It holds names alone: the token is made when it goes out.
    """

    table: ClassVar[str] = "signals"
    indexes: ClassVar[tuple[str, ...]] = ("stream",)

    stream: str
    order: str
    id: str
    event: str
    user: str = ""
    client: str = ""
    family: str = ""
    sid: str = ""
    claims: dict[str, Any] = {}
    txn: str = ""
    at: int
    due: int = 0
    tried: int = 0

    @property
    def key(self) -> str:
        return f"{self.stream} {self.order} {self.id}"

    @classmethod
    def place_of_index(cls, index: str, value: str) -> int | None:
        return 0

    @property
    def forget_at(self) -> int:
        return self.at + SIGNAL_RETENTION
