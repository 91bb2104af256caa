"""How a rule asks for what it needs.

A rule is a generator. It yields what it wants, is sent what was found, and returns its decision:

    def decide(code: Code) -> Rule[Decision]:
        family = One(TokenFamily, code.family_id)
        found = yield (family,)
        if found.one(family) is None: ...

It does no I/O, so it reads from top to bottom and can be run by hand in a test.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec

from valetkey.server.model.change import Change, Count
from valetkey.server.model.counters import Throttle
from valetkey.server.model.record import Record

R = TypeVar("R", bound=Record)
T = TypeVar("T")


class One(msgspec.Struct, Generic[R], frozen=True):
    """The record of this key."""

    record: type[R]
    key: str


class RecentOne(One[R], Generic[R], frozen=True):
    """The same, as it was a second ago at the most: for what an administrator changes, and what
    takes a moment to get around in any case."""


class With(One[R], Generic[R], frozen=True):
    """The same, and with it what its fields name, because the rule is going to want that next. Each
    of `others` is a field, and the kind of record whose key it holds. A store may bring them at
    once, all of one moment, or wait until they are wanted: the rule cannot tell."""

    others: tuple[tuple[str, type[Record]], ...]


class OneByAlias(msgspec.Struct, Generic[R], frozen=True):
    """The record of this second name."""

    record: type[R]
    alias: str


class Many(msgspec.Struct, Generic[R], frozen=True):
    """The records whose field `index` has this value, oldest key first; all where `index` is ""."""

    record: type[R]
    index: str = ""
    value: str = ""


Query: TypeAlias = One[Any] | OneByAlias[Any] | Many[Any]
"""What a store answers."""

DocumentKind: TypeAlias = Literal["keys", "client", "sector", "request", "logo"]
"""What a document is for, which decides how large it may be: a JWK Set, a client's metadata, the
redirect URIs of a sector, an authorization request."""


Party: TypeAlias = Literal["declared", "known", "stranger"]
"""For whom a document is fetched: for those whom the operator wrote down, for an app that wrote
itself down and that a user said yes to, or for anybody."""


class DocumentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What another host publishes at this address. It is another's word: a rule believes of it only
    what it has checked. `again`: what is remembered of it will not do (within limits). For a
    `stranger`, `address` is where the call came from, "" where that is not known."""

    url: str
    kind: DocumentKind
    again: bool = False
    party: Party = "declared"
    address: str = ""


class Document(msgspec.Struct, frozen=True):
    """What was published there; JSON, but for a request and a logo. `fetched` is when, in
    seconds since 1970."""

    body: bytes
    fetched: int


class Unreachable(msgspec.Struct, frozen=True):
    """There is nothing to be had from there. `why` is for the log; it holds no secret. `temporary`:
    it may come in a moment."""

    why: str
    temporary: bool = False


class CommitAlways(msgspec.Struct, frozen=True):
    """Nothing to find: a change that is written whatever the rule comes to, a refusal included. It
    is for what a proof uses up, such as an assertion that counts once."""

    change: Change


class Results(msgspec.Struct, frozen=True):
    """What a read found, typed by what was asked. `more` was brought along (see `With`)."""

    rows: Mapping[Query, tuple[Record, ...]]
    documents: Mapping[DocumentRequest, Document | Unreachable] = {}
    more: Mapping[Query, tuple[Record, ...]] = {}
    counters: Mapping[Count, Throttle] = {}

    def document(self, want: DocumentRequest) -> Document | Unreachable:
        """What the other host publishes, or why there is nothing."""
        return self.documents[want]

    def counter(self, count: Count) -> Throttle:
        """The counter, with this count in it and none that came after."""
        return self.counters[count]

    def with_records(self, records: Mapping[Query, tuple[Record, ...]]) -> "Results":
        """The same, with records that were known already."""
        return Results({**self.rows, **records}, self.documents, more=self.more)

    def records(self, want: Query) -> tuple[Record, ...]:
        """What answers the want; nothing, where it was not asked."""
        return self.rows.get(want, ())

    def with_documents(
        self, documents: Mapping[DocumentRequest, Document | Unreachable]
    ) -> "Results":
        """The same, with what was found outside."""
        return Results(self.rows, documents, more=self.more)

    def with_counters(self, counters: Mapping[Count, Throttle]) -> "Results":
        """The same, with what was counted."""
        return Results(self.rows, self.documents, more=self.more, counters=counters)

    def along(self, wants: Sequence[Any]) -> "Results | None":
        """What was brought along for these wants; None where it was not, for all of them."""
        more = self.more
        return Results(more) if more and all(map(more.__contains__, wants)) else None

    def one(self, want: One[R] | OneByAlias[R]) -> R | None:
        """The record, or None where there is none."""
        for record in self.rows[want]:
            if isinstance(record, want.record):
                return record
        return None

    def many(self, want: Many[R]) -> tuple[R, ...]:
        """The records, oldest key first."""
        return tuple(one for one in self.rows[want] if isinstance(one, want.record))


Rule: TypeAlias = Generator[tuple[Query | DocumentRequest | CommitAlways | Count, ...], Results, T]
"""A `Count` that a rule yields is committed at once, whatever the rule comes to, and answered by
the counter: so an attempt is counted before it is judged. It is counted once, however often the
rule is decided again."""


class PageQuery(msgspec.Struct, Generic[R], frozen=True, kw_only=True):
    """A list for people: as `Many`, newest key first, at most `limit`, from before the key
    `before` ("" for the start, and so may count what is no record's key). With `walk`, and without
    an index, it comes to all in an order of the store's own that costs least: for whoever goes
    through everything."""

    record: type[R]
    index: str = ""
    value: str = ""
    before: str = ""
    limit: int = 50
    walk: bool = False


class Page(msgspec.Struct, Generic[R], frozen=True):
    """One page of a list. `next` is the `before` of the following page, "" at the end."""

    records: tuple[R, ...]
    next: str = ""
