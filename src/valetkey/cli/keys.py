"""`valetkey key`: what the server signs and seals with."""

import time

import click

from valetkey.cli.context import Desk, Failed, columns, fields, moment
from valetkey.cli.master_key import open_keys
from valetkey.cli.options import Group
from valetkey.server.model.keys import SigningKey, Use
from valetkey.server.model.query import Many, Rule
from valetkey.server.oauth.admin.keys import ROTATED, TURNED, USES, revoke, rotate
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.settings import Settings
from valetkey.server.store.keyring import make, read_keys
from valetkey.server.store.port import Store
from valetkey.server.store.settle import settle


@click.group(cls=Group)
def key() -> None:
    """The server's own keys."""


@key.command(name="list")
@click.pass_obj
def list_keys(desk: Desk) -> None:
    """List the keys; not what is in them."""
    _show(desk, desk.run(read_keys))


def _show(desk: Desk, keys: tuple[SigningKey, ...]) -> None:
    ordered = sorted(keys, key=lambda one: (USES.index(one.use), -one.since))
    rows = [(one.kid, one.use, one.status, moment(one.since), moment(one.until)) for one in ordered]
    text = columns(("kid", "use", "status", "since", "until"), rows)
    desk.show([fields(one, hide=("sealed",)) for one in ordered], text)


class Rotated(Outcome, frozen=True, kw_only=True, eq=False):
    """The keys have turned by one step."""


@key.command(name="rotate")
@click.option("--use", "uses", multiple=True, type=click.Choice(TURNED), help="Only this one.")
@click.pass_obj
def rotate_keys(desk: Desk, uses: tuple[Use, ...]) -> None:
    """Turn the keys by one step: the coming one signs, the current one retires.

    A retired key is published until nothing that it signed can be alive. Without --use, all turn
    but the MAC key, on which refresh tokens rest.
    """
    settings = desk.settings()

    async def turning(store: Store) -> tuple[SigningKey, ...]:
        master = await open_keys(settings, store)
        for use in uses or ROTATED:
            await _turn(store, make(use, master), settings=settings)
        return await read_keys(store)

    _show(desk, desk.run(turning, missing="make"))


async def _turn(store: Store, fresh: SigningKey, *, settings: Settings) -> None:
    def rule() -> Rule[Rotated]:
        wanted = Many(SigningKey)
        keys = (yield (wanted,)).many(wanted)
        now = int(time.time())
        return Rotated(changes=rotate(keys, fresh, lifetimes=settings.lifetimes, now=now))

    await settle(store, rule)


class Revoked(Outcome, frozen=True, kw_only=True, eq=False):
    """A key is gone."""


@key.command(name="revoke")
@click.argument("kid")
@click.option("--yes", is_flag=True, help="Revoke the MAC key, though every app has to ask anew.")
@click.pass_obj
def revoke_key(desk: Desk, kid: str, *, yes: bool) -> None:
    """Revoke the key KID at once: whatever it signed, sealed or derived is worth nothing.

    For a key that got out. The coming key takes the place of a current one. Apps refresh the access
    tokens that they lose; a MAC key takes every refresh token with it.
    """
    settings = desk.settings()

    async def revoking(store: Store) -> tuple[SigningKey, ...]:
        master = await open_keys(settings, store)
        found = [one for one in await read_keys(store) if one.kid == kid]
        if not found or found[0].use not in TURNED:
            raise Failed(f"{kid} is no key that can be revoked: see `valetkey key list`")
        if found[0].use == "mac" and not yes:
            raise Failed(
                "every refresh token rests on the MAC key: every app would have to ask its user "
                "anew. Say --yes if that is meant"
            )
        await _revoke(store, kid, make(found[0].use, master))
        return await read_keys(store)

    _show(desk, desk.run(revoking, missing="make"))


async def _revoke(store: Store, kid: str, fresh: SigningKey) -> None:
    def rule() -> Rule[Revoked]:
        wanted = Many(SigningKey)
        keys = (yield (wanted,)).many(wanted)
        try:
            return Revoked(changes=revoke(keys, kid, fresh, now=int(time.time())))
        except LookupError:
            return Revoked()  # Somebody else was first.

    await settle(store, rule)
