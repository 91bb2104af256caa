"""The search index: the terms by which administrators find users, apps, grants, their last
use, and organizations.

A term is one byte for its facet, and a value. Stores keep each term of a record beside its key, in
the record's own commit. So a search is a short range of a tree, whatever the number of records, and
a list that is read after a write shows it.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from valetkey.jose import base64url
from valetkey.server.model import ids
from valetkey.server.model.client import Client
from valetkey.server.model.confusable import folded
from valetkey.server.model.grant import Grant
from valetkey.server.model.last_use import LastUse
from valetkey.server.model.organization import Organization
from valetkey.server.model.query import PageQuery
from valetkey.server.model.record import Record
from valetkey.server.model.user import User, typed_name
from valetkey.wire import address

R = TypeVar("R", bound=Record)

MOST_COUNTED: Final = 10_000
"""A count stops here: `MOST_COUNTED + 1` stands for more."""

MOST_BYTES: Final = 200
"""Of a text in a term; the rest of it is not searched."""

MOST_WORDS: Final = 8
MOST_DOMAINS: Final = 20

# The facets. A facet belongs to one kind of record, and keeps its letter forever.
EMAIL: Final = b"e"
NAME: Final = b"n"
SIGN_IN_NAME: Final = b"u"
EXTERNAL_ID: Final = b"x"
CREATED: Final = b"c"
APP_NAME: Final = b"a"
APP_WORD: Final = b"w"
DOMAIN: Final = b"d"
OWNER: Final = b"o"
LIVE: Final = b"g"
PAUSED: Final = b"h"
STOPPED: Final = b"i"
PERMISSION: Final = b"p"
USED_APP: Final = b"l"
USED: Final = b"m"
ACTIVE: Final = b"v"
ORGANIZATION: Final = b"b"


class SearchQuery(PageQuery[R], Generic[R], frozen=True, kw_only=True):
    """Query for one page of the records with a term from `first` on, before `end`: in the order of
    their terms and keys, or with `newest` in the reverse order. `before` is the `next` of the page
    before. With `count`, the page has their number, up to `MOST_COUNTED`."""

    first: bytes
    end: bytes
    newest: bool = False
    count: bool = False


def exactly(record: type[R], term: bytes, **more: Any) -> SearchQuery[R]:
    """Query for the records with this term."""
    return SearchQuery(record=record, first=term, end=term + b"\0", **more)


def beginning(record: type[R], prefix: bytes, **more: Any) -> SearchQuery[R]:
    """Query for the records with a term that begins so."""
    return SearchQuery(record=record, first=prefix, end=after_prefix(prefix), **more)


def after_prefix(prefix: bytes) -> bytes:
    """The first bytes after all that begin with `prefix`, which has a byte below 255."""
    prefix = prefix.rstrip(b"\xff")
    return prefix[:-1] + bytes([prefix[-1] + 1])


def text(facet: bytes, value: str) -> bytes:
    """The term for a text, without case and compatibility forms."""
    return facet + folded(value).encode(errors="surrogatepass")[:MOST_BYTES]


def domain(host: str) -> bytes:
    """The term for a host, and the prefix for those below it: its labels, the last one first."""
    labels = reversed([one for one in host.lower().split(".") if one])
    return DOMAIN + ("".join(f"{one}." for one in labels)).encode()[:MOST_BYTES]


def of_app(facet: bytes, client: str, day: int | None = None) -> bytes:
    """The term for an app; with a day (since 1970), for that day."""
    return facet + _mark(client, 12) + (b"" if day is None else on_day(day))


def of_permission(permission: str, client: str = "") -> bytes:
    """The term for a permission that an app has; the prefix for any app."""
    return PERMISSION + _mark(permission, 8) + (_mark(client, 12) if client else b"")


def on_day(day: int) -> bytes:
    """A day since 1970, in the order of days."""
    return max(0, day).to_bytes(4, "big")


def _mark(name: str, length: int) -> bytes:
    return hashlib.sha256(name.encode(errors="surrogatepass")).digest()[:length]


# --- the terms of each kind ----------------------------------------------------------------------


def _user(user: Any) -> Iterator[bytes]:
    yield CREATED + on_day(user.created)
    yield text(SIGN_IN_NAME, typed_name(user))
    if user.email:
        yield text(EMAIL, user.email)
    if user.external:
        yield EXTERNAL_ID + user.external.encode(errors="surrogatepass")[:MOST_BYTES]
    yield from (text(NAME, one) for one in _names(user.claims.get("name", "")))
    if family := user.claims.get("family_name", ""):
        yield text(NAME, family)


def _names(name: str) -> Iterable[str]:
    """A name and its words, each of which people may search for."""
    words = name.split()
    return (name, *words[:MOST_WORDS]) if words else ()


def _client(client: Any) -> Iterator[bytes]:
    yield text(APP_NAME, client.name)
    yield from (text(APP_WORD, one) for one in _names(client.name))
    uris = (client.uri, *client.redirect_uris, client.id)
    hosts = dict.fromkeys(host for uri in uris if (host := address.host(uri)))
    yield from (domain(host) for host in list(hosts)[:MOST_DOMAINS])
    if client.owner:
        yield OWNER + client.owner.encode(errors="surrogatepass")[:MOST_BYTES]


def _grant(grant: Any) -> Iterator[bytes]:
    if grant.status == "stopped":
        yield of_app(STOPPED, grant.client)
        return
    yield of_app(LIVE, grant.client)
    if grant.status == "paused":
        yield of_app(PAUSED, grant.client)
    yield from (of_permission(one, grant.client) for one in grant.permissions)


def _last_use(use: Any) -> Iterator[bytes]:
    if not use.client:
        yield ACTIVE + on_day(use.day)
        return
    yield USED + on_day(use.day)
    yield of_app(USED_APP, use.client, use.day)


def _organization(its: Any) -> Iterator[bytes]:
    yield from (text(ORGANIZATION, one) for one in (its.id, *_names(its.name)))


SEARCHED: Final[dict[type[Record], Callable[[Any], Iterable[bytes]]]] = {
    User: _user,
    Client: _client,
    Grant: _grant,
    LastUse: _last_use,
    Organization: _organization,
}
"""The kinds of records that are searched."""

TERMS: Final = 1
"""Counts the versions of these terms. With a new one, servers index all records again."""


def terms_of(record: Record) -> frozenset[bytes]:
    """The terms of a record; empty if its kind is not searched."""
    its = SEARCHED.get(type(record))
    return frozenset() if its is None else frozenset(its(record))


def stored_key(record: Record) -> bytes:
    """The key as the index has it: an id as its bytes, another name as text. Raises ValueError."""
    return ids.to_bytes(record.key) if record.rank else record.key.encode()


def written_key(kind: type[Record], stored: bytes) -> str:
    """The reverse of `stored_key`."""
    return ids.to_text(stored) if kind.rank else stored.decode()


# --- pages ---------------------------------------------------------------------------------------


Place: TypeAlias = tuple[bytes, bytes]
"""A term and a key: where a page begins or ends."""


_places: Final = msgspec.msgpack.Decoder(tuple[bytes, bytes])


class WrongCursor(ValueError):
    """The cursor is not one of this list."""


def cursor(place: Place) -> str:
    """The place as the `before` of a query."""
    return base64url.encode(msgspec.msgpack.encode(place))


def start(query: SearchQuery[Any]) -> Place:
    """Where a page begins, which it does not include. A cursor of another list leads to nothing
    outside of this one. Raises WrongCursor."""
    edge = (query.end if query.newest else query.first), b""
    if not query.before:
        return edge
    try:
        at = _places.decode(base64url.decode(query.before))
    except (ValueError, msgspec.DecodeError) as error:
        raise WrongCursor("not a cursor of this list") from error
    return min(at, edge) if query.newest else max(at, edge)


def is_hit(record: Record, query: SearchQuery[Any]) -> bool:
    """Whether a record is one that the query means. An older server may have changed it, and left
    its terms as they were."""
    return any(query.first <= one < query.end for one in terms_of(record))
