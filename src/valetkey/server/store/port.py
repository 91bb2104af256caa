"""The port: what every store promises.

- `read` answers all wants from one moment, in one round trip.
- `commit` writes all of its changes and events, or none; when it returns, they are durable. It
  raises `Stale` where a precondition does not hold, `Unavailable` where the store cannot tell or
  cannot write: then nothing was promised.
- A call comes back within PATIENCE seconds, a little more at the most: what cannot be done by then
  raises `Unavailable`.
- Two commits never both succeed on the same precondition.
- Counters (`Count`, `Uncount`) commute: no count is lost, none is `Stale`, and of many at once each
  gets a place of its own.
- A record that `commit` wrote comes back with its version counted up by one, from 1.
- A key holds no zero byte; asked for one that does, a store finds nothing.
- `sweep` forgets what has expired, some rows at a time. What has expired may be found until then:
  rules look at the time themselves.
- A commit appends to the change log what `model.log` says of its changes, all of it or nothing. The
  entries are numbered without a gap, in the order in which they become visible: whoever has seen
  one has seen, or can read, all before it.
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
"""Every kind of record that a store keeps."""


PATIENCE: Final = 1.5
"""Seconds within which a call comes back."""


class Unavailable(Exception):
    """The store cannot answer now. The outcome of a commit is then unknown."""


class Damaged(Unavailable):
    """What is stored in one place cannot be read any more; the rest can."""


class Unstorable(ValueError):
    """No database can hold what these changes bring. Nothing of them was written."""


class Unusable(Exception):
    """The database and this installation do not go together; says why and what to do."""


class Store(Protocol):
    """Where records are kept. No call needs to be made in a task."""

    async def read(self, *wants: Query) -> Results:
        """What was found, all of one moment. Raises Unavailable, Damaged."""
        ...

    async def commit(
        self, changes: Sequence[Change], events: Sequence[Event] = ()
    ) -> tuple[Throttle, ...]:
        """All or nothing, durable on return. Returns the counter of each `Count`, as that left it,
        in their order. Raises Stale, Unstorable, Unavailable: what others commit at the same time
        changes nothing about which."""
        ...

    async def page(self, query: PageQuery[R]) -> Page[R]:
        """One page of a list for people. Raises Unavailable."""
        ...

    async def log(self, after: int, *, limit: int = 100) -> Log:
        """The entries of the change log that follow number `after` (0 for the beginning), oldest
        first, at most `limit` of them. Raises Unavailable."""
        ...

    async def sweep(self, now: int, *, told: int = 0) -> int:
        """Forgets some of what expired before `now` (seconds since 1970), and some of the events of
        before `told`; how many it forgot."""
        ...

    async def close(self) -> None:
        """Lets go of files and connections. What was committed stays."""
        ...
