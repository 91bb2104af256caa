"""Messages to other hosts: what a feature has to say to them."""

from collections.abc import Callable

import msgspec

from valetkey.model.job import Job
from valetkey.model.want import Rule
from valetkey.oauth.context import Context
from valetkey.spec.cite import Cite


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is posted to another host."""

    body: bytes
    content_type: str
    headers: dict[str, str] = {}

    def __repr__(self) -> str:
        return "Message(…)"


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of message to other hosts. `write` makes one when it goes out, None where there is no
    longer a reason to; see `oauth.outgoing`."""

    kind: str
    cite: Cite
    write: Callable[[Job, Context], Rule[Message | None]]
