"""`valetkey resource sync`, `diff`, `history` and `check`: a catalog follows its API."""

import asyncio
import getpass
import importlib
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from valetkey.cli.catalogs import read_catalog
from valetkey.cli.context import Desk, Failed, Wrong, columns, moment, wrong
from valetkey.cli.declare import declare
from valetkey.cli.options import PATH, YES, Command
from valetkey.cli.published_catalog import fetch_catalog
from valetkey.cli.settle import settled
from valetkey.resource import ResourceServer as Api
from valetkey.resource import Unreachable
from valetkey.resource.check import check as checked
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import One, PageQuery
from valetkey.server.model.resource import CatalogRevision, ResourceServer
from valetkey.server.oauth.admin.apply_plan import DesiredRecord
from valetkey.server.oauth.admin.catalogs import Difference, differences, dropped, forget, touched
from valetkey.server.store.port import Store
from valetkey.wire.catalog import Catalog
from valetkey.wire.catalog import mistakes as mistakes_of

PAGE: Final = 200
"""Grants that are looked at in one step."""

COLORS: Final = {"+": "green", "-": "red", "~": "yellow"}

FROM = click.option(
    "--catalog-file", type=PATH, help="Read it from this file, instead of from the API."
)


@click.command(cls=Command)
@click.argument("name", metavar="ID")
@FROM
@click.option("--exit-code", is_flag=True, help="Exit with 1 where there is a difference.")
@click.pass_obj
def diff(desk: Desk, name: str, *, catalog_file: Path | None, exit_code: bool) -> None:
    """Say what would change if the API's catalog, as it publishes it, were registered."""
    before, after = _catalogs(desk, name, catalog_file)
    found = differences(before.catalog, after)
    counts = desk.run(lambda store: holders(store, dropped(before.catalog, after)))
    _show(desk, found, counts=counts, edition=before.revision)
    if found and exit_code:
        raise click.exceptions.Exit(1)


@click.command(cls=Command)
@click.argument("name", metavar="ID")
@FROM
@YES
@click.pass_obj
def sync(desk: Desk, name: str, *, catalog_file: Path | None, yes: bool) -> None:
    """Register the catalog that the API publishes as the next edition.

    A permission that is new joins no grant. One that is dropped is taken from every grant that
    holds it; where there are any, this has to be confirmed.
    """
    before, after = _catalogs(desk, name, catalog_file)
    found, gone = differences(before.catalog, after), dropped(before.catalog, after)
    if not found:
        _show(desk, found, counts={}, edition=before.revision)
        return
    counts = desk.run(lambda store: holders(store, gone))
    if counts:
        desk.say(lost(counts))
        desk.sure("Take them away from these grants?", yes=yes)
    wish = DesiredRecord(
        place=f"resource server {name}",
        kind="resource_server",
        key=name,
        fields={"catalog": after},
        by=getpass.getuser(),
    )

    async def register(store: Store) -> None:
        await declare(store, [wish], desk=desk)
        await take_away(store, gone, desk=desk)

    desk.run(register)
    _show(desk, found, counts=counts, edition=before.revision + 1)


@click.command(cls=Command)
@click.argument("name", metavar="ID")
@click.pass_obj
def history(desk: Desk, name: str) -> None:
    """List the editions of an API's catalog, the newest first."""

    async def newest(store: Store) -> tuple[CatalogRevision, ...]:
        return (
            await store.page(
                PageQuery(record=CatalogRevision, index="server", value=name, limit=PAGE)
            )
        ).records

    found = desk.run(newest)
    rows = [
        (str(one.number), moment(one.at), one.by, str(len(one.catalog.permissions)))
        for one in found
    ]
    documents = [
        {"edition": one.number, "at": one.at, "by": one.by, "catalog": one.catalog} for one in found
    ]
    desk.show(documents, columns(("edition", "when", "by", "permissions"), rows))


@click.command(cls=Command)
@click.argument("app", metavar="MODULE:APP")
@click.option(
    "--registered",
    is_flag=True,
    help="Ask the API's server too whether the catalog is the one that is registered.",
)
@click.pass_obj
def check(desk: Desk, app: str, *, registered: bool) -> None:
    """Import an API, and fail where a route has no permission or a permission has no route.

    It is meant for the API's own tests: 0 where all is well, 1 where something was forgotten.
    """
    try:
        report = checked(_imported(app))
    except TypeError as error:
        raise Wrong(f"{app} {error}") from error
    mistakes = (*report.mistakes, *(_unregistered(report.servers) if registered else ()))
    document = {
        "routes": [
            {"path": one.path, "methods": one.methods, "permissions": one.permissions}
            for one in report.routes
        ],
        "mistakes": mistakes,
    }
    rows = [
        (",".join(one.methods), one.path, " ".join(one.permissions) or ("-" if one.marks else "?"))
        for one in report.routes
    ]
    desk.show(document, columns(("methods", "route", "permissions"), rows))
    if mistakes:
        raise Failed("\n  - ".join((f"{app} is not whole:", *mistakes)))


def _unregistered(servers: Sequence[Api]) -> list[str]:
    """How the registered catalogs differ from those of the APIs. Raises Failed."""

    async def compare(server: Api) -> str:
        try:
            return await server.catalog_difference()
        finally:
            await server.close()

    try:
        found = [(one, asyncio.run(compare(one))) for one in servers]
    except Unreachable as trouble:
        raise Failed(f"the registered catalog is not to be had: {trouble}") from trouble
    return [
        f"the catalog of {one.resource} is registered otherwise: {say}" for one, say in found if say
    ]


def _imported(path: str) -> Any:
    module, colon, name = path.partition(":")
    if not colon or not module or not name:
        raise Wrong(f"{path!r} is not MODULE:APP")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise Wrong(f"{module} cannot be imported: {error}") from error
    try:
        return getattr(found, name)
    except AttributeError:
        raise Wrong(f"{module} has no {name!r}") from None


def _catalogs(desk: Desk, name: str, file: Path | None) -> tuple[ResourceServer, Catalog]:
    """The API as it is registered, and the catalog that it has now. Raises Failed, Wrong."""

    async def registered(store: Store) -> ResourceServer:
        wanted = One(ResourceServer, name)
        found = (await store.read(wanted)).one(wanted)
        if found is None:
            raise Failed(f"there is no resource server {name!r}")
        return found

    before = desk.run(registered)
    if file is None:
        try:
            after = fetch_catalog(before.catalog.resource, issuer=desk.settings().issuer)
        except ValueError as error:
            raise Failed(str(error)) from error
    else:
        try:
            after = read_catalog(file)
        except ValueError as error:
            raise Wrong(f"--catalog-file {error}") from error
    found = mistakes_of(after)
    if found:
        raise wrong(f"the catalog of {name} has mistakes", found)
    return before, after


async def every_grant(store: Store) -> AsyncIterator[Sequence[Grant]]:
    """All grants, some at a time."""
    before = ""
    while True:
        page = await store.page(PageQuery(record=Grant, before=before, limit=PAGE, walk=True))
        yield page.records
        before = page.next
        if not before:
            return


async def holders(store: Store, gone: Sequence[str]) -> dict[str, int]:
    """How many grants hold each of the permissions; those that none holds are left out."""
    counts: dict[str, int] = {}
    if gone:
        async for grants in every_grant(store):
            for one, number in touched(grants, gone).items():
                counts[one] = counts.get(one, 0) + number
    return counts


async def take_away(store: Store, gone: Sequence[str], *, desk: Desk) -> None:
    """Takes what an API has dropped from every grant that holds it, or a refusal of it."""
    if not gone:
        return
    lost = frozenset(gone)
    async for grants in every_grant(store):
        for one in grants:
            if lost & {*one.permissions, *one.refused}:
                name, context = one.id, desk.context()
                await settled(store, lambda n=name, c=context: forget(n, gone, c), context)  # type: ignore[misc]


def lost(counts: Mapping[str, int]) -> str:
    """What users lose, in words."""
    lines = (f"  - {one}: {number} grants" for one, number in counts.items())
    return "\n".join(("the API drops what users have granted:", *lines))


def _show(
    desk: Desk, found: Sequence[Difference], *, counts: Mapping[str, int], edition: int
) -> None:
    document = {
        "edition": edition,
        "differences": [{"sign": one.sign, "name": one.name, "says": one.says} for one in found],
        "grants": counts,
    }
    lines = [
        click.style(f"{one.sign} {one.name}: {one.says}", fg=COLORS[one.sign])
        + (f"  [{counts[one.name]} grants hold it]" if one.name in counts else "")
        for one in found
    ]
    desk.show(document, "\n".join(lines or ("nothing is different",)))
