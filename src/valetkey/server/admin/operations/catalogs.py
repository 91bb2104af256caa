"""Catalogs: their revisions and differences, and what a new catalog would change for people."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from valetkey.server.admin.lists import page_of
from valetkey.server.admin.operation import (
    AnyCall,
    AnyOperation,
    Call,
    ItemPage,
    ListQuery,
    Nothing,
    Operation,
    Parameters,
)
from valetkey.server.admin.operations.resources import as_plain, find_api
from valetkey.server.admin.operations.users import Time
from valetkey.server.admin.problems import Problem, find
from valetkey.server.model import search
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import Many, Rule
from valetkey.server.model.resource import CatalogRevision, ResourceServer
from valetkey.server.oauth.admin.catalogs import differences, mistakes
from valetkey.server.oauth.core.context import Context
from valetkey.wire.catalog import Catalog

STEP: Final = 500
"""Grants of one page, where they are counted."""


class RevisionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A catalog as it was registered."""

    number: int
    at: Time
    by: str
    permissions: int


class RevisionPage(ItemPage, frozen=True, kw_only=True):
    """Revisions, newest first."""

    items: tuple[RevisionSummary, ...]


class RevisionDetail(RevisionSummary, frozen=True, kw_only=True):
    """A catalog as it was registered."""

    catalog: dict[str, Any]


class RevisionQuery(Parameters, frozen=True, kw_only=True):
    """With which revision to compare; 0 for the one in force."""

    against: Annotated[int, Meta(ge=0, lt=10**9)] = 0


class CatalogDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A difference: `+` for new, `-` for dropped, `~` for changed. `grants` is how many live grants
    have the permission now, or for a new one, how many have another one of this API: these people
    see a new line. 10001 stands for more than 10,000."""

    sign: str
    name: str
    says: str
    grants: int


class CatalogDifferences(msgspec.Struct, frozen=True, kw_only=True):
    """All differences, dropped ones first. `mistakes` are why a catalog cannot be registered."""

    items: tuple[CatalogDifference, ...]
    mistakes: tuple[str, ...] = ()


class CatalogOrder(Parameters, frozen=True, kw_only=True):
    """A catalog, as a file for `valetkey apply` has it."""

    catalog: dict[str, Any]


def _revision(one: CatalogRevision) -> RevisionSummary:
    return RevisionSummary(
        number=one.number, at=one.at, by=one.by, permissions=len(one.catalog.permissions)
    )


async def list_revisions(call: Call[ListQuery, Nothing]) -> RevisionPage:
    """The history of a catalog."""
    items, following = await page_of(
        call, CatalogRevision, _revision, index="server", value=call.path["api"]
    )
    return RevisionPage(items=items, next=following)


def _find_revision(call: AnyCall, number: str) -> Rule[CatalogRevision]:
    name = f"{call.path['api']} {int(number):08d}" if number.isascii() and number.isdigit() else ""
    return find(CatalogRevision, name, what="revision", name=number)


async def show_revision(call: Call[Nothing, Nothing]) -> RevisionDetail:
    """One revision."""
    one = await call.ask(lambda _: _find_revision(call, call.path["revision"]))
    return RevisionDetail(**msgspec.structs.asdict(_revision(one)), catalog=as_plain(one.catalog))


async def compare_revision(call: Call[RevisionQuery, Nothing]) -> CatalogDifferences:
    """What differs from this revision to another one."""

    def rule(_: Context) -> Rule[tuple[Catalog, Catalog]]:
        old = yield from _find_revision(call, call.path["revision"])
        if call.query.against:
            new = (yield from _find_revision(call, str(call.query.against))).catalog
        else:
            new = (yield from find_api(call.path["api"])).catalog
        return old.catalog, new

    return await _differences(call, *await call.ask(rule))


async def preview_catalog(call: Call[Nothing, CatalogOrder]) -> CatalogDifferences:
    """What a catalog would change."""
    try:
        new = msgspec.convert(call.body.catalog, Catalog)
    except msgspec.ValidationError as error:
        raise Problem("not-valid", mistakes=[f"catalog: {error}"]) from error

    def rule(context: Context) -> Rule[tuple[ResourceServer, list[str]]]:
        server = yield from find_api(call.path["api"])
        query = Many(ResourceServer)
        others = [one for one in (yield (query,)).many(query) if one.id != server.id]
        changed = msgspec.structs.replace(server, catalog=new)
        issuer = context.installation.issuer
        return server, mistakes(changed, others=others, issuer=issuer)

    server, wrong = await call.ask(rule)
    result = await _differences(call, server.catalog, new)
    return msgspec.structs.replace(result, mistakes=tuple(wrong))


async def _differences(call: AnyCall, old: Catalog, new: Catalog) -> CatalogDifferences:
    items = []
    every: int | None = None
    for one in differences(old, new):
        if old.permission(one.name) is not None:
            grants = await _count(call, (one.name,))
        elif one.sign == "+" and new.permission(one.name) is not None:
            if every is None:
                every = await _count(call, tuple(each.id for each in old.permissions))
            grants = every
        else:
            grants = 0
        items.append(CatalogDifference(sign=one.sign, name=one.name, says=one.says, grants=grants))
    return CatalogDifferences(items=tuple(items))


async def _count(call: AnyCall, permissions: tuple[str, ...]) -> int:
    """The number of live grants that have one of the permissions, up to `MOST_COUNTED` + 1."""
    if len(permissions) == 1:
        prefix = search.of_permission(permissions[0])
        page = await call.services.page(search.beginning(Grant, prefix, count=True, limit=1))
        return page.total or 0
    names: set[str] = set()
    for permission in permissions:
        query = search.beginning(Grant, search.of_permission(permission), limit=STEP)
        while len(names) <= search.MOST_COUNTED:
            page = await call.services.page(query)
            names |= {one.id for one in page.records}
            if not page.next:
                break
            query = msgspec.structs.replace(query, before=page.next)
    return min(len(names), search.MOST_COUNTED + 1)


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="resources.revisions",
        method="GET",
        path="/resources/{api}/revisions",
        permission="catalog.read",
        query=ListQuery,
        body=Nothing,
        response=RevisionPage,
        run=list_revisions,
        summary="List the revisions of a catalog",
    ),
    Operation(
        name="resources.revision",
        method="GET",
        path="/resources/{api}/revisions/{revision}",
        permission="catalog.read",
        query=Nothing,
        body=Nothing,
        response=RevisionDetail,
        run=show_revision,
        summary="Show a revision of a catalog",
    ),
    Operation(
        name="resources.difference",
        method="GET",
        path="/resources/{api}/revisions/{revision}/difference",
        permission="catalog.read",
        query=RevisionQuery,
        body=Nothing,
        response=CatalogDifferences,
        run=compare_revision,
        summary="Compare a revision of a catalog with another one",
    ),
    Operation(
        name="resources.preview",
        method="POST",
        path="/resources/{api}/preview",
        permission="catalog.read",
        query=Nothing,
        body=CatalogOrder,
        response=CatalogDifferences,
        run=preview_catalog,
        summary="Preview a catalog",
        description="What would differ from the catalog in force, and for how many grants. Nothing "
        "is changed: `valetkey apply` does that.",
        narrows=True,
    ),
)
