"""Event streams of the Shared Signals Framework, and the signals that wait in them."""

from typing import Any, ClassVar, Final, Literal, TypeAlias

from valetkey.server.model.record import Record

StreamStatus: TypeAlias = Literal["enabled", "paused", "disabled"]
DeliveryMethod: TypeAlias = Literal["push", "poll"]

SIGNAL_RETENTION: Final = 3 * 86400
"""Seconds for which a signal is stored for its receiver."""


class Stream(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The stream of one receiver. A receiver has one stream.

    `receiver` is "resource " or "client " and the id of the API or app. `requested` are the event
    types that it requested, `left_out` the subjects that it removed, as it knows them. `url` is its
    push address, "" for polling; `authorization` is the header that it expects there, sealed.
    `verified` is when it last requested a verification.
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
    """A security event for a receiver, committed with its change.

    `event` is the type. The subject is `user`, `client`, `family` (a device) and `sid` (a session),
    each "" for all of them. `claims` are members of the event. `order` sorts by time, `id` is the
    `jti` of the token. `due` is when it may be sent (again), `tried` counts the attempts. It has
    ids only: the token is made at delivery.
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


# Jobs: messages to other hosts, stored until they are delivered or dropped.

LEASE: Final = 20
"""Seconds for which a worker has a job to itself: longer than a delivery may take."""


class Job(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A message to send, committed with its change.

    `kind` selects the rule that writes the message. It runs at delivery, so the message is up to
    date. `facts` are its inputs, without secrets; `sealed` has the encrypted ones. `due` is the
    second from which a delivery may be tried. It is the start of the key, so due jobs come first. A
    worker takes a job by moving it to the end of a lease, which only one worker can do. `tried`
    counts the attempts.
    """

    table: ClassVar[str] = "jobs"

    id: str
    kind: str
    url: str
    due: int
    created: int
    tried: int = 0
    user: str = ""
    client: str = ""
    facts: dict[str, str] = {}
    sealed: bytes = b""

    @property
    def key(self) -> str:
        return f"{due_prefix(self.due)}{self.id}"


def due_prefix(second: int) -> str:
    """The key that sorts after all jobs that are due before that second."""
    return f"{second:012d} "
