"""`valetkey resource`: the APIs."""

import getpass
from pathlib import Path

import click

from valetkey.cli.catalogs import read_catalog
from valetkey.cli.context import Desk, Wrong, columns, fields
from valetkey.cli.declare import declare
from valetkey.cli.options import PATH, YES, Group
from valetkey.cli.remove import remove_by
from valetkey.cli.resource_sync import check, diff, history, sync
from valetkey.cli.secrets import make_secret, show_secret
from valetkey.jose.seal import digest
from valetkey.server.model.query import Many
from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.admin import removal
from valetkey.server.oauth.admin.apply_plan import DesiredRecord
from valetkey.server.store.port import Store


@click.group(cls=Group)
def resource() -> None:
    """The resource servers: APIs, and what their keys can open."""


@resource.command()
@click.option("--id", "name", required=True, help="Its client_id at introspection.")
@click.option("--catalog-file", type=PATH, required=True, help="Its catalog, TOML or JSON.")
@click.option("--status-list", is_flag=True, help="Its tokens say where their status is published.")
@click.option("--split", is_flag=True, help="Its tokens come in halves, and it holds one of them.")
@click.pass_obj
def add(desk: Desk, name: str, *, catalog_file: Path, status_list: bool, split: bool) -> None:
    """Register an API. It gets a secret for introspection, which is shown once."""
    try:
        catalog = read_catalog(catalog_file)
    except ValueError as error:
        raise Wrong(f"--catalog-file {error}") from error
    secret = make_secret()
    wish = DesiredRecord(
        place=f"resource server {name}",
        kind="resource_server",
        key=name,
        fields={"catalog": catalog, "status_list": status_list, "split": split},
        secret=digest(secret),
        new=True,
        by=getpass.getuser(),
    )
    desk.run(lambda store: declare(store, [wish], desk=desk), missing="make")
    show_secret(desk, {"client_id": name, "resource": catalog.resource}, secret)


@resource.command(name="list")
@click.pass_obj
def list_resources(desk: Desk) -> None:
    """List the APIs."""

    async def every(store: Store) -> tuple[ResourceServer, ...]:
        wanted = Many(ResourceServer)
        return (await store.read(wanted)).many(wanted)

    found = desk.run(every)
    rows = [
        (one.id, one.catalog.resource, " ".join(each.id for each in one.catalog.permissions))
        for one in found
    ]
    documents = [fields(one, hide=("secrets",)) for one in found]
    desk.show(documents, columns(("id", "resource", "permissions"), rows))


@resource.command()
@click.argument("name", metavar="ID")
@YES
@click.pass_obj
def remove(desk: Desk, name: str, *, yes: bool) -> None:
    """Remove an API that no app is registered for any more."""
    desk.sure(f"Remove the resource server {name!r}?", yes=yes)
    remove_by(desk, removal.resource_server, name)


for command in (sync, diff, history, check):
    resource.add_command(command)
