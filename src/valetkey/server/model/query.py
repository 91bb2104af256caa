"""The queries that a rule yields, and the results that it gets.

A rule is a generator. It yields queries, receives their results, and returns its decision:

    def decide(code: Code) -> Rule[Decision]:
        family = One(TokenFamily, code.family_id)
        results = yield (family,)
        if results.one(family) is None: ...

A rule does no I/O, so it reads from top to bottom, and a test can run it by hand.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec

from valetkey.server.model.change import Change, Count
from valetkey.server.model.counters import Throttle
from valetkey.server.model.keys import Secret
from valetkey.server.model.record import Record

R = TypeVar("R", bound=Record)
K = TypeVar("K")
T = TypeVar("T")


class One(msgspec.Struct, Generic[R], frozen=True):
    """Query for the record with this key."""

    record: type[R]
    key: str


class RecentOne(One[R], Generic[R], frozen=True):
    """As `One`, but the record may be up to a second old. For records that only administrators
    change."""


class OneByAlias(msgspec.Struct, Generic[R], frozen=True):
    """Query for the record with this alias."""

    record: type[R]
    alias: str


class Many(msgspec.Struct, Generic[R], frozen=True):
    """Query for the records whose field `index` has this value, oldest key first; for all records
    if `index` is ""."""

    record: type[R]
    index: str = ""
    value: str = ""


Query: TypeAlias = One[Any] | OneByAlias[Any] | Many[Any]
"""Queries that a store answers."""

DocumentKind: TypeAlias = Literal[
    "keys", "client", "sector", "request", "logo", "provider", "still_allowed", "consent_check"
]
"""The use of a document, which limits its size: a JWK Set, a client's metadata, the redirect URIs
of a sector, an authorization request, a logo, the metadata of a provider; or a platform's answer:
whether a user is still allowed, where the `url` is the user's id, and what a user may consent to,
where it is the question (see `oauth.authorize.consent_check`)."""


Party: TypeAlias = Literal["declared", "known", "stranger", "upstream"]
"""Whose document the server fetches: that of a client that the operator declared, of a
self-registered client that some user has approved ("known"), of any other ("stranger"), or of a
provider in the settings at which users sign in."""


class DocumentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Query for a document that another host publishes. A rule trusts only what it has checked in
    it. `again`: don't answer from the cache (the server limits how often). For a `stranger`,
    `address` is the network address of the caller, "" if unknown."""

    url: str
    kind: DocumentKind
    again: bool = False
    party: Party = "declared"
    address: str = ""


class Document(msgspec.Struct, frozen=True):
    """A fetched document: JSON, except for an authorization request and a logo. `fetched` is the
    time, in seconds since 1970."""

    body: bytes
    fetched: int


class Unreachable(msgspec.Struct, frozen=True):
    """The document could not be fetched. `why` is for the log and has no secrets. `temporary`: a
    retry may succeed."""

    why: str
    temporary: bool = False


class HashCheck(msgspec.Struct, frozen=True):
    """Question whether a secret has this slow hash (see `accounts.password_forms`). It takes up to
    a third of a second. `address` is the network address of the caller, who waits among others."""

    secret: Secret
    stored: str
    address: str


class CommitAlways(msgspec.Struct, frozen=True):
    """A change that is written whatever the rule decides, even if it refuses. For single-use
    values, such as the `jti` of an assertion."""

    change: Change


class Results(msgspec.Struct, frozen=True):
    """The results of queries. `more` has the results that a store read ahead (see
    `Record.read_ahead`)."""

    rows: Mapping[Query, tuple[Record, ...]]
    documents: Mapping[DocumentRequest, Document | Unreachable] = {}
    more: Mapping[Query, tuple[Record, ...]] = {}
    counters: Mapping[Count, Throttle] = {}
    checks: Mapping[HashCheck, bool] = {}

    def fits(self, want: HashCheck) -> bool:
        """Whether the secret has the hash."""
        return self.checks[want]

    def document(self, want: DocumentRequest) -> Document | Unreachable:
        """The document, or why it could not be fetched."""
        return self.documents[want]

    def counter(self, count: Count) -> Throttle:
        """The counter after this count, without later counts."""
        return self.counters[count]

    def with_records(self, records: Mapping[Query, tuple[Record, ...]]) -> "Results":
        """The results, with more records."""
        return Results({**self.rows, **records}, self.documents, more=self.more)

    def records(self, want: Query) -> tuple[Record, ...]:
        """The records that answer the query; () if it was not among the queries."""
        return self.rows.get(want, ())

    def with_documents(
        self, documents: Mapping[DocumentRequest, Document | Unreachable]
    ) -> "Results":
        """The results, with documents."""
        return Results(self.rows, documents, more=self.more)

    def with_counters(self, counters: Mapping[Count, Throttle]) -> "Results":
        """The results, with counters."""
        return msgspec.structs.replace(self, counters=counters)

    def with_checks(self, checks: Mapping[HashCheck, bool]) -> "Results":
        """The results, with the answers about hashes."""
        return msgspec.structs.replace(self, checks=checks)

    def along(self, wants: Sequence[Any]) -> "Results | None":
        """The results that were read ahead for all of these queries; None if any is missing."""
        more = self.more
        return Results(more) if more and all(map(more.__contains__, wants)) else None

    def one(self, want: One[R] | OneByAlias[R]) -> R | None:
        """The record, or None."""
        for record in self.rows[want]:
            if isinstance(record, want.record):
                return record
        return None

    def many(self, want: Many[R]) -> tuple[R, ...]:
        """The records, oldest key first."""
        return tuple(one for one in self.rows[want] if isinstance(one, want.record))


AnyQuery: TypeAlias = Query | DocumentRequest | HashCheck | CommitAlways | Count
"""What a rule may yield."""

Rule: TypeAlias = Generator[tuple[AnyQuery, ...], Results, T]
"""A rule that returns `T`. A `Count` that a rule yields is committed at once, whatever the rule
decides, and the result is the counter. So an attempt is counted before the rule decides on it. It
is counted once, even if a lost race makes the rule run again."""


def existing(queries: Mapping[K, One[R] | OneByAlias[R]]) -> Rule[dict[K, R]]:
    """The records that exist, by the keys of their queries. Without queries, nothing is read."""
    if not queries:
        return {}
    results = yield tuple(queries.values())
    rows = {key: results.one(query) for key, query in queries.items()}
    return {key: row for key, row in rows.items() if row is not None}


class PageQuery(msgspec.Struct, Generic[R], frozen=True, kw_only=True):
    """Query for one page of a list: as `Many`, but newest key first, at most `limit` records, with
    keys before `before` ("" for the first page). With `walk`, and without an index, the store
    chooses the cheapest order. Use it to go through all records."""

    record: type[R]
    index: str = ""
    value: str = ""
    before: str = ""
    limit: int = 50
    walk: bool = False


class Page(msgspec.Struct, Generic[R], frozen=True):
    """One page of a list. `next` is the `before` of the next page, "" on the last one. `total` is
    the number of all records of the list, if the query counts them (see `model.search`)."""

    records: tuple[R, ...]
    next: str = ""
    total: int | None = None
