"""`valetkey grant`: what users have said yes to."""

from collections.abc import Sequence
from typing import NamedTuple

import click

from valetkey.cli.context import Desk, columns, fields, moment
from valetkey.cli.grant_changes import narrow_grant, pause, resume, stop
from valetkey.cli.grant_choice import CLIENT, USER, chosen
from valetkey.cli.grant_delegates import cut, hands, readmit
from valetkey.cli.grant_limit import limit
from valetkey.cli.grant_shards import lose, shards
from valetkey.cli.options import Group
from valetkey.cli.receipts import receipt
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import One, Query
from valetkey.server.model.user import User
from valetkey.server.store.port import Store


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

    async def listed(store: Store) -> list[Given]:
        return await _named(store, await chosen(store, username=username, client=client))

    found = [one for one in desk.run(listed) if stopped_too or one.grant.status != "stopped"]
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


async def _named(store: Store, grants: Sequence[Grant]) -> list[Given]:
    users = {one.user: One(User, one.user) for one in grants}
    wants: tuple[Query, ...] = tuple(users.values())
    found = await store.read(*wants)
    people = {sub: found.one(wanted) for sub, wanted in users.items()}
    names = {sub: "" if user is None else user.username for sub, user in people.items()}
    return [Given(one, names[one.user]) for one in grants]


for command in (
    *(pause, resume, stop, narrow_grant, limit, receipt),
    *(shards, lose, hands, cut, readmit),
):
    grant.add_command(command)
