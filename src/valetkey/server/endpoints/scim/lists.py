"""Lists of users and groups (RFC 7644 3.4.2, RFC 9865): found by an index, or by a bounded scan.

A filter costs no more than MAX_SCAN records, whatever it says. A client that reads more pages with
a cursor, where each page goes on after the last one.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec
from scim2_models import URN
from scim2_models.exceptions import (
    InvalidCursorException,
    InvalidFilterException,
    InvalidValueException,
    NotImplementedException,
    TooManyException,
)
from scim2_models.path import FilterNode

from valetkey.server.endpoints.scim import filters
from valetkey.server.endpoints.scim.schemas import Document, Model
from valetkey.server.model.directory import GroupMember
from valetkey.server.model.query import One, PageQuery, Query
from valetkey.server.model.record import Record
from valetkey.server.oauth.endpoints.scim import MAX_PAGE
from valetkey.server.store.batching import yield_once
from valetkey.server.store.port import Store
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 9865", "2")

R = TypeVar("R", bound=Record)

MAX_SCAN: Final = 10_000
"""Records that one request looks at."""

MEMBERS: Final = frozenset({"members", "members.value"})
"""The paths of members."""

_CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{0,100}", re.ASCII)

STEP: Final = 200
"""Records of one read. Other requests go on between two."""

SCHEMA: Final = str(URN("urn:ietf:params:scim:api:messages:2.0:ListResponse"))


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks for. `start` counts from 1. `cursor` is "" for the first page, None for
    pages by number; the others are "" for nothing."""

    filter: str = ""
    start: int = 1
    count: int = MAX_PAGE
    cursor: str | None = None
    attributes: str = ""
    excluded: str = ""


LookUp: TypeAlias = Callable[[str, str], Query | PageQuery[Any]]
"""From a source and a value to the query that finds the records."""


class Kind(msgspec.Struct, Generic[R], frozen=True, kw_only=True):
    """A kind of resource. `lookups` are for equalities in filters, by the attribute's lower-case
    path. `document` is what filters see."""

    record: type[R]
    model: Model
    lookups: Mapping[str, LookUp]
    document: Callable[[R], Document]


class ResultPage(msgspec.Struct, Generic[R], frozen=True, kw_only=True):
    """One page. `total` is how many records match, None if it is not known. `next` is the cursor of
    the next page, "" on the last one."""

    records: tuple[R, ...]
    total: int | None
    next: str = ""


def read(parameters: Mapping[str, Any]) -> Listing:
    """The listing that a query or a search request asks for. Raises SCIMException."""
    if parameters.get("sortBy"):
        raise NotImplementedException(detail="sorting is not supported")
    cursor = parameters.get("cursor")
    return Listing(
        filter=_text(parameters, "filter"),
        start=max(1, _number(parameters, "startIndex", 1)),
        count=min(MAX_PAGE, max(0, _number(parameters, "count", MAX_PAGE))),
        cursor=None if cursor is None else _text(parameters, "cursor"),
        attributes=_text(parameters, "attributes"),
        excluded=_text(parameters, "excludedAttributes"),
    )


def _text(parameters: Mapping[str, Any], name: str) -> str:
    value = parameters.get(name, "")
    if isinstance(value, list):
        value = ",".join(map(str, value))
    if not isinstance(value, str):
        raise InvalidValueException(detail=f"{name} is no text")
    return value


def _number(parameters: Mapping[str, Any], name: str, default: int) -> int:
    value = parameters.get(name, default)
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) < 10:
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidValueException(detail=f"{name} is no number")
    return value


class Lister(Generic[R]):
    """Finds the resources of one kind that a source has."""

    def __init__(self, store: Store, kind: Kind[R], source: str) -> None:
        self._store = store
        self._kind = kind
        self._source = source

    async def find(self, listing: Listing) -> ResultPage[R]:
        """The page. Raises SCIMException, Unavailable."""
        node = filters.parse(listing.filter, self._kind.model) if listing.filter else None
        indexed = None if node is None else await self._by_index(node)
        if indexed is not None:
            first = listing.start - 1
            return ResultPage(records=indexed[first : first + listing.count], total=len(indexed))
        if listing.cursor is not None:
            return await self._after(node, listing)
        return await self._numbered(node, listing)

    async def _by_index(self, node: FilterNode) -> tuple[R, ...] | None:
        """The matching records, if an index finds them; None if none does."""
        for name, value in filters.equalities(node).items():
            look_up = self._kind.lookups.get(name)
            if look_up is None:
                continue
            records = await self._looked_up(look_up(self._source, value))
            # The members are known by the index alone: a group may have thousands.
            member: Document | None = {"members": [{"value": value}]} if name in MEMBERS else None
            matching = tuple(one for one in records if self._fits(node, one, member))
            # The index of addresses has the first one of each user.
            if matching or not name.startswith("emails"):
                return matching
        if "members" in filters.names(node):
            raise InvalidFilterException(detail="members are found by eq alone, joined by and")
        return None

    async def _looked_up(self, query: Query | PageQuery[Any]) -> tuple[R, ...]:
        records: tuple[Record, ...]
        if isinstance(query, PageQuery):
            page = await self._store.page(query)
            if page.next:
                raise TooManyException(detail=f"more than {query.limit} have this value")
            records = page.records
        else:
            records = (await self._store.read(query)).records(query)
        kind = self._kind.record
        joined = tuple(One(kind, one.group) for one in records if isinstance(one, GroupMember))
        if joined:
            results = await self._store.read(*joined)
            records = tuple(one for want in joined for one in results.records(want))
        return tuple(one for one in records if isinstance(one, kind))

    def _fits(self, node: FilterNode | None, record: R, more: Document | None = None) -> bool:
        if getattr(record, "source", None) != self._source:
            return False
        return node is None or filters.matches(node, self._kind.document(record) | (more or {}))

    async def _numbered(self, node: FilterNode | None, listing: Listing) -> ResultPage[R]:
        """A page by number: all that match are counted."""
        first, records, total = listing.start - 1, list[R](), 0
        scan = Scan(self._store, self._kind, self._source)
        async for record in scan.records():
            if self._fits(node, record):
                if first <= total < first + listing.count:
                    records.append(record)
                total += 1
        if scan.is_whole:
            return ResultPage(records=tuple(records), total=total)
        if node is not None or first >= total:
            raise TooManyException(
                detail=f"there are more than {MAX_SCAN}: use a cursor, or a filter by userName, "
                "externalId or id"
            )
        # There are more: a client that goes on is told to use a cursor, instead of an early end.
        return ResultPage(records=tuple(records), total=total + 1)

    async def _after(self, node: FilterNode | None, listing: Listing) -> ResultPage[R]:
        """A page after a cursor, which is the key of a record. It may be short: a scan ends after
        MAX_SCAN records."""
        cursor, records = listing.cursor or "", list[R]()
        if not _CURSOR.fullmatch(cursor):
            raise InvalidCursorException
        scan, last = Scan(self._store, self._kind, self._source, after=cursor), ""
        async for record in scan.records():
            if len(records) == listing.count:
                return ResultPage(records=tuple(records), total=None, next=last)
            last = record.key
            if self._fits(node, record):
                records.append(record)
        return ResultPage(records=tuple(records), total=None, next="" if scan.is_whole else last)


class Scan(Generic[R]):
    """Goes through the records of a source, at most MAX_SCAN of them."""

    def __init__(self, store: Store, kind: Kind[R], source: str, *, after: str = "") -> None:
        self._store = store
        self._kind = kind
        self._source = source
        self._after = after
        self.is_whole = False
        """Whether it came to the end."""

    async def records(self) -> AsyncIterator[R]:
        """The records. Raises Unavailable."""
        for _ in range(0, MAX_SCAN, STEP):
            page = await self._store.page(
                PageQuery(
                    record=self._kind.record,
                    index="source",
                    value=self._source,
                    before=self._after,
                    limit=STEP,
                )
            )
            for record in page.records:
                yield record
            self._after = page.next
            if not self._after:
                self.is_whole = True
                return
            await yield_once()


def write(page: ResultPage[Any], listing: Listing, resources: list[Document]) -> Document:
    """The response (RFC 7644 3.4.2)."""
    document: Document = {
        "schemas": [SCHEMA],
        "totalResults": page.total,
        "itemsPerPage": len(resources),
        "startIndex": listing.start if listing.cursor is None else None,
        "nextCursor": page.next or None,
        "Resources": resources,
    }
    return {name: value for name, value in document.items() if value is not None}
