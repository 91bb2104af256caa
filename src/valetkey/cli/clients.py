"""`valetkey client`: the apps."""

from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from valetkey.cli.catalogs import read_jwks
from valetkey.cli.declare import declare
from valetkey.cli.desk import Desk, Failed, Wrong, columns, fields, moment
from valetkey.cli.options import YES, Group
from valetkey.cli.remove import remove_by
from valetkey.cli.secrets import make_invitation, make_secret, show_secret
from valetkey.jose.seal import digest
from valetkey.model.client import BY_SHARED, WITH_SECRET, AuthMethod, Client
from valetkey.model.secret import Secret
from valetkey.model.want import Many, One
from valetkey.oauth.clients.register import invitation
from valetkey.oauth.clients.register import invite as invite_by
from valetkey.oauth.manage import removal
from valetkey.oauth.manage.declared import Wish
from valetkey.spec import names
from valetkey.spec.errors import OAuthError
from valetkey.store.port import Store
from valetkey.store.settle import settle
from valetkey.wire.key_shards import Tier, why_not_tier

CODES = (names.AUTHORIZATION_CODE, names.REFRESH_TOKEN)


@click.group(cls=Group)
def client() -> None:
    """The apps."""


@client.command()
@click.option("--id", required=True, help="Its client_id: letters, digits and - _ . only.")
@click.option("--name", help="What users see; the id unless given.")
@click.option("--redirect-uri", "redirect_uris", multiple=True, help="May stand several times.")
@click.option("--scope", default="", help='What it may ask for: "openid chirps.read".')
@click.option("--required", default="", help="Permissions without which it does not work.")
@click.option("--reason", "reasons", multiple=True, metavar="PERMISSION=WHY", help="Its own words.")
@click.option("--grant-type", "grant_types", multiple=True, help="May stand several times.")
@click.option("--public", is_flag=True, help="It can keep no secret: an app on a device, a page.")
@click.option(
    "--auth-method",
    type=click.Choice([one for one in get_args(AuthMethod) if one != "none"]),
    help="How a confidential client proves who it is.",
)
@click.option("--jwks-file", type=click.Path(path_type=Path), help="A file with its public keys.")
@click.option("--jwks-uri", default="", help="Where it publishes its public keys.")
@click.option("--uri", default="", help="Its home page.")
@click.option("--policy", default="default", help="The policy that it is held to.")
@click.option(
    "--key-shards",
    multiple=True,
    metavar="K OF HOLDERS",
    help='How its keys may be held in parts: "2 of device backend recovery_code".',
)
@click.option("--key-shard-backend", default="", help="The client that holds the backend's part.")
@click.option("--unverified", is_flag=True, help="Nobody has checked who publishes it.")
@click.pass_obj
def add(desk: Desk, /, **given: Any) -> None:
    """Register an app. One that proves itself by a secret gets it, and it is shown once."""
    fields = _fields(**given)
    secret = make_secret() if fields["auth_method"] in WITH_SECRET else ""
    wish = Wish(
        place=f"client {given['id']}",
        kind="client",
        key=given["id"],
        fields=fields,
        secret=digest(secret) if secret else "",
        plain=Secret(secret) if secret else None,
        new=True,
    )
    desk.run(lambda store: declare(store, [wish], desk=desk), missing="make")
    shared = fields["auth_method"] in BY_SHARED
    show_secret(desk, {"client_id": given["id"]}, secret, sealed=shared)


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


def _fields(*, id: str, public: bool, unverified: bool, **given: Any) -> dict[str, Any]:  # noqa: A002
    if public and given["auth_method"]:
        raise Wrong("--public and --auth-method: a public client has nothing to prove itself by")
    method = "none" if public else given["auth_method"] or "client_secret_basic"
    codes = public or given["redirect_uris"]
    reasons = [one.partition("=") for one in given["reasons"]]
    return {
        "name": given["name"] or id,
        "auth_method": method,
        "redirect_uris": given["redirect_uris"],
        "scope": tuple(given["scope"].split()),
        "required": tuple(given["required"].split()),
        "reasons": {permission: why for permission, _, why in reasons},
        "grant_types": given["grant_types"] or (CODES if codes else (names.CLIENT_CREDENTIALS,)),
        "uri": given["uri"],
        "jwks": _jwks(given["jwks_file"]),
        "jwks_uri": given["jwks_uri"],
        "policy": given["policy"],
        "key_shards": tuple(map(_tier, given["key_shards"])),
        "key_shard_backend": given["key_shard_backend"],
        "verified": not unverified,
    }


def _tier(text: str) -> Tier:
    threshold, _, holders = text.partition(" of ")
    try:
        tier = msgspec.convert(
            {"threshold": threshold, "holders": holders.split()}, Tier, strict=False
        )
    except msgspec.ValidationError as error:
        raise Wrong(f"--key-shards {text!r}: {error}") from error
    why = why_not_tier(tier)
    if why:
        raise Wrong(f"--key-shards {text!r}: {why}")
    return tier


def _jwks(file: Path | None) -> dict[str, Any]:
    try:
        return {} if file is None else read_jwks(file)
    except ValueError as error:
        raise Wrong(f"--jwks-file: {error}") from error


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
