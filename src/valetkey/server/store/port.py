"""The store's interface: what every store promises.

- `read` answers all queries from one moment, in one round trip.
- `commit` writes all of its changes and events, or none. When it returns, they are durable. It
  raises `Stale` if a precondition fails, and `Unavailable` if the store cannot write or does not
  know whether it wrote: then nothing is promised.
- A call returns within about CALL_TIMEOUT seconds, or raises `Unavailable`.
- Two commits never both succeed on the same precondition.
- Counters (`Count`, `Uncount`) commute: no count is lost, none is `Stale`, and concurrent counts
  each get a number of their own.
- `Add` commutes too, and what the events of a commit count (`model.statistic`) is added in it.
- Each `commit` of a record increments its version by one, starting from 1.
- A key contains no zero byte. A query for a key that does finds nothing.
- A commit writes the search terms of its records (`model.search`), all or none.
- `sweep` deletes expired rows, some at a time. Until then a read may return them: rules check the
  time themselves.
- A commit appends to the change log the entries that `model.change_log` derives from its changes,
  all or none. Entries are numbered without a gap, in the order in which they become visible: a
  reader that has seen one has seen, or can read, all before it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from os import urandom
from typing import Any, Final, Protocol, TypeVar

import msgspec

from valetkey.server.model.audit import (
    AuditKey,
    AuditRecord,
    AuditSegment,
    AuditState,
    PersonKey,
    UnsealedRecord,
)
from valetkey.server.model.brand import Brand, BrandFile
from valetkey.server.model.bulk_stop import BulkStop
from valetkey.server.model.change import Change
from valetkey.server.model.change_log import Log
from valetkey.server.model.client import Client
from valetkey.server.model.counters import SingleUse, Throttle
from valetkey.server.model.directory import GroupMember, ProvisionedGroup, ProvisionedUser
from valetkey.server.model.erasure import Erasure
from valetkey.server.model.event import Event
from valetkey.server.model.factor import Factor, PasskeyDomain
from valetkey.server.model.grant import DelegateTree, Grant, TokenFamily
from valetkey.server.model.idempotency import IdempotentCall
from valetkey.server.model.keys import Epoch, SigningKey
from valetkey.server.model.last_use import IndexState, LastUse
from valetkey.server.model.leasing import Allowance
from valetkey.server.model.organization import (
    AppRequest,
    Membership,
    Organization,
    OrganizationGroup,
)
from valetkey.server.model.pending import Approval, Pending
from valetkey.server.model.policy import Policy
from valetkey.server.model.query import Page, PageQuery, Query, Results
from valetkey.server.model.receipt import Receipt
from valetkey.server.model.record import Record
from valetkey.server.model.resource import CatalogRevision, ResourceServer
from valetkey.server.model.role import RoleBinding
from valetkey.server.model.statistic import Statistic
from valetkey.server.model.stream import Job, Signal, Stream
from valetkey.server.model.user import Identity, Session, User
from valetkey.wire.change_log import RETENTION, Entry

R = TypeVar("R", bound=Record)

RECORDS: Final[tuple[type[Record], ...]] = (
    Allowance,
    AppRequest,
    Approval,
    AuditKey,
    AuditRecord,
    AuditSegment,
    AuditState,
    Brand,
    BrandFile,
    BulkStop,
    Client,
    DelegateTree,
    CatalogRevision,
    Epoch,
    Erasure,
    Event,
    Factor,
    Grant,
    GroupMember,
    IdempotentCall,
    Identity,
    Job,
    IndexState,
    LastUse,
    Membership,
    Organization,
    OrganizationGroup,
    SingleUse,
    PasskeyDomain,
    Pending,
    PersonKey,
    Policy,
    ProvisionedGroup,
    ProvisionedUser,
    Receipt,
    ResourceServer,
    RoleBinding,
    Session,
    Signal,
    SigningKey,
    Statistic,
    Stream,
    Throttle,
    TokenFamily,
    UnsealedRecord,
    User,
)
"""Every kind of record that a store holds."""


CALL_TIMEOUT: Final = 1.5
"""Seconds within which a call returns."""


class Unavailable(Exception):
    """The store cannot answer now. The outcome of a commit is then unknown."""


class Damaged(Unavailable):
    """One stored row cannot be read; the others can."""


class TokenUnavailable(Unavailable):
    """The token with the signing keys doesn't sign. The text names it, and says how to fix it."""


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
        """Read one page of a list for people. Of a search (`model.search.SearchQuery`), it has
        fewer records than there are if some have changed meanwhile. Raises Unavailable,
        WrongCursor."""
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


class StoreLayer:
    """A store in front of another one, which it passes these calls on to. What it does itself, it
    does in `read` and `commit`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def page(self, query: PageQuery[R]) -> Page[R]:
        return await self.store.page(query)

    async def log(self, after: int, *, limit: int = 100) -> Log:
        return await self.store.log(after, limit=limit)

    async def sweep(self, now: int, *, events_before: int = 0) -> int:
        return await self.store.sweep(now, events_before=events_before)

    async def close(self) -> None:
        await self.store.close()


def milliseconds() -> int:
    """The time now, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


STEP: Final = 200
"""Records that `every_record` reads at a time."""


async def every_record(store: Store, kind: type[R]) -> AsyncIterator[Sequence[R]]:
    """All records of a kind, some at a time, in the store's own order. Raises Unavailable."""
    before = ""
    while True:
        page = await store.page(PageQuery(record=kind, before=before, limit=STEP, walk=True))
        yield page.records
        before = page.next
        if not before:
            return


# Time limits for callers that wait for the database: CALL_TIMEOUT seconds each.
#
# One timer serves all callers of an event loop. They all have the same limit, so the first to come
# is the first to time out. A timer for each call would cost as much as writing a row.

T = TypeVar("T")


class Deadlines:
    """The callers that wait. `says` is the error text for a caller that has waited too long."""

    def __init__(self, says: str) -> None:
        self._says = says
        # A loop is in here for as long as its timer runs.
        self._until: dict[asyncio.AbstractEventLoop, dict[asyncio.Future[Any], float]] = {}

    async def outcome(self, future: asyncio.Future[T]) -> T:
        """Wait for the future and return its result. Raises Unavailable if that takes too long."""
        loop = future.get_loop()
        until = self._until.get(loop)
        if until is None:
            until = self._until[loop] = {}
            loop.call_later(CALL_TIMEOUT, self._ring, loop)
        until[future] = loop.time() + CALL_TIMEOUT
        try:
            return await future
        finally:
            del until[future]

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for future, until in self._until[loop].items():
            if until > now:
                loop.call_at(until, self._ring, loop)
                return
            if not future.done():
                future.set_exception(Unavailable(self._says))
        del self._until[loop]


# Checks which values every database can hold.

UNREADABLE: Final = (msgspec.DecodeError, ValueError)
"""The errors that decoders raise for a damaged row."""


def is_name(text: str) -> bool:
    """Whether a text column can hold the text: valid UTF-8 without a zero byte."""
    if "\x00" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_names(names: Iterable[str | None]) -> None:
    """Raise Unstorable for a name that no column can hold."""
    for name in names:
        # Most names are printable ASCII, which is always one.
        if name and not (name.isascii() and name.isprintable()) and not is_name(name):
            raise Unstorable("a name with half a character or a zero byte")


def damaged(table: str, error: Exception, *, key: str = "") -> Damaged:
    """The error to raise for a row that cannot be read."""
    which = f"the row {key!r}" if key else "a row"
    return Damaged(f"{which} of the table {table} is damaged: {error}")


# The stored change log. Each entry has a number and a random mark, and expires when it has no more
# use.
#
# It has two tables: `log`, with one row for each entry, and `log_head`, whose one row holds the
# last number.

MARK: Final = 8
"""Length of a mark in bytes."""

decoder: Final = msgspec.json.Decoder(Entry)


def marked(entries: Sequence[Entry]) -> list[Entry]:
    """The entries with the time and a mark each, for a store that assigns the numbers itself."""
    now = int(time.time())
    return [msgspec.structs.replace(one, at=now, mark=urandom(MARK).hex()) for one in entries]


def forget_at(entry: Entry) -> int:
    """The time (seconds since 1970) from which a sweep may delete the entry. The sweep deletes in
    order of number, so the rest has no gap even if the clocks of two nodes differ."""
    return entry.at + RETENTION


def read_entry(seq: int, body: bytes | str) -> Entry:
    """Decode the entry in a row. Raises Damaged."""
    try:
        return msgspec.structs.replace(decoder.decode(body), seq=seq)
    except UNREADABLE as error:
        raise damaged("log", error) from error
