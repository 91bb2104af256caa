"""What files declare: catalogs and policies, to look at."""

from typing import Final

from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.policy import Policy
from valetkey.server.model.query import One, PageQuery
from valetkey.server.model.record import stored_fields
from valetkey.server.model.resource import CatalogRevision, ResourceServer
from valetkey.server.pages import presenters
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.components import (
    App,
    Destination,
    Reach,
    Trust,
)
from valetkey.server.pages.consent import ConsentView
from valetkey.server.pages.console.listings import (
    CatalogPermission,
    CatalogRow,
    CatalogsView,
    CatalogView,
    PoliciesView,
    PolicyRow,
    PolicyView,
)
from valetkey.server.pages.console.names import from_segment, segment
from valetkey.server.pages.console.parts import REASON, Area
from valetkey.server.pages.console.settings import text_of
from valetkey.server.pages.console.staff import Console, address
from valetkey.server.pages.frame import NoSuchPage
from valetkey.wire.catalog import Catalog, Permission

CATALOGS: Final = Area.CATALOGS.path
CATALOG: Final = f"{CATALOGS}/{{resource}}"
PREVIEW: Final = f"{CATALOG}/preview"
POLICIES: Final = Area.POLICIES.path
POLICY: Final = f"{POLICIES}/{{policy}}"

NAME: Final = 60
"""Characters of a name."""

VERSIONS: Final = 20
"""Versions of a catalog on its page."""


class CatalogsPage:
    """`/console/catalogs`, and the pages of catalogs below it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._store = console.frame.shell.store

    async def list(self, request: Request) -> Reply:
        """List the APIs."""
        staff = await self._console.enter(request, Area.CATALOGS)
        cursor = request.parameters().get("cursor", "")
        page = await self._store.page(PageQuery(record=ResourceServer, before=cursor, limit=100))
        view = CatalogsView(
            **self._console.around(staff, Area.CATALOGS),
            rows=tuple(
                CatalogRow(
                    name=plain(one.catalog.name, NAME) or one.id,
                    resource=plain(one.catalog.resource, REASON),
                    permissions=len(one.catalog.permissions),
                    href=f"{CATALOGS}/{segment(one.id)}",
                )
                for one in page.records
            ),
            next=address(CATALOGS, cursor=page.next) if page.next else None,
        )
        return self._console.page(request, view)

    async def show(self, request: Request) -> Reply:
        """Show a version of one catalog, and what it changed."""
        staff = await self._console.enter(request, Area.CATALOGS)
        server = await self._server(request)
        here = f"{CATALOGS}/{segment(server.id)}"
        revisions = await self._store.page(
            PageQuery(record=CatalogRevision, index="server", value=server.id, limit=VERSIONS)
        )
        versions = {one.number: one for one in revisions.records}
        text = request.parameters().get("version", "")
        number = int(text) if text.isdecimal() and len(text) < 9 else server.revision
        if number not in versions and number != server.revision:
            raise NoSuchPage
        catalog = versions[number].catalog if number in versions else server.catalog
        before = versions[number - 1].catalog if number - 1 in versions else None
        view = CatalogView(
            **self._console.around(staff, Area.CATALOGS),
            name=plain(catalog.name, NAME) or server.id,
            resource=plain(catalog.resource, REASON),
            permissions=_difference(catalog, before),
            scopes=tuple(catalog.scopes.items()),
            preview=f"{here}/preview",
            version=number,
            versions=tuple(
                (one.number, one.at, address(here, version=str(one.number)))
                for one in revisions.records
            ),
        )
        return self._console.page(request, view)

    async def preview(self, request: Request) -> Reply:
        """The consent page of an app that asks for all of the catalog. Its buttons lead back."""
        staff = await self._console.enter(request, Area.CATALOGS)
        server = await self._server(request)
        here = f"{CATALOGS}/{segment(server.id)}"
        language = self._console.frame.language(request)
        view = ConsentView(
            site=self._console.frame.site,
            form=await self._console.form(request, staff),
            account=self._console.frame.account(staff.person.user),
            app=App(client_id="preview", name="Example app", trust=Trust.UNVERIFIED),
            destination=Destination(reach=Reach.WEB, place="app.example"),
            requested=tuple(
                presenters.requestable(one, "", language) for one in server.catalog.permissions
            ),
            cannot=(),
            apps=here,
        )
        return self._console.frame.page(request, view)

    async def leave(self, request: Request) -> Reply:
        """Go back to the catalog: a preview decides nothing."""
        staff = await self._console.enter(request, Area.CATALOGS)
        await self._console.posted(request, staff)
        server = await self._server(request)
        return see_other(f"{CATALOGS}/{segment(server.id)}")

    async def _server(self, request: Request) -> ResourceServer:
        query = One(ResourceServer, from_segment(request.path_parameters["resource"]))
        server = (await self._store.read(query)).one(query)
        if server is None:
            raise NoSuchPage
        return server


def _difference(now: Catalog, before: Catalog | None) -> tuple[CatalogPermission, ...]:
    """The permissions of a version, those that it removed last."""
    old = {} if before is None else {one.id: one for one in before.permissions}
    new = {one.id for one in now.permissions}
    rows = [
        _permission(
            one,
            ""
            if before is None or old.get(one.id) == one
            else "changed"
            if one.id in old
            else "added",
        )
        for one in now.permissions
    ]
    gone = [_permission(one, "removed") for name, one in old.items() if name not in new]
    return (*rows, *gone)


def _permission(one: Permission, change: str) -> CatalogPermission:
    return CatalogPermission(
        id=one.id,
        can=plain(one.can, REASON),
        kind=one.group,
        risk=one.risk,
        counted=one.counted,
        implies=one.implies,
        change=change,
    )


class PoliciesPage:
    """`/console/policies`, and the pages of policies below it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._store = console.frame.shell.store

    async def list(self, request: Request) -> Reply:
        """List the policies."""
        staff = await self._console.enter(request, Area.POLICIES)
        cursor = request.parameters().get("cursor", "")
        page = await self._store.page(PageQuery(record=Policy, before=cursor, limit=100))
        view = PoliciesView(
            **self._console.around(staff, Area.POLICIES),
            rows=tuple(
                PolicyRow(
                    name=plain(one.name, NAME),
                    set=len(_rules(one)),
                    href=f"{POLICIES}/{segment(one.name)}",
                )
                for one in page.records
            ),
            next=address(POLICIES, cursor=page.next) if page.next else None,
        )
        return self._console.page(request, view)

    async def show(self, request: Request) -> Reply:
        """Show one policy."""
        staff = await self._console.enter(request, Area.POLICIES)
        query = One(Policy, from_segment(request.path_parameters["policy"]))
        policy = (await self._store.read(query)).one(query)
        if policy is None:
            raise NoSuchPage
        view = PolicyView(
            **self._console.around(staff, Area.POLICIES),
            name=plain(policy.name, NAME),
            rules=_rules(policy),
        )
        return self._console.page(request, view)


def _rules(policy: Policy) -> tuple[tuple[str, str], ...]:
    """What differs from the default, as names and values."""
    return tuple(
        (name, plain(text_of(value), REASON))
        for name, value in stored_fields(policy).items()
        if name not in ("name", "version")
    )
