"""`valetkey resource sync`, `diff`, `history` and `check`: keep a catalog in step with its API."""

import getpass
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import click
import httpx2
import msgspec

from valetkey.cli.context import CommandContext, settle_and_notify
from valetkey.cli.declaration import read_catalog
from valetkey.cli.declare import apply_desired
from valetkey.cli.options import PATH, YES, Command
from valetkey.cli.output.errors import Failed, InvalidUsage, invalid_usage
from valetkey.cli.output.formats import columns, format_time
from valetkey.jose.objects import read_object
from valetkey.resource import Unreachable
from valetkey.resource.check import check_app, rows
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import One, PageQuery
from valetkey.server.model.resource import CatalogRevision, ResourceServer
from valetkey.server.oauth.admin.apply_plan import DesiredRecord
from valetkey.server.oauth.admin.catalogs import Difference, differences, dropped, forget, touched
from valetkey.server.store.port import Store, every_record
from valetkey.wire import metadata
from valetkey.wire.address import origin
from valetkey.wire.catalog import Catalog
from valetkey.wire.catalog import mistakes as mistakes_of
from valetkey.wire.metadata import ResourceMetadata

# Fetches the catalog that an API publishes.

T = TypeVar("T")

TIMEOUT: Final = 10.0
MAX_BYTES: Final = 512 * 1024


def fetch_catalog(resource: str, *, issuer: str) -> Catalog:
    """Fetch the catalog of the API `resource`, starting from its metadata (RFC 9728 3). Raises
    ValueError, also if the metadata is for another API or names another authorization server."""
    address = metadata.well_known(resource, metadata.PROTECTED_RESOURCE)
    if not address:
        raise ValueError(f"{resource!r} is not a web address")
    about = _read(address, ResourceMetadata)
    if about.resource != resource:
        # RFC 9728 3.3: compared as plain strings.
        raise ValueError(f"{address}: is for {about.resource!r}, not for {resource!r}")
    if issuer not in about.authorization_servers:
        raise ValueError(f"{address}: does not name {issuer} as its authorization server")
    if not about.permission_catalog:
        raise ValueError(f"{address}: names no permission_catalog")
    if origin(about.permission_catalog) != origin(resource):
        raise ValueError(f"{address}: its permission_catalog is on another host")
    catalog = _read(about.permission_catalog, Catalog)
    if catalog.resource != resource:
        raise ValueError(f"{about.permission_catalog}: is the catalog of {catalog.resource!r}")
    return catalog


def _read(address: str, kind: type[T]) -> T:
    if not metadata.is_protected(address):
        raise ValueError(f"{address}: is not https")
    try:
        return msgspec.convert(read_object(_body(address)), kind)
    except httpx2.HTTPError as error:
        raise ValueError(f"{address}: {error}") from error
    except (ValueError, msgspec.ValidationError) as error:
        raise ValueError(f"{address}: {error}") from error


def _body(address: str) -> bytes:
    body = b""
    with (
        httpx2.Client(timeout=TIMEOUT, follow_redirects=False) as client,
        client.stream("GET", address) as answer,
    ):
        if answer.status_code != 200:
            raise ValueError(f"answers {answer.status_code}")
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > MAX_BYTES:
                raise ValueError("is too large")
    return body


PAGE: Final = 200
"""Grants that are looked at in one step."""

COLORS: Final = {"+": "green", "-": "red", "~": "yellow"}

FROM = click.option(
    "--catalog-file", type=PATH, help="Read the catalog from this file instead of the API."
)


@click.command(cls=Command)
@click.argument("name", metavar="ID")
@FROM
@click.option("--exit-code", is_flag=True, help="Exit with status 1 if there is a difference.")
@click.pass_obj
def diff(command: CommandContext, name: str, *, catalog_file: Path | None, exit_code: bool) -> None:
    """Show what would change if the catalog that the API publishes were registered."""
    before, after = _catalogs(command, name, catalog_file)
    changes = differences(before.catalog, after)
    counts = command.run(lambda store: holders(store, dropped(before.catalog, after)))
    _show(command, changes, counts=counts, edition=before.revision)
    if changes and exit_code:
        raise click.exceptions.Exit(1)


@click.command(cls=Command)
@click.argument("name", metavar="ID")
@FROM
@YES
@click.pass_obj
def sync(command: CommandContext, name: str, *, catalog_file: Path | None, yes: bool) -> None:
    """Register the catalog that the API publishes as the next revision.

    A new permission is not added to any grant. A dropped permission is removed from every grant
    that has it; if there are any, you have to confirm this.
    """
    before, after = _catalogs(command, name, catalog_file)
    changes, dropped_permissions = (
        differences(before.catalog, after),
        dropped(before.catalog, after),
    )
    if not changes:
        _show(command, changes, counts={}, edition=before.revision)
        return
    counts = command.run(lambda store: holders(store, dropped_permissions))
    if counts:
        command.note(describe_loss(counts))
        command.confirm("Remove them from these grants?", yes=yes)
    desired = DesiredRecord(
        place=f"resource server {name}",
        kind="resource_server",
        key=name,
        fields={"catalog": after},
        by=getpass.getuser(),
    )

    async def register(store: Store) -> None:
        await apply_desired(store, [desired], command=command)
        await remove_permissions(store, dropped_permissions, command=command)

    command.run(register)
    _show(command, changes, counts=counts, edition=before.revision + 1)


@click.command(cls=Command)
@click.argument("name", metavar="ID")
@click.pass_obj
def history(command: CommandContext, name: str) -> None:
    """List the revisions of an API's catalog, newest first."""

    async def newest(store: Store) -> tuple[CatalogRevision, ...]:
        return (
            await store.page(
                PageQuery(record=CatalogRevision, index="server", value=name, limit=PAGE)
            )
        ).records

    revisions = command.run(newest)
    rows = [
        (str(one.number), format_time(one.at), one.by, str(len(one.catalog.permissions)))
        for one in revisions
    ]
    documents = [
        {"edition": one.number, "at": one.at, "by": one.by, "catalog": one.catalog}
        for one in revisions
    ]
    command.show(documents, columns(("revision", "when", "by", "permissions"), rows))


@click.command(cls=Command)
@click.argument("app", metavar="MODULE:APP")
@click.option(
    "--registered",
    is_flag=True,
    help="Also check that the registered catalog is the same.",
)
@click.pass_obj
def check(command: CommandContext, app: str, *, registered: bool) -> None:
    """Import an API, and check that every route has a permission, and every permission a route.

    Use it in the API's own tests. Exit status 0 if all is well, 1 if something is missing.
    """
    try:
        report, mistakes = check_app(app, registered=registered)
    except ValueError as error:
        raise InvalidUsage(str(error)) from error
    except Unreachable as trouble:
        raise Failed(f"the registered catalog cannot be fetched: {trouble}") from trouble
    document = {
        "routes": [
            {"path": one.path, "methods": one.methods, "permissions": one.permissions}
            for one in report.routes
        ],
        "mistakes": mistakes,
    }
    command.show(document, columns(("methods", "route", "permissions"), rows(report)))
    if mistakes:
        raise Failed("\n  - ".join((f"{app} is incomplete:", *mistakes)))


def _catalogs(
    command: CommandContext, name: str, file: Path | None
) -> tuple[ResourceServer, Catalog]:
    """The registered API, and its present catalog. Raises Failed, InvalidUsage."""

    async def registered(store: Store) -> ResourceServer:
        wanted = One(ResourceServer, name)
        problems = (await store.read(wanted)).one(wanted)
        if problems is None:
            raise Failed(f"there is no resource server {name!r}", type="not-found")
        return problems

    before = command.run(registered)
    if file is None:
        try:
            after = fetch_catalog(before.catalog.resource, issuer=command.settings().issuer)
        except ValueError as error:
            raise Failed(str(error)) from error
    else:
        try:
            after = read_catalog(file)
        except ValueError as error:
            raise InvalidUsage(f"--catalog-file {error}") from error
    problems = mistakes_of(after)
    if problems:
        raise invalid_usage(f"the catalog of {name} has mistakes", problems)
    return before, after


async def holders(store: Store, dropped_permissions: Sequence[str]) -> dict[str, int]:
    """Count the grants that have each of the permissions; a permission without grants is left
    out."""
    counts: dict[str, int] = {}
    if dropped_permissions:
        async for grants in every_record(store, Grant):
            for one, number in touched(grants, dropped_permissions).items():
                counts[one] = counts.get(one, 0) + number
    return counts


async def remove_permissions(
    store: Store, dropped_permissions: Sequence[str], *, command: CommandContext
) -> None:
    """Remove dropped permissions from every grant that has or refused them."""
    if not dropped_permissions:
        return
    lost = frozenset(dropped_permissions)
    async for grants in every_record(store, Grant):
        for one in grants:
            if lost & {*one.permissions, *one.refused}:
                name, context = one.id, command.context()
                rule = partial(forget, name, dropped_permissions, context)
                await settle_and_notify(store, rule, context)


def describe_loss(counts: Mapping[str, int]) -> str:
    """Describe what users lose."""
    lines = (f"  - {one}: {number} grants" for one, number in counts.items())
    return "\n".join(("the API drops permissions that users have granted:", *lines))


def _show(
    command: CommandContext,
    changes: Sequence[Difference],
    *,
    counts: Mapping[str, int],
    edition: int,
) -> None:
    document = {
        "edition": edition,
        "differences": [{"sign": one.sign, "name": one.name, "says": one.says} for one in changes],
        "grants": counts,
    }
    lines = [
        click.style(f"{one.sign} {one.name}: {one.says}", fg=COLORS[one.sign])
        + (f"  [{counts[one.name]} grants have it]" if one.name in counts else "")
        for one in changes
    ]
    command.show(document, "\n".join(lines or ("no difference",)))
