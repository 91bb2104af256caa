"""`valetkey client`: the apps."""

import os
from functools import partial
from typing import Any

import click
import msgspec

from valetkey.cli.apps.added_there import add_there
from valetkey.cli.apps.client_changes import (
    edit_client,
    list_client_secrets,
    revoke_client_secret,
    rotate_client_secret,
)
from valetkey.cli.apps.client_options import client_options, option_of, read_options
from valetkey.cli.context import CommandContext, settle_and_notify
from valetkey.cli.declaration import read_item
from valetkey.cli.declare import apply_desired, remove_by
from valetkey.cli.grant_changes import REASON, checked_reason
from valetkey.cli.options import YES
from valetkey.cli.output.errors import Failed, InvalidUsage, invalid_usage
from valetkey.cli.output.formats import columns, fields, format_time
from valetkey.cli.remote.groups import AnywhereCommand, OperationGroup
from valetkey.cli.secrets import make_invitation, make_secret, show_secret
from valetkey.jose.seal import digest
from valetkey.server.model.client import BY_SHARED, WITH_SECRET, Client, Status
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import Many, One
from valetkey.server.oauth.admin import removal
from valetkey.server.oauth.admin.client_status import ClientStatus, change_client_status
from valetkey.server.oauth.endpoints.registration import invitation
from valetkey.server.oauth.endpoints.registration import invite as invite_by
from valetkey.server.store.port import Store
from valetkey.server.store.settle import settle
from valetkey.spec.errors import OAuthError


@click.group(cls=OperationGroup)
def client() -> None:
    """The apps."""


@client.command(cls=AnywhereCommand)
@click.option("--id", "id_", required=True, help="Its client_id: letters, digits and - _ . only.")
@click.option("--public", is_flag=True, help="It cannot keep a secret: a device or a page.")
@client_options
@click.pass_obj
def add(command: CommandContext, /, id_: str, *, public: bool, **options: Any) -> None:
    """Register an app. Prints the secret of an app that has one, once.

    Each field of a client in a file for `apply` has an option here. Options for structured fields
    take JSON.
    """
    place = f"client {id_}"
    raw = read_options(id_, options, public=public)
    desired, mistakes = read_item("client", raw, os.environ, place=place)
    if desired is None or mistakes:
        raise invalid_usage("nothing was changed", (_by_option(one, place) for one in mistakes))
    if (connection := command.connection()) is not None:
        add_there(command, connection, raw=raw, fields=desired.fields)
        return
    secret = ""
    if desired.fields["auth_method"] in WITH_SECRET and not desired.secret:
        secret = make_secret()
        desired = msgspec.structs.replace(desired, secret=digest(secret), plain=Secret(secret))
    desired = msgspec.structs.replace(desired, new=True)
    command.run(lambda store: apply_desired(store, [desired], command=command), missing="make")
    shared = desired.fields["auth_method"] in BY_SHARED
    show_secret(command, {"client_id": id_}, secret, sealed=shared)


def _by_option(mistake: str, place: str) -> str:
    """The mistake, with the option's name instead of the field's."""
    field, _, why = mistake.removeprefix(f"{place}, ").partition(": ")
    return f"{option_of(field)}: {why}"


@client.command()
@click.option(
    "--uses", type=click.IntRange(1, 10_000), default=1, help="Number of apps; default 1."
)
@click.option(
    "--days",
    type=click.IntRange(1, 365),
    default=7,
    help="Days it works; default 7.",
)
@click.option("--scope", default="", help="The scope that they may request.")
@click.option("--policy", default="", help="Their policy; the settings' by default.")
@click.pass_obj
def invite(command: CommandContext, *, uses: int, days: int, scope: str, policy: str) -> None:
    """Create an initial access token, which apps need to register themselves (RFC 7591 3)."""
    token = make_invitation()
    context = command.context()
    invited = invitation(
        token,
        policy=policy or command.settings().registration_policy,
        scope=tuple(scope.split()),
        uses=uses,
        expires=context.env.now + days * 86400,
        now=context.env.now,
    )

    async def save(store: Store) -> None:
        await settle(store, lambda: invite_by(invited, context))

    try:
        command.run(save)
    except OAuthError as error:
        raise InvalidUsage(error.description) from error
    command.note("The token is displayed only once; only its digest is stored.")
    command.show({"initial_access_token": token, "expires": invited.expires}, token)


def client_document(one: Client) -> dict[str, Any]:
    """A client as a document. Of its secrets, only the dates of creation and expiry."""
    secrets = [{"created": secret.created, "until": secret.until} for secret in one.secrets]
    return fields(one, hide=("secrets",)) | {"secrets": secrets}


@client.command(name="list")
@click.pass_obj
def list_clients(command: CommandContext) -> None:
    """List the apps."""
    clients = command.run(_clients)
    rows = [(one.id, one.name, one.auth_method, " ".join(one.scope), one.status) for one in clients]
    text = columns(("id", "name", "auth method", "scope", "status"), rows)
    command.show([client_document(one) for one in clients], text)


async def _clients(store: Store) -> tuple[Client, ...]:
    wanted = Many(Client)
    return (await store.read(wanted)).many(wanted)


@client.command()
@click.argument("name", metavar="ID")
@click.pass_obj
def show(command: CommandContext, name: str) -> None:
    """Show one app."""

    async def one(store: Store) -> Client | None:
        wanted = One(Client, name)
        return (await store.read(wanted)).one(wanted)

    record = command.run(one)
    if record is None:
        raise Failed(f"there is no client {name!r}", type="not-found")
    document = client_document(record)
    rows = [(field, _text(field, value)) for field, value in document.items()]
    command.show(document, columns(("field", "value"), rows))


def _text(field: str, value: Any) -> str:
    if field == "created":
        return format_time(value)
    if field == "secrets":
        return ", ".join(f"one of {format_time(kept['created'])}" for kept in value) or "-"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {text}" for name, text in value.items()) or "-"
    if isinstance(value, tuple):
        return " ".join(value) or "-"
    return str(value) or "-"


@client.command()
@click.argument("name", metavar="ID")
@REASON
@click.pass_obj
def suspend(command: CommandContext, name: str, *, reason: str) -> None:
    """Refuse an app everywhere, at once. All grants to it stay, and users read the reason."""
    _change_status(command, name, "suspended", reason=reason)


@client.command()
@click.argument("name", metavar="ID")
@REASON
@click.pass_obj
def restore(command: CommandContext, name: str, *, reason: str) -> None:
    """Let a suspended app in again, with all its grants."""
    _change_status(command, name, "active", reason=reason)


def _change_status(command: CommandContext, name: str, status: Status, *, reason: str) -> None:
    reason = checked_reason(reason)

    async def change(store: Store) -> ClientStatus:
        context = command.context()
        rule = partial(change_client_status, name, status, reason=reason, context=context)
        return await settle_and_notify(store, rule, context)

    if command.run(change).client is None:
        raise Failed(f"there is no client {name!r}", type="not-found")
    done = "suspended" if status == "suspended" else "restored"
    command.show({"client_id": name, "status": status}, f"{done} {name}")


@client.command()
@click.argument("name", metavar="ID")
@YES
@click.pass_obj
def remove(command: CommandContext, name: str, *, yes: bool) -> None:
    """Remove an app. All grants to it end at once."""
    command.confirm(f"Remove the client {name!r} and stop all access of it?", yes=yes)
    remove_by(command, removal.client, name)


for one in (edit_client, rotate_client_secret, list_client_secrets, revoke_client_secret):
    client.add_command(one)
