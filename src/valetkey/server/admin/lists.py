"""Pages of lists: cursors that belong to their query."""

import hashlib
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import msgspec

from valetkey.jose import base64url
from valetkey.server.admin.operation import AnyCall
from valetkey.server.admin.problems import Problem
from valetkey.server.http.search_index import is_complete
from valetkey.server.model.query import PageQuery
from valetkey.server.model.record import Record
from valetkey.server.model.search import CREATED, SearchQuery, WrongCursor, beginning
from valetkey.server.model.user import User

R = TypeVar("R", bound=Record)
T = TypeVar("T")


class PagePlace(msgspec.Struct, frozen=True, array_like=True):
    """Where a page begins: after the record with this key, in the list that `query` is a digest
    of."""

    query: str
    before: str


def place_of(call: AnyCall) -> str:
    """The key after which the page begins, "" for the first page. Raises Problem for a cursor that
    is not of this list."""
    cursor = call.query.cursor
    if not cursor:
        return ""
    try:
        place = msgspec.msgpack.decode(base64url.decode(cursor), type=PagePlace)
    except (ValueError, msgspec.DecodeError) as error:
        raise Problem(
            "invalid-request", "cursor is not one of this list", pointer="cursor"
        ) from error
    if place.query != _digest_of_query(call):
        raise Problem("invalid-request", "cursor is one of another list", pointer="cursor")
    return place.before


def cursor_after(call: AnyCall, key: str) -> str | msgspec.UnsetType:
    """The cursor of the page after the record with this key; unset for "", as after the last
    page."""
    if not key:
        return msgspec.UNSET
    return base64url.encode(msgspec.msgpack.encode(PagePlace(_digest_of_query(call), key)))


async def page_of(
    call: AnyCall, kind: type[R], show: Callable[[R], T], *, index: str = "", value: str = ""
) -> tuple[tuple[T, ...], str | msgspec.UnsetType]:
    """The items of a page of records, newest first, and the cursor of the next one. With an
    `index`, only records with this `value`. Raises Problem, Unavailable."""
    page = await call.services.page(
        PageQuery(
            record=kind, index=index, value=value, before=place_of(call), limit=call.query.limit
        )
    )
    return tuple(map(show, page.records)), cursor_after(call, page.next)


async def search_page(
    call: AnyCall, query: SearchQuery[R] | None, show: Callable[[R], T]
) -> tuple[tuple[T, ...], str | msgspec.UnsetType]:
    """The items of a page of a search, and the cursor of the next one; without a query, of all
    users, the newest first. Raises Problem, Unavailable."""
    before, store = place_of(call), call.services.runner.store
    if query is not None:
        request: PageQuery[Any] = query
    elif before.startswith(_WALK) or not (before or await is_complete(store)):
        # The index still lacks some, so this goes through the records themselves.
        before = before.removeprefix(_WALK)
        page = await store.page(
            PageQuery(record=User, before=before, limit=call.query.limit, walk=True)
        )
        following = cursor_after(call, _WALK + page.next if page.next else "")
        return tuple(show(cast("R", one)) for one in page.records), following
    else:
        request = beginning(User, CREATED, newest=True)
    try:
        matches = await store.page(
            msgspec.structs.replace(request, before=before, limit=call.query.limit)
        )
    except WrongCursor as error:
        raise Problem("invalid-request", str(error), pointer="cursor") from error
    return tuple(map(show, matches.records)), cursor_after(call, matches.next)


_WALK: Final = "walk "
"""Begins the place of a page that goes through the records."""


def _digest_of_query(call: AnyCall) -> str:
    query = msgspec.structs.replace(call.query, cursor="", limit=1)
    parts = [call.attempt.operation.name, dict(call.path), msgspec.to_builtins(query)]
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:16]
