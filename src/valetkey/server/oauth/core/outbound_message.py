"""Messages to other hosts: what a feature sends, and how a delivery ends.

One node leases a message, writes it, and finishes it or handles the failure.
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
    """A job with a lease; None if another node has it, or if it is not due."""

    job: Job | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is posted to another host."""

    body: bytes
    content_type: str
    headers: dict[str, str] = {}

    def __repr__(self) -> str:
        return "Message(…)"


class OnFailed(Protocol):
    """Handles a failed delivery. `final`: the other host refused the message."""

    def __call__(self, job: Job, why: str, context: Context, *, final: bool) -> Rule[Outcome]: ...


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of message to other hosts. `write` writes one when it is sent, or returns None if it
    is no longer needed. `lease`, `on_delivered` and `on_failed` replace the default of
    `core.message_delivery`."""

    kind: str
    cite: Cite
    write: Callable[[Job, Context], Rule[Message | None]]
    lease: Callable[[Job, Context], Rule[LeasedJob]] | None = None
    on_delivered: Callable[[Job, Context], Rule[Outcome]] | None = None
    on_failed: OnFailed | None = None
