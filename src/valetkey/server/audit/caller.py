"""Who calls, as far as the audit log wants to know: set for each request, read at its commits."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Protocol

import msgspec

from valetkey.server.model.audit import AuditActor


class AuditedRequest(Protocol):
    """A request, as the audit log sees it. `session_id` is the id of the user's session, "" for
    none. `audit_actor` is who acts if that is not the person whom an event is about."""

    address: str
    session_id: str
    audit_actor: AuditActor | None

    @property
    def id(self) -> str:
        """The id of the request."""
        ...

    @property
    def agent(self) -> str:
        """The client's program, as it names itself."""
        ...


class NotARequest(msgspec.Struct):
    """Stands for the request where there is none: a command, a task of the server."""

    address: str = ""
    session_id: str = ""
    audit_actor: AuditActor | None = None
    id: str = ""
    agent: str = ""


NOWHERE: Final = NotARequest()

_CALLER: Final[ContextVar[AuditedRequest]] = ContextVar("valetkey_caller", default=NOWHERE)


set_caller = _CALLER.set
"""Set the request that is answered in this context."""

current_caller = _CALLER.get
"""The request that is answered in this context."""


@contextmanager
def acting(caller: AuditedRequest) -> Iterator[None]:
    """Act for a caller, for as long as the block runs."""
    token = _CALLER.set(caller)
    try:
        yield
    finally:
        _CALLER.reset(token)
