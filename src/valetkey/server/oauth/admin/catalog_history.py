"""The history of catalogs: each registered catalog is stored as a numbered revision."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from valetkey.server.model.query import Many, Rule
from valetkey.server.model.record import Record
from valetkey.server.model.resource import CatalogRevision, ResourceServer

Some = TypeVar("Some", bound=Record)


def newest(servers: Iterable[str]) -> Rule[dict[str, int]]:
    """The number of the newest revision of each API, 0 for none; also of removed APIs."""
    queries = {name: Many(CatalogRevision, "server", name) for name in servers}
    results = yield tuple(queries.values())
    return {
        name: max((one.number for one in results.many(editions)), default=0)
        for name, editions in queries.items()
    }


def numbered(before: Record | None, after: Some, newest: Mapping[str, int]) -> Some:
    """A resource server with a new catalog gets the next revision; other records stay as they
    are."""
    if not isinstance(after, ResourceServer) or not _is_new(before, after):
        return after
    return msgspec.structs.replace(after, revision=newest[after.id] + 1)


def new_revisions(
    before: Record | None, after: Record, *, at: int, by: str
) -> Iterator[CatalogRevision]:
    """The catalog revision to store where a resource server's catalog changes."""
    if isinstance(after, ResourceServer) and _is_new(before, after):
        yield CatalogRevision(
            server=after.id, number=after.revision, catalog=after.catalog, at=at, by=by
        )


def _is_new(before: Record | None, after: ResourceServer) -> bool:
    was = before.catalog if isinstance(before, ResourceServer) else None
    return after.catalog != was
