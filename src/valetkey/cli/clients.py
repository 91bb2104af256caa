"""`valetkey client`: the apps."""

import os
from typing import Any

import click
import msgspec

from valetkey.cli.client_options import client_options, option_of, read_options
from valetkey.cli.context import Desk, Failed, Wrong, columns, fields, moment, wrong
from valetkey.cli.declaration import read_item
from valetkey.cli.declare import declare
from valetkey.cli.options import YES, Group
from valetkey.cli.remove import remove_by
from valetkey.cli.secrets import make_invitation, make_secret, show_secret
from valetkey.jose.seal import digest
from valetkey.server.model.client import BY_SHARED, WITH_SECRET, Client
from valetkey.server.model.query import Many, One
from valetkey.server.model.secret import Secret
from valetkey.server.oauth.admin import removal
from valetkey.server.oauth.endpoints.registration import invitation
from valetkey.server.oauth.endpoints.registration import invite as invite_by
from valetkey.server.store.port import Store
from valetkey.server.store.settle import settle
from valetkey.spec.errors import OAuthError


@click.group(cls=Group)
def client() -> None:
    """The apps."""


@client.command()
@click.option("--id", "id_", required=True, help="Its client_id: letters, digits and - _ . only.")
@click.option("--public", is_flag=True, help="It can keep no secret: an app on a device, a page.")
@client_options
@click.pass_obj
def add(desk: Desk, /, id_: str, *, public: bool, **given: Any) -> None:
    """Register an app. One that proves itself by a secret gets it, and it is shown once.

    Each field of a client in a file for `apply` has an option here. A field that holds more than a
    text is written as JSON.
    """
    place = f"client {id_}"
    raw = read_options(id_, given, public=public)
    wish, mistakes = read_item("client", raw, os.environ, place=place)
    if wish is None or mistakes:
        raise wrong("nothing was changed", (_by_option(one, place) for one in mistakes))
    secret = ""
    if wish.fields["auth_method"] in WITH_SECRET and not wish.secret:
        secret = make_secret()
        wish = msgspec.structs.replace(wish, secret=digest(secret), plain=Secret(secret))
    wish = msgspec.structs.replace(wish, new=True)
    desk.run(lambda store: declare(store, [wish], desk=desk), missing="make")
    shared = wish.fields["auth_method"] in BY_SHARED
    show_secret(desk, {"client_id": id_}, secret, sealed=shared)


def _by_option(mistake: str, place: str) -> str:
    """The mistake, told of the option instead of the field."""
    field, _, why = mistake.removeprefix(f"{place}, ").partition(": ")
    return f"{option_of(field)}: {why}"


@client.command()
@click.option("--uses", type=click.IntRange(1, 10_000), default=1, help="How many apps; 1.")
@click.option("--days", type=click.IntRange(1, 365), default=7, help="For how long; 7.")
@click.option("--scope", default="", help="What they may ask for; else as the settings say.")
@click.option("--policy", default="", help="The policy that they are held to; as the settings say.")
@click.pass_obj
def invite(desk: Desk, *, uses: int, days: int, scope: str, policy: str) -> None:
    """Make an initial access token, with which apps register themselves (RFC 7591 3)."""
    token = make_invitation()
    context = desk.context()
    invited = invitation(
        token,
        policy=policy or desk.settings().registration_policy,
        scope=tuple(scope.split()),
        uses=uses,
        expires=context.env.now + days * 86400,
        now=context.env.now,
    )

    async def keeping(store: Store) -> None:
        await settle(store, lambda: invite_by(invited, context))

    try:
        desk.run(keeping)
    except OAuthError as error:
        raise Wrong(error.description) from error
    desk.say("The token is shown this once; only its digest is kept.")
    desk.show({"initial_access_token": token, "expires": invited.expires}, token)


def view(one: Client) -> dict[str, Any]:
    """A client as a document; of its secrets only when they were made, and how long they hold."""
    secrets = [{"created": kept.created, "until": kept.until} for kept in one.secrets]
    return fields(one, hide=("secrets",)) | {"secrets": secrets}


@client.command(name="list")
@click.pass_obj
def list_clients(desk: Desk) -> None:
    """List the apps."""
    found = desk.run(_clients)
    rows = [(one.id, one.name, one.auth_method, " ".join(one.scope), one.status) for one in found]
    text = columns(("id", "name", "auth method", "scope", "status"), rows)
    desk.show([view(one) for one in found], text)


async def _clients(store: Store) -> tuple[Client, ...]:
    wanted = Many(Client)
    return (await store.read(wanted)).many(wanted)


@client.command()
@click.argument("name", metavar="ID")
@click.pass_obj
def show(desk: Desk, name: str) -> None:
    """Show one app."""

    async def one(store: Store) -> Client | None:
        wanted = One(Client, name)
        return (await store.read(wanted)).one(wanted)

    found = desk.run(one)
    if found is None:
        raise Failed(f"there is no client {name!r}")
    document = view(found)
    rows = [(field, _text(field, value)) for field, value in document.items()]
    desk.show(document, columns(("field", "value"), rows))


def _text(field: str, value: Any) -> str:
    if field == "created":
        return moment(value)
    if field == "secrets":
        return ", ".join(f"one of {moment(kept['created'])}" for kept in value) or "-"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {text}" for name, text in value.items()) or "-"
    if isinstance(value, tuple):
        return " ".join(value) or "-"
    return str(value) or "-"


@client.command()
@click.argument("name", metavar="ID")
@YES
@click.pass_obj
def remove(desk: Desk, name: str, *, yes: bool) -> None:
    """Remove an app. Every user's yes to it is over at once."""
    desk.sure(f"Remove the client {name!r} and stop all access of it?", yes=yes)
    remove_by(desk, removal.client, name)
