"""Jobs: messages to other hosts, stored until they are delivered or dropped."""

from typing import ClassVar, Final

from valetkey.server.model.record import Record

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
