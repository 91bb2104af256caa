"""`valetkey grant`: what users have said yes to."""

from collections.abc import Sequence
from typing import NamedTuple

import click

from valetkey.cli.desk import Desk, Failed, Wrong, columns, fields, moment
from valetkey.cli.options import YES, Group
from valetkey.model.grant import Grant
from valetkey.model.user import User, sign_in_name
from valetkey.model.want import Alias, Many, One, Want
from valetkey.oauth.context import Context
from valetkey.oauth.manage.grants import turn
from valetkey.store.port import Store
from valetkey.store.settle import settle

USER = click.option("--user", "username", default="", help="Only this user's.")
CLIENT = click.option("--client", default="", help="Only those to this app.")


@click.group(cls=Group)
def grant() -> None:
    """What users have said yes to."""


class Given(NamedTuple):
    """A grant, and what its user is called."""

    grant: Grant
    username: str


@grant.command(name="list")
@USER
@CLIENT
@click.option("--all", "stopped_too", is_flag=True, help="Stopped ones too.")
@click.pass_obj
def list_grants(desk: Desk, *, username: str, client: str, stopped_too: bool) -> None:
    """List grants: who lets which app do what."""

    async def chosen(store: Store) -> list[Given]:
        return await _named(store, await _chosen(store, username=username, client=client))

    found = [one for one in desk.run(chosen) if stopped_too or one.grant.status != "stopped"]
    rows = [
        (
            one.grant.id,
            one.username,
            one.grant.client,
            " ".join(one.grant.permissions),
            one.grant.status,
            moment(one.grant.changed),
        )
        for one in found
    ]
    text = columns(("id", "user", "client", "permissions", "status", "changed"), rows)
    desk.show([fields(one.grant) | {"username": one.username} for one in found], text)


async def _chosen(store: Store, *, username: str, client: str) -> list[Grant]:
    wanted = Many(Grant, "client", client) if client else Many(Grant)
    if username:
        wanted = Many(Grant, "user", await _sub(store, username))
    found = (await store.read(wanted)).many(wanted)
    return [one for one in found if client in {"", one.client}]


async def _sub(store: Store, username: str) -> str:
    wanted = Alias(User, sign_in_name(username))
    user = (await store.read(wanted)).one(wanted)
    if user is None:
        raise Failed(f"there is no user {username!r}")
    return user.id


async def _named(store: Store, grants: Sequence[Grant]) -> list[Given]:
    users = {one.user: One(User, one.user) for one in grants}
    wants: tuple[Want, ...] = tuple(users.values())
    found = await store.read(*wants)
    people = {sub: found.one(wanted) for sub, wanted in users.items()}
    names = {sub: "" if user is None else user.username for sub, user in people.items()}
    return [Given(one, names[one.user]) for one in grants]


@grant.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@USER
@CLIENT
@YES
@click.pass_obj
def stop(desk: Desk, ids: tuple[str, ...], *, username: str, client: str, yes: bool) -> None:
    """Stop grants, by their ids or all of a user or an app: every token of them is worthless at
    once."""
    if not (ids or username or client):
        raise Wrong("which ones? Give ids, --user or --client")

    async def live(store: Store) -> list[Grant]:
        found = await _chosen(store, username=username, client=client)
        missing = sorted(set(ids) - {one.id for one in found})
        if missing:
            raise Failed(f"there is no such grant: {', '.join(missing)}")
        return [one for one in found if one.status != "stopped" and (not ids or one.id in ids)]

    chosen = desk.run(live)
    if chosen:
        desk.sure(f"Stop {len(chosen)} of the grants?", yes=yes)
    desk.run(lambda store: _stop(store, chosen, desk=desk))
    desk.show({"stopped": [one.id for one in chosen]}, f"stopped {len(chosen)}")


async def _stop(store: Store, grants: Sequence[Grant], *, desk: Desk) -> None:
    context = desk.context()
    for one in grants:
        await _stop_one(store, one, context)


async def _stop_one(store: Store, one: Grant, context: Context) -> None:
    await settle(
        store, lambda: turn(one.id, "stop", user=one.user, by="administrator", context=context)
    )
