"""`valetkey key`: the keys that the server signs and seals with."""

import time

import click

from valetkey.cli.context import CommandContext
from valetkey.cli.key_kms import check_kms_command
from valetkey.cli.key_token import check_token_command
from valetkey.cli.master_key.file import open_keys
from valetkey.cli.master_key.rotate import rotate_master
from valetkey.cli.master_key.wrap import unwrap_master, wrap_master
from valetkey.cli.output.errors import Failed
from valetkey.cli.output.formats import columns, fields, format_time
from valetkey.cli.remote.groups import OperationGroup
from valetkey.server.model.keys import SigningKey, Use
from valetkey.server.model.query import Many, Rule
from valetkey.server.oauth.admin.keys import ROTATED, TURNED, USES, revoke, rotate
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.settings import Settings
from valetkey.server.store.keyring import make, read_keys
from valetkey.server.store.port import Store
from valetkey.server.store.settle import settle


@click.group(cls=OperationGroup)
def key() -> None:
    """The server's own keys."""


@key.command(name="list")
@click.pass_obj
def list_keys(command: CommandContext) -> None:
    """List the keys, without the keys themselves."""
    _show(command, command.run(read_keys))


def _show(command: CommandContext, keys: tuple[SigningKey, ...]) -> None:
    ordered = sorted(keys, key=lambda one: (USES.index(one.use), -one.since))
    rows = [
        (
            *(one.kid, one.use, one.status, one.label or "database"),
            *(format_time(one.since), format_time(one.until)),
        )
        for one in ordered
    ]
    text = columns(("kid", "use", "status", "where", "since", "until"), rows)
    command.show([fields(one, hide=("sealed",)) for one in ordered], text)


class Rotated(Outcome, frozen=True, kw_only=True, eq=False):
    """The keys were rotated by one step."""


@key.command(name="rotate")
@click.option(
    "--use", "uses", multiple=True, type=click.Choice(TURNED), help="Rotate only these keys."
)
@click.pass_obj
def rotate_keys(command: CommandContext, uses: tuple[Use, ...]) -> None:
    """Rotate the keys by one step: the coming key signs, the current one retires.

    A retired key stays published until everything that it signed has expired. Without --use, this
    rotates all keys except the MAC key, which refresh tokens depend on.
    """
    settings = command.settings()

    async def turning(store: Store) -> tuple[SigningKey, ...]:
        master = await open_keys(settings, store)
        for use in uses or ROTATED:
            await _turn(store, make(use, master), settings=settings)
        return await read_keys(store)

    _show(command, command.run(turning, missing="make"))


async def _turn(store: Store, fresh: SigningKey, *, settings: Settings) -> None:
    def rule() -> Rule[Rotated]:
        wanted = Many(SigningKey)
        keys = (yield (wanted,)).many(wanted)
        now = int(time.time())
        return Rotated(changes=rotate(keys, fresh, lifetimes=settings.lifetimes, now=now))

    await settle(store, rule)


class Revoked(Outcome, frozen=True, kw_only=True, eq=False):
    """A key was revoked."""


@key.command(name="revoke")
@click.argument("kid")
@click.option("--yes", is_flag=True, help="Revoke even the MAC key.")
@click.pass_obj
def revoke_key(command: CommandContext, kid: str, *, yes: bool) -> None:
    """Revoke the key KID at once: all that it signed, sealed or derived becomes invalid.

    Use this for a leaked key. The coming key replaces a current one. Apps refresh the access tokens
    that become invalid. Revoking a MAC key invalidates every refresh token.
    """
    settings = command.settings()

    async def revoking(store: Store) -> tuple[SigningKey, ...]:
        master = await open_keys(settings, store)
        matching = [one for one in await read_keys(store) if one.kid == kid]
        if not matching or matching[0].use not in TURNED:
            raise Failed(f"{kid} is not a key that can be revoked: see `valetkey key list`")
        if matching[0].use == "mac" and not yes:
            raise Failed(
                "every refresh token depends on the MAC key: every app would have to ask its user "
                "again. Confirm with --yes"
            )
        await _revoke(store, kid, make(matching[0].use, master))
        return await read_keys(store)

    _show(command, command.run(revoking, missing="make"))


async def _revoke(store: Store, kid: str, fresh: SigningKey) -> None:
    def rule() -> Rule[Revoked]:
        wanted = Many(SigningKey)
        keys = (yield (wanted,)).many(wanted)
        try:
            return Revoked(changes=revoke(keys, kid, fresh, now=int(time.time())))
        except LookupError:
            return Revoked()  # Another process was first.

    await settle(store, rule)


key.add_command(rotate_master)
key.add_command(wrap_master)
key.add_command(unwrap_master)
key.add_command(check_token_command)
key.add_command(check_kms_command)
