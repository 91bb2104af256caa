"""The store's interface: what every store promises.

- `read` answers all queries from one moment, in one round trip.
- `commit` writes all of its changes and events, or none. When it returns, they are durable. It
  raises `Stale` if a precondition fails, and `Unavailable` if the store cannot write or does not
  know whether it wrote: then nothing is promised.
- A call returns within about CALL_TIMEOUT seconds, or raises `Unavailable`.
- Two commits never both succeed on the same precondition.
- Counters (`Count`, `Uncount`) commute: no count is lost, none is `Stale`, and concurrent counts
  each get a number of their own.
- Each `commit` of a record increments its version by one, starting from 1.
- A key contains no zero byte. A query for a key that does finds nothing.
- `sweep` deletes expired rows, some at a time. Until then a read may return them: rules check the
  time themselves.
- A commit appends to the change log the entries that `model.change_log` derives from its changes,
  all or none. Entries are numbered without a gap, in the order in which they become visible: a
  reader that has seen one has seen, or can read, all before it.
"""

from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

from valetkey.server.model.approval import Approval
from valetkey.server.model.change import Change
from valetkey.server.model.change_log import Log
from valetkey.server.model.client import Client
from valetkey.server.model.counters import SingleUse, Throttle
from valetkey.server.model.delegates import DelegateTree
from valetkey.server.model.epoch import Epoch
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.job import Job
from valetkey.server.model.keys import SigningKey
from valetkey.server.model.limit_state import Allowance
from valetkey.server.model.pending import Pending
from valetkey.server.model.policy import Policy
from valetkey.server.model.query import Page, PageQuery, Query, Results
from valetkey.server.model.receipt import Receipt
from valetkey.server.model.record import Record
from valetkey.server.model.resource import CatalogRevision, ResourceServer
from valetkey.server.model.stream import Signal, Stream
from valetkey.server.model.user import Session, User

R = TypeVar("R", bound=Record)

RECORDS: Final[tuple[type[Record], ...]] = (
    Allowance,
    Approval,
    Client,
    DelegateTree,
    CatalogRevision,
    Epoch,
    Event,
    Grant,
    Job,
    SingleUse,
    Pending,
    Policy,
    Receipt,
    ResourceServer,
    Session,
    Signal,
    SigningKey,
    Stream,
    Throttle,
    TokenFamily,
    User,
)
"""Every kind of record that a store holds."""


CALL_TIMEOUT: Final = 1.5
"""Seconds within which a call returns."""


class Unavailable(Exception):
    """The store cannot answer now. The outcome of a commit is then unknown."""


class Damaged(Unavailable):
    """One stored row cannot be read; the others can."""


class Unstorable(ValueError):
    """No database can hold a value in these changes. None of them was written."""


class Unusable(Exception):
    """The database does not fit this installation; the error says why and what to do."""


class Store(Protocol):
    """A store of records. No method needs a running asyncio task."""

    async def read(self, *wants: Query) -> Results:
        """Answer all queries from one moment. Raises Unavailable, Damaged."""
        ...

    async def commit(
        self, changes: Sequence[Change], events: Sequence[Event] = ()
    ) -> tuple[Throttle, ...]:
        """Write all or nothing; durable on return. Returns the counter after each `Count`, in their
        order. Raises Stale, Unstorable or Unavailable; which one never depends on what others
        commit at the same time."""
        ...

    async def page(self, query: PageQuery[R]) -> Page[R]:
        """Read one page of a list for people. Raises Unavailable."""
        ...

    async def log(self, after: int, *, limit: int = 100) -> Log:
        """Read up to `limit` entries of the change log after number `after` (0 for the beginning),
        oldest first. Raises Unavailable."""
        ...

    async def sweep(self, now: int, *, events_before: int = 0) -> int:
        """Delete some rows that expired before `now`, and some events older than `events_before`
        (both in seconds since 1970). Returns the number of deleted rows."""
        ...

    async def close(self) -> None:
        """Close files and connections."""
        ...
