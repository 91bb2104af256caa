"""`valetkey resource`: the APIs."""

import getpass
from pathlib import Path

import click

from valetkey.cli.context import CommandContext
from valetkey.cli.declaration import read_catalog
from valetkey.cli.declare import apply_desired, remove_by
from valetkey.cli.options import PATH, YES
from valetkey.cli.output.errors import InvalidUsage
from valetkey.cli.output.formats import columns, fields
from valetkey.cli.remote.groups import OperationGroup
from valetkey.cli.resource_sync import check, diff, history, sync
from valetkey.cli.secrets import make_secret, show_secret
from valetkey.jose.seal import digest
from valetkey.server.model.query import Many
from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.admin import removal
from valetkey.server.oauth.admin.apply_plan import DesiredRecord
from valetkey.server.store.port import Store


@click.group(cls=OperationGroup)
def resource() -> None:
    """The APIs (resource servers) and their catalogs."""


@resource.command()
@click.option("--id", "name", required=True, help="Its client_id for introspection.")
@click.option("--catalog-file", type=PATH, required=True, help="Its catalog, TOML or JSON.")
@click.option("--status-list", is_flag=True, help="Its tokens name a status list.")
@click.option("--split", is_flag=True, help="Its tokens are split: the API holds one half.")
@click.pass_obj
def add(
    command: CommandContext, name: str, *, catalog_file: Path, status_list: bool, split: bool
) -> None:
    """Register an API. Prints its secret for introspection, once."""
    try:
        catalog = read_catalog(catalog_file)
    except ValueError as error:
        raise InvalidUsage(f"--catalog-file {error}") from error
    secret = make_secret()
    desired = DesiredRecord(
        place=f"resource server {name}",
        kind="resource_server",
        key=name,
        fields={"catalog": catalog, "status_list": status_list, "split": split},
        secret=digest(secret),
        new=True,
        by=getpass.getuser(),
    )
    command.run(lambda store: apply_desired(store, [desired], command=command), missing="make")
    show_secret(command, {"client_id": name, "resource": catalog.resource}, secret)


@resource.command(name="list")
@click.pass_obj
def list_resources(command: CommandContext) -> None:
    """List the APIs."""

    async def every(store: Store) -> tuple[ResourceServer, ...]:
        wanted = Many(ResourceServer)
        return (await store.read(wanted)).many(wanted)

    servers = command.run(every)
    rows = [
        (one.id, one.catalog.resource, " ".join(each.id for each in one.catalog.permissions))
        for one in servers
    ]
    documents = [fields(one, hide=("secrets",)) for one in servers]
    command.show(documents, columns(("id", "resource", "permissions"), rows))


@resource.command()
@click.argument("name", metavar="ID")
@YES
@click.pass_obj
def remove(command: CommandContext, name: str, *, yes: bool) -> None:
    """Remove an API that no app is registered for."""
    command.confirm(f"Remove the resource server {name!r}?", yes=yes)
    remove_by(command, removal.resource_server, name)


for command in (sync, diff, history, check):
    resource.add_command(command)
