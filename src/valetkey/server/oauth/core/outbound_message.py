"""Messages to other hosts: what a feature has to say to them, and what becomes of a message.

A message is taken by one node, written, and settled once it was delivered, or failed.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from valetkey.server.model.job import Job
from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.spec.cite import Cite


class LeasedJob(Outcome, frozen=True, kw_only=True, eq=False):
    """The job, for the length of a lease; None where somebody else was first, or where it is not
    the time for it."""

    job: Job | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is posted to another host."""

    body: bytes
    content_type: str
    headers: dict[str, str] = {}

    def __repr__(self) -> str:
        return "Message(…)"


class OnFailed(Protocol):
    """What becomes of a message that was not delivered. `final`: the other side refused it."""

    def __call__(self, job: Job, why: str, context: Context, *, final: bool) -> Rule[Outcome]: ...


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of message to other hosts. `write` makes one when it goes out, None where there is no
    longer a reason to. The others say what becomes of one, where that is not as usual (see
    `oauth.outgoing`): when it is `take`n, when it is `settled`, when it has `failed`."""

    kind: str
    cite: Cite
    write: Callable[[Job, Context], Rule[Message | None]]
    lease: Callable[[Job, Context], Rule[LeasedJob]] | None = None
    on_delivered: Callable[[Job, Context], Rule[Outcome]] | None = None
    on_failed: OnFailed | None = None
