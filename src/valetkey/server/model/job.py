"""Jobs: messages for other hosts, kept until they are delivered or given up."""

from typing import ClassVar, Final

from valetkey.server.model.record import Record

LEASE: Final = 20
"""Seconds for which a job belongs to whoever took it: longer than a delivery may take."""


class Job(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A message that has to go out, committed with the change that it tells of.

    `kind` says who writes the message: it is made when it goes out, so that nothing in it is old.
    `facts` is what that needs, no secrets; `sealed` is what nobody may read. `due` is the second
    from which it may be tried, and comes first in the key: the jobs that are due are the first
    ones. Who takes a job moves it to the end of a lease, which only one can do. `tried` counts.
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
    """The key before which every job lies that is due earlier than that second."""
    return f"{second:012d} "
