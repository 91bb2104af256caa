"""`valetkey client edit`, `rotate-secret`, `secrets` and `revoke-secret`."""

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import click
import msgspec

from valetkey.cli.apps.client_options import HELP, client_options, option_of, read_fields
from valetkey.cli.context import CommandContext, settle_and_notify
from valetkey.cli.declaration import read_item
from valetkey.cli.declare import apply_desired
from valetkey.cli.master_key.file import open_keys
from valetkey.cli.options import YES, Command
from valetkey.cli.output.errors import Failed, InvalidUsage, invalid_usage
from valetkey.cli.output.formats import columns, format_time
from valetkey.cli.secrets import make_secret
from valetkey.server.model.client import BY_SHARED, Client
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import One
from valetkey.server.oauth.admin.client_secrets import (
    MAX_OVERLAP,
    SecretsChanged,
    SecretUse,
    revoke_secret,
    rotate_secret,
    secrets_of,
)
from valetkey.server.oauth.core.context import Context
from valetkey.server.store import keyring
from valetkey.server.store.port import Store
from valetkey.server.store.settle import ask

NEVER_CLEARED: Final = frozenset({"name", "auth_method", "origin", "status", "policy"})
"""Fields that an app always has."""

UNITS: Final = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


async def read_client(store: Store, name: str) -> Client:
    """The app with this id. Raises Failed if there is none."""
    query = One(Client, name)
    record = (await store.read(query)).one(query)
    if record is None:
        raise Failed(f"there is no client {name!r}", type="not-record")
    return record


@click.command(name="edit", cls=Command)
@click.argument("client_id", metavar="ID")
@client_options
@click.option(
    "--clear",
    "cleared",
    multiple=True,
    metavar="OPTION",
    type=click.Choice(
        sorted(option_of(one).removeprefix("--") for one in HELP if one not in NEVER_CLEARED)
    ),
    help="Empty a field, named as its option without the dashes.",
)
@click.pass_obj
def edit_client(
    command: CommandContext, /, client_id: str, *, cleared: tuple[str, ...], **options: Any
) -> None:
    """Change an app. Fields without an option stay as they are.

    An option that can be repeated replaces all its values. What a permission of the app's grants
    says stays; a permission that the app may no longer request is lost at its next request.
    """
    place = f"client {client_id}"
    raw = read_fields(options)
    empty = _emptied(cleared, raw)
    if not raw and not empty:
        raise InvalidUsage("nothing to change: give the fields as options")
    desired, mistakes = read_item("client", raw | {"id": client_id}, os.environ, place=place)
    if desired is None or mistakes:
        raise invalid_usage("nothing was changed", mistakes)
    desired = msgspec.structs.replace(desired, fields={**desired.fields, **empty})

    async def changing(store: Store) -> list[str]:
        await read_client(store, client_id)
        (step,) = (await apply_desired(store, [desired], command=command)).steps
        return sorted(step.differences)

    changed = command.run(changing)
    text = (
        f"changed {client_id}: {', '.join(changed)}"
        if changed
        else f"{client_id} is like that already"
    )
    command.show({"client_id": client_id, "changed": changed}, text)


def _emptied(cleared: tuple[str, ...], raw: dict[str, Any]) -> dict[str, Any]:
    """The fields to empty, with their defaults. Raises InvalidUsage for one that is set too."""
    by_option = {option_of(field).removeprefix("--"): field for field in HELP}
    defaults = {one.name: one for one in msgspec.structs.fields(Client)}
    fields = [by_option[one] for one in cleared]
    both = [option_of(field) for field in fields if field in raw]
    if both:
        raise InvalidUsage(f"{both[0]} and --clear: only one of them")
    return {
        field: one.default_factory() if callable(one.default_factory) else one.default
        for field in fields
        if (one := defaults.get(field)) is not None
    }


class Duration(click.ParamType[int]):
    """A time span such as 30m, 12h, 7d or 2w; 0 for none. In seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        number, unit = value[:-1], value[-1:]
        if value == "0":
            return 0
        if not number.isascii() or not number.isdigit() or unit not in UNITS:
            self.fail(f"{value!r} is no time span such as 30m, 12h, 7d or 2w", param, ctx)
        seconds = int(number) * UNITS[unit]
        if seconds > MAX_OVERLAP:
            self.fail(f"{value} is over {MAX_OVERLAP // UNITS['d']}d", param, ctx)
        return seconds


@click.command(name="rotate-secret", cls=Command)
@click.argument("name", metavar="ID")
@click.option(
    "--keep-old",
    "overlap",
    type=Duration(),
    default="7d",
    show_default=True,
    metavar="TIME",
    help="How long the old secrets go on working, such as 12h or 7d; 0 for not at all.",
)
@YES
@click.pass_obj
def rotate_client_secret(command: CommandContext, name: str, *, overlap: int, yes: bool) -> None:
    """Give an app a new secret, and print it, once. The old ones go on working for a while.

    Put the new secret into the app, watch with `client secrets` until the old one is out of use,
    and revoke it then, or let it expire.
    """
    if not overlap:
        command.confirm(f"End the old secrets of {name!r} at once?", yes=yes)
    plain = make_secret()

    async def rotating(store: Store) -> tuple[SecretsChanged, bool]:
        client = await read_client(store, name)
        context = await _context(store, client, command)
        rule = partial(rotate_secret, name, Secret(plain), overlap=overlap, context=context)
        shared = client.auth_method in BY_SHARED
        return await settle_and_notify(store, rule, context), shared

    outcome, shared = command.run(rotating)
    if outcome.client is None or outcome.added is None:
        raise Failed(outcome.why, type="conflict")
    until = max((one.until for one in outcome.client.secrets), default=0)
    storage = "it is stored sealed" if shared else "only its digest is stored"
    command.note(f"The secret is displayed only once; {storage}.")
    document = {
        "client_id": name,
        "id": outcome.added.name,
        "client_secret": plain,
        "old_until": until,
    }
    text = f"client_id  {name}\nclient_secret  {plain}"
    old = f"\nthe old one works until {format_time(until)}" if until else ""
    command.show(document, text + old)


async def _context(store: Store, client: Client, command: CommandContext) -> Context:
    """The context, with the server's keys if the secret has to be sealed."""
    if client.auth_method not in BY_SHARED:
        return command.context()
    master = await open_keys(command.settings(), store)
    keys = await keyring.read_keys(store)
    return command.context(keyring.open_keys(keys, master, now=int(time.time())))


@click.command(name="secrets", cls=Command)
@click.argument("name", metavar="ID")
@click.pass_obj
def list_client_secrets(command: CommandContext, name: str) -> None:
    """List the secrets of an app: their last four characters, and when each was last used."""

    async def reading(store: Store) -> tuple[SecretUse, ...]:
        client = await read_client(store, name)
        return await ask(store, secrets_of(client, command.context()))

    secrets = command.run(reading)
    rows = [
        (
            one.id,
            f"…{one.last_four}" if one.last_four else "-",
            format_time(one.created),
            format_time(one.until) or "no end",
            format_time(one.used)[:10] or "not in the last 90 days",
        )
        for one in secrets
    ]
    command.show(
        [msgspec.structs.asdict(one) for one in secrets],
        columns(("id", "ends in", "created", "until", "last used"), rows),
    )


@click.command(name="revoke-secret", cls=Command)
@click.argument("name", metavar="ID")
@click.argument("secret", metavar="SECRET")
@YES
@click.pass_obj
def revoke_client_secret(command: CommandContext, name: str, secret: str, *, yes: bool) -> None:
    """End one secret of an app at once. SECRET is its id, or its last four characters."""
    command.confirm(f"Revoke the secret {secret!r} of {name!r}?", yes=yes)

    async def revoking(store: Store) -> SecretsChanged:
        await read_client(store, name)
        context = command.context()
        rule: Callable[[], Any] = partial(revoke_secret, name, secret, context=context)
        changed: SecretsChanged = await settle_and_notify(store, rule, context)
        return changed

    outcome = command.run(revoking)
    if not outcome.changes:
        raise Failed(outcome.why, type="conflict")
    command.show({"client_id": name, "revoked": secret}, f"revoked {secret} of {name}")
